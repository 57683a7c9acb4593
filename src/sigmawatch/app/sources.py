"""Where the configuration comes from: later sources win, key by key.

The defaults of app.config, one TOML file, `SIGMAWATCH_…` variables
(`SIGMAWATCH_SERVER__PORT=9000`) and `DATABASE_URL`, command-line flags. Everything that is wrong
in any of them is told at once (app.problems).
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from pydantic import ValidationError

from sigmawatch.app.channel_config import resolved
from sigmawatch.app.config import Config
from sigmawatch.app.database import names_server
from sigmawatch.app.interval_config import of_sources
from sigmawatch.app.problems import ConfigProblems, Problem, explain
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.metric import metric_named
from sigmawatch.domain.window import Interval, parse_span

PREFIX = "SIGMAWATCH_"
FILE_NAME = "sigmawatch.toml"
DATABASE_URL = "DATABASE_URL"
_STAGE = re.compile(r"[a-z][a-z0-9_-]*", re.ASCII)
# Kubernetes sets SIGMAWATCH_PORT=tcp://… and SIGMAWATCH_SERVICE_HOST beside a service of our name;
# SIGMAWATCH_URL and SIGMAWATCH_KEY are the Python client's, SIGMAWATCH_BUILD_… the set-up's and
# SIGMAWATCH_TEST_… the tests'.
_NOT_OURS = re.compile(r"SIGMAWATCH_((CONFIG|URL|KEY)$|PORT($|_)|SERVICE_|BUILD_|TEST_)")


def load_config(
    path: Path | None = None,
    *,
    environ: Mapping[str, str],
    overrides: Mapping[str, object] = MappingProxyType({}),
) -> Config:
    """Read the one file that counts, the environment and the flags.

    path: the `--config` flag. overrides: nested as the file is, `{"server": {"port": 9000}}`; a
    value of None says nothing. Raises ConfigProblems with everything that is wrong.
    """
    source = config_path(path, environ=environ)
    problems: list[Problem] = []
    layers = [_read(source, problems), _environment(environ, problems), _clean(overrides)]
    origins = [source.name if source else "", PREFIX, "--"]
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = _merge(merged, layer)
    folder = source.parent if source else Path()
    merged = resolved(merged, problems, environ=environ, folder=folder)
    config: Config | None = None
    try:
        config = Config.model_validate(_inherit_interval(merged))
    except ValidationError as exc:
        problems += explain(exc, Config, layers=dict(zip(origins, layers, strict=True)))
    if problems:
        raise ConfigProblems(problems)
    assert config is not None
    config._source = source
    return config


def config_path(path: Path | None, *, environ: Mapping[str, str]) -> Path | None:
    """The file that counts: the flag's, else `SIGMAWATCH_CONFIG`'s (a path, or a stage: `dev` is
    `sigmawatch.dev.toml`), else `sigmawatch.toml` if it is there, else none."""
    named = environ.get(f"{PREFIX}CONFIG", "").strip()
    if path is None and named:
        path = Path(f"sigmawatch.{named}.toml") if _STAGE.fullmatch(named) else Path(named)
    if path is not None:
        return path
    return Path(FILE_NAME) if Path(FILE_NAME).is_file() else None


def read_env_file(path: Path) -> dict[str, str]:
    """`KEY=value` lines of a `.env` file; blank lines and `#` comments are skipped, quotes around
    a whole value are taken off. Empty where there is no such file."""
    if not path.is_file():
        return {}
    lines = [line.strip().removeprefix("export ") for line in path.read_text("utf-8").splitlines()]
    pairs = [line.partition("=") for line in lines if "=" in line and not line.startswith("#")]
    return {key.strip(): _unquoted(value.strip()) for key, _, value in pairs}


def _unquoted(value: str) -> str:
    quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value


def _read(source: Path | None, problems: list[Problem]) -> dict[str, Any]:
    if source is None:
        return {}
    try:
        read = tomllib.loads(source.read_text("utf-8"))
    except OSError as exc:
        reason = (exc.strerror or "unreadable").lower()
        problems.append(Problem(
            path=str(source), rule=f"cannot be read: {reason}; `sigmawatch init` writes one"
        ))  # fmt: skip
    except ValueError as exc:  # TOML's own, or bytes that are not UTF-8
        problems.append(Problem(path=str(source), rule=f"is not TOML: {exc}"))
    else:
        return _lower_venues(read)
    return {}


def _lower_venues(read: dict[str, Any]) -> dict[str, Any]:
    """`[venues.KRAKEN]` is `[venues.kraken]`, so that the environment can add to it."""
    venues = read.get("venues")
    if not isinstance(venues, dict):
        return read
    return {**read, "venues": {name.lower(): table for name, table in venues.items()}}


def _environment(environ: Mapping[str, str], problems: list[Problem]) -> dict[str, Any]:
    """`SIGMAWATCH_A__B=1` as {"a": {"b": "1"}}; lists and tables are JSON; empty is unset.
    `DATABASE_URL` is what platforms call the address of a database; ours comes before it."""
    url = environ.get(DATABASE_URL, "").strip()  # another program's may be of another kind
    read: dict[str, Any] = {"database": url} if names_server(url) else {}
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX) or _NOT_OURS.match(name) or not text.strip():
            continue
        value: object = text
        if text.lstrip()[0] in "[{":
            try:
                value = json.loads(text)
            except ValueError as exc:
                problems.append(Problem(path=name, rule=f"is not JSON: {exc}"))
                continue
        for key in reversed(name.removeprefix(PREFIX).lower().split("__")):
            value = {key: value}
        read = _merge(read, cast("dict[str, Any]", value))
    return read


def _merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Tables merge key by key; anything else of `over` replaces what was."""
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _clean(overrides: Mapping[str, object]) -> dict[str, Any]:
    """The flags that were given."""
    clean: dict[str, Any] = {}
    for key, value in overrides.items():
        kept = _clean(value) if isinstance(value, Mapping) else value
        if kept is not None and kept != {}:
            clean[key] = kept
    return clean


def _inherit_interval(merged: dict[str, Any]) -> dict[str, Any]:
    """What the venue, or else the file, says of slots, for every track and formula that says
    nothing itself."""
    whole = {"every": merged["interval"]} if _sound(merged.get("interval")) else {}
    venues = merged.get("venues")
    of_venue = {
        name: _told_of_slots(table)
        for name, table in (venues.items() if isinstance(venues, dict) else ())
    }
    own = {
        key: [_inherits(entry, whole | of_venue.get(_venue_of(entry), {})) for entry in merged[key]]
        for key in ("track", "derived", "failover") if isinstance(merged.get(key), list)
    }  # fmt: skip
    return merged | own


def _inherits(entry: Any, told: Mapping[str, Any]) -> Any:
    if not isinstance(entry, dict) or "every" in entry or not told:
        return entry
    own = {**told, **entry}
    if "intervals" in told and isinstance(own["intervals"], dict):
        own["intervals"] = {**told["intervals"], **own["intervals"]}
    return own


def _venue_of(entry: Any) -> str:
    return str(entry.get("venue", "")).lower() if isinstance(entry, dict) else ""


def _told_of_slots(table: Any) -> dict[str, Any]:
    """What a venue's table says of slots; what is wrong there is told once, at its own path."""
    if not isinstance(table, dict):
        return {}
    every, single = table.get("every"), table.get("intervals")
    told = {"every": every} if _sound(every) else {}
    if isinstance(single, dict) and _agreed(single):
        told["intervals"] = single
    return told


def _agreed(single: Mapping[str, object]) -> bool:
    try:
        of_sources({
            metric_named(name).name: Interval(parse_span(str(span)))
            for name, span in single.items()
        })  # fmt: skip
    except Invalid:
        return False
    return True


def _sound(raw: object) -> bool:
    try:
        return raw is not None and bool(Interval(parse_span(str(raw))))
    except Invalid:
        return False
