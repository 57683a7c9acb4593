"""What `check` says of rules and routes: of the files alone, without the database.

Names may also be defined while a program runs, in its database: one that no file knows is a warning
here. What is wrong in the rules file never keeps a program from starting; `check` calls it wrong
all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sigmawatch.app.alerting.rules_file import read_rules_file
from sigmawatch.app.alerting.scope import FileScope
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.channel_config import TAKEN
from sigmawatch.app.config import Config
from sigmawatch.app.problems import Problem, near
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import Market, asset, parse_market
from sigmawatch.domain.series import DERIVED, Series
from sigmawatch.domain.watchlist import Watchlist
from sigmawatch.domain.window import Interval
from sigmawatch.ports.zones import Zones


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """problems: what cannot work; warnings: what may not."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def foresee(config: Config, *, zones: Zones) -> Foreseen:
    """Read the rules file as a program with this configuration would."""
    channels = {*config.channels, *TAKEN}
    routes = tuple(_routed(config, channels))
    path = config.rules_path
    if path is None or not (path.exists() or config.rules_file is not None):
        return Foreseen(problems=(), warnings=routes)
    content = read_rules_file(path, scope=_scope(config, channels=channels, zones=zones))
    problems = [one for found in content.problems.values() for one in found]
    warnings = [
        one for found in (content.definitions or {}).values() for one in found.warnings
    ]  # fmt: skip
    return Foreseen(problems=tuple(problems), warnings=(*routes, *warnings))


def _routed(config: Config, channels: Collection[str]) -> Iterator[Problem]:
    for severity in Severity:
        for row, name in enumerate(config.routes.to(severity)):
            if name not in channels:
                yield Problem(
                    path=f"routes.{severity}[{row}]", value=name,
                    rule=f"no channel of the configuration{near(name, channels)}",
                    allowed="or one that was made with `sigmawatch channels add`",
                )  # fmt: skip


def _scope(config: Config, *, channels: Collection[str], zones: Zones) -> FileScope:
    lists = {one.name: Watchlist.of(one.name, one.items) for one in config.watchlists}
    catalogue = Catalogue()
    catalogue.put(series=_series(config))
    return FileScope(
        catalogue, interval=config.interval, zones=zones, watchlists=lambda: lists,
        channels=lambda: channels,
    )  # fmt: skip


def _series(config: Config) -> Iterator[Series]:
    """What will be tracked, as far as the file tells: a venue's own id does not tell its pair."""
    named: list[tuple[str, str, str, str, Interval]] = []
    for track in (part for one in config.track for part in one.parts):
        for text in track.named:
            base, _, quote = parse_market(text).pair.partition("/")
            named += [(track.venue_name, base, quote, metric, track.every)
                      for metric in track.measured if quote]  # fmt: skip
    for one in config.derived:
        base, _, quote = one.name.partition("/")
        named.append((DERIVED, base, quote, one.metric, one.every))
    for number, (venue, base, quote, metric, every) in enumerate(dict.fromkeys(named), start=1):
        try:
            market = Market(
                venue=venue, base=asset(base), quote=asset(quote), native=f"{base}{quote}"
            )
        except Invalid:
            continue  # told at its own place
        yield Series(id=number, market=market, metric=metric, interval=every, block_id=1, place=0)
