"""The reference pages of the command line and the configuration, written from the real thing."""

from collections.abc import Iterator, Sequence
from typing import Any

import typer
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from sigmawatch.app.access_config import AccessConfig, LimitsConfig
from sigmawatch.app.alerting.definition import RuleTable, written
from sigmawatch.app.backup_config import BackupConfig
from sigmawatch.app.channel_config import EgressConfig, SecretsConfig
from sigmawatch.app.cli import app
from sigmawatch.app.cli.exits import MEANING
from sigmawatch.app.config import BackfillConfig, Config, Server, Track, WatchlistConfig
from sigmawatch.app.derived_config import Derived, FailOverConfig
from sigmawatch.app.history_config import ArchiveConfig, HistoryConfig
from sigmawatch.app.notify_config import NotifyConfig, Routes
from sigmawatch.app.oidc_config import OidcConfig
from sigmawatch.app.publish_config import PublishConfig
from sigmawatch.app.push_config import PushConfig
from sigmawatch.app.telemetry_config import TelemetryConfig
from sigmawatch.app.venue_config import JsonMarket, VenueConfig
from sigmawatch.domain.window import Interval, format_span

CLI = """\
# Command line

<!-- written by `make docs` from the commands themselves -->

`./sigmawatch COMMAND` from a checkout, `sigmawatch COMMAND` where it is installed. Commands that
print data take `--json`. A command that finds its data folder in use asks the program that runs
there; otherwise it opens the database itself, and prints the same.

With `SIGMAWATCH_URL` (and `SIGMAWATCH_KEY`) in the environment or in `.env`, as for the Python
client, commands ask the tracker there, unless `--data`, `--database` or `--config` says where on
this machine. What works on files (`run`, `init`, `check`, `migrate`, `backup`, `restore`,
`doctor`, `salvage`) never leaves it.

`sigmawatch --install-completion` teaches your shell to complete all of this.
"""

CONFIGURATION = """\
# Configuration

<!-- written by `make docs` from the configuration itself -->

Nothing must be configured: without a file, twenty liquid pairs of Kraken, Coinbase and Binance are
tracked. `sigmawatch init` writes a commented `sigmawatch.toml` with the defaults and a
`.env.example`; `sigmawatch check` tells every problem at once, with its path, and foresees load and
budgets.

Later sources win, key by key: the defaults, one TOML file, the environment (`.env` in the folder of
the start, then the real one), flags. The file is the one of `--config`, else of `SIGMAWATCH_CONFIG`
(a path, or a stage: `dev` is `sigmawatch.dev.toml`), else `sigmawatch.toml` where it is there.
Unknown keys are errors; secrets are never printed.

In the environment a key is `SIGMAWATCH_` and its path, tables joined with two underscores:
`SIGMAWATCH_SERVER__PORT=9000`, `SIGMAWATCH_VENUES__BINANCE__API_KEY=…`. Lists are JSON:
`SIGMAWATCH_WINDOWS=["24h","1h"]`. An empty value is no value. `DATABASE_URL` counts as `database`
where it is the address of a PostgreSQL database and `SIGMAWATCH_DATABASE` is not set.
`SIGMAWATCH_URL` and `SIGMAWATCH_KEY` are the [Python client](client.md)'s.
"""

RULES_FILE = """\
# The rules file

<!-- written by `make docs` from the rules themselves -->

`rules.toml` beside `sigmawatch.toml`, or what `rules_file` names there: a table `[rules.NAME]` for
each rule. How to live with it: [write rules](../how-to/rules.md).

```toml
[rules.breakout]
condition = "abs(change_pct(15m)) > 5 and volume_24h_ref > 100000 for 2m"
target = ["*:BTC/*", "watchlist:majors"]
severity = "critical"
mute = "mon-fri 22:00-07:00 Europe/Berlin"
```

A name is 1 to 64 small letters, digits, `-` and `_`. Spans are text: `30s`, `5m`, `2h`, `1d`, at
most 7 d. Where several are meant, one may stand without brackets. What a rule does with them:
[alerts](alerts.md#settings). The API takes the same keys, and the command line has flags for them.

| key | default | meaning |
|---|---|---|
"""
TRACK = "One table for each set of markets of a venue. What a file tracks is read-only elsewhere."
DERIVED = (
    "Series that are computed from others: [derived series](derived.md). One whose inputs are not "
    "tracked yet waits for them; what a file defines is read-only elsewhere."
)
FAIL_OVER = (
    "Markets that are shown from other venues while their own does not answer: "
    "[survive a venue's outage](../how-to/fail-over.md). One whose markets are not tracked yet "
    "waits for them."
)
WATCHLISTS = (
    "Lists to filter and to compare by; what is on them follows from patterns, so new markets join "
    "by themselves. A list of the file is read-only elsewhere."
)
CHANNELS = (
    "A place that notices go to: `service`, and what that service needs, [each of "
    "them](channels.md#services). What a file defines is read-only elsewhere."
)
VENUE = (
    "How to talk to one venue, as `[venues.binance]`, or one of your own: "
    "[venues](../how-to/venues.md)."
)
JSON_MARKET = (
    "What a venue of the kind `http-json` is read for: one table for each number, or market."
)


def cli_page() -> str:
    """docs/reference/cli.md"""
    lines = [CLI]
    for name, command in _commands(typer.main.get_command(app)):
        lines += _command(name, command)
    lines += ["## Exit codes", "", "| code | meaning |", "|---|---|"]
    lines += [f"| {code:d} | {meaning} |" for code, meaning in MEANING.items()]
    return "\n".join(lines) + "\n"


def _commands(group: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


def _command(name: str, command: Any) -> Iterator[str]:
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    usage = " ".join(["sigmawatch", name, *(_argument(param) for param in arguments)])
    yield from (f"## {name}", "", f"    {usage}", "", *_paragraphs(command.help), "")
    shown = [param for param in command.params if param.help and param.name != "help"]
    if not shown:
        return
    yield from ("| | | default |", "|---|---|---|")
    for param in shown:
        yield f"| {_spelling(param)} | {_cell(param.help)} | {_cell(_default(param))} |"
    yield ""


def _argument(param: Any) -> str:
    return str(param.metavar) if param.required else f"[{param.metavar}]"


def _spelling(param: Any) -> str:
    if param.param_type_name == "argument":
        return f"`{param.metavar.removesuffix('...')}`".replace("|", "` or `")
    names = ", ".join(f"`{option}`" for option in param.opts)
    return f"{names} {param.metavar}" if param.metavar else names


def _default(param: Any) -> str:
    if isinstance(param.show_default, str):
        return param.show_default
    if param.default is None or param.default is False or param.required:
        return ""
    return str(getattr(param.default, "value", param.default))


def configuration_page() -> str:
    """docs/reference/configuration.md"""
    lines = [CONFIGURATION]
    lines += _section("Top level", Config)
    lines += _section("[server]", Server)
    lines += _section("[access]", AccessConfig)
    lines += _section("[access.oidc]", OidcConfig)
    lines += _section("[limits]", LimitsConfig)
    lines += _section("[history]", HistoryConfig)
    lines += _section("[archive]", ArchiveConfig)
    lines += _section("[backfill]", BackfillConfig)
    lines += _section("[backup]", BackupConfig)
    lines += _section("[publish]", PublishConfig)
    lines += _section("[push]", PushConfig)
    lines += _section("[telemetry]", TelemetryConfig)
    lines += _section("[routes]", Routes)
    lines += _section("[notify]", NotifyConfig)
    lines += ["## `[channels.NAME]`", "", CHANNELS, ""]
    lines += _section("[egress]", EgressConfig)
    lines += _section("[secrets]", SecretsConfig)
    lines += _section("[[track]]", Track, TRACK)
    lines += _section("[[derived]]", Derived, DERIVED)
    lines += _section("[[failover]]", FailOverConfig, FAIL_OVER)
    lines += _section("[[watchlists]]", WatchlistConfig, WATCHLISTS)
    lines += _section("[venues.NAME]", VenueConfig, VENUE)
    lines += _section("[[venues.NAME.markets]]", JsonMarket, JSON_MARKET)
    return "\n".join(lines).rstrip() + "\n"


def rules_file_page() -> str:
    """docs/reference/rules-file.md"""
    rows = []
    for key, field in RuleTable.model_fields.items():
        default = "required" if field.is_required() else _rule_default(key, field.default)
        rows.append(f"| `{key}` | {default} | {_cell(field.description or '')} |")
    return RULES_FILE + "\n".join(rows) + "\n"


def _rule_default(key: str, value: object) -> str:
    shown = written(key, value)
    return "" if shown in (None, [], "") else f"`{_toml(shown)}`"


def _section(title: str, model: type[BaseModel], text: str = "") -> Iterator[str]:
    name = f"`{title}`" if title.startswith("[") else title
    yield from (f"## {name}", "", *([text, ""] if text else []))
    yield from ("| key | default | meaning |", "|---|---|---|")
    for key, field in model.model_fields.items():
        if field.description:
            spelled = field.validation_alias or key
            yield f"| `{spelled}` | {_field_default(field)} | {_cell(field.description)} |"
    yield ""


def _field_default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    shown = _toml(value)
    return f"`{shown}`" if shown else ""


def _toml(value: object) -> str:
    match value:
        case None | SecretStr():
            return ""
        case bool():
            return str(value).lower()
        case Interval():
            return f'"{value}"'
        case tuple():
            return "[" + ", ".join(_toml(_span(item)) for item in value) + "]"
        case int() | float():
            return f"{value:g}"
        case _:
            return f'"{value}"'


def _span(item: object) -> object:
    return format_span(item) if isinstance(item, int) else item


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _paragraphs(text: str | None) -> Sequence[str]:
    return (text or "").strip().splitlines()
