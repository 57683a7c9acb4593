"""Whether a configuration can work, asked of the adapters but of no venue."""

from __future__ import annotations

from dataclasses import replace

from sigmawatch.app.alerting.checking import foresee
from sigmawatch.app.channels import channel_problems
from sigmawatch.app.config import Config
from sigmawatch.app.forecast import Forecast, forecast
from sigmawatch.app.problems import ConfigProblems, Problem
from sigmawatch.app.wiring import channel_maker, iana_zones, venue_traits
from sigmawatch.domain.errors import Invalid


def judged(config: Config) -> Forecast:
    """The forecast of `config`, with what an adapter itself refuses among the problems."""
    traits, refused = dict(venue_traits()), list[Problem]()
    for name, settings in config.venues.items():
        try:
            alone = venue_traits(Config(venues={name: settings}, egress=config.egress))
        except Invalid as error:
            path = f"venues.{name}.{error.field}".rstrip(".")
            refused.append(Problem(path=path, rule=str(error), allowed=error.allowed))
        else:
            mine = name.upper()
            traits |= {one: told for one, told in alone.items() if one == mine}
    found = forecast(config, traits)
    for name, wrong in channel_problems(config, channel_maker(config)):
        path = f"channels.{name}.{wrong.field}".rstrip(".")
        refused.append(Problem(path=path, rule=str(wrong), allowed=wrong.allowed))
    if (exposed := config.access.exposed(config.server.host)) is not None:
        refused.append(exposed)
    return replace(found, problems=(*found.problems, *refused))


def checked(config: Config) -> Forecast:
    """As `judged`, and what the rules file and the routes get wrong, which keeps nothing from
    starting."""
    found, rules = judged(config), foresee(config, zones=iana_zones())
    return replace(found, problems=(*found.problems, *rules.problems),
                   warnings=(*found.warnings, *rules.warnings))  # fmt: skip


def workable(config: Config) -> Forecast:
    """The forecast of a configuration that can work. Raises ConfigProblems."""
    found = judged(config)
    if found.problems:
        raise ConfigProblems(found.problems)
    return found
