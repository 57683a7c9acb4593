"""Options that several commands share, and the configuration that follows from them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

from sigmawatch.app.config import Config
from sigmawatch.app.sources import load_config, read_env_file

ENV_FILE = ".env"
_PLACE = "Where"
_OUTPUT = "Output"

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="FOLDER", rich_help_panel=_PLACE, show_default="data",
                 help="Folder of the database."),
]  # fmt: skip
Database = Annotated[
    str | None,
    typer.Option("--database", metavar="ADDRESS", rich_help_panel=_PLACE,
                 show_default="a file in that folder",
                 help="A PostgreSQL database, as postgresql://user@host/name."),
]  # fmt: skip
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", rich_help_panel=_PLACE,
                 show_default="sigmawatch.toml, if it is there", help="Configuration file."),
]  # fmt: skip
AsJson = Annotated[
    bool, typer.Option("--json", rich_help_panel=_OUTPUT, help="Print JSON instead of a table.")
]
VenueName = Annotated[
    str | None, typer.Option("--venue", metavar="NAME", help="Only this venue, as kraken.")
]
Port = Annotated[
    int | None,
    typer.Option("--port", metavar="PORT", show_default="8000",
                 help="Port of the page and the API; 0 takes any free one."),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A tracker at an address, and the key that it is asked with."""

    url: str
    key: str = field(repr=False)


def elsewhere(
    file: Path | None, data: Path | None, *, database: str | None = None
) -> Elsewhere | None:
    """The tracker that SIGMAWATCH_URL names, as for the Python client; None where it names none,
    or the command itself says where on this machine."""
    environ = _environ()
    url = environ.get("SIGMAWATCH_URL")
    if not url or (file, data, database) != (None, None, None):
        return None
    return Elsewhere(url, environ.get("SIGMAWATCH_KEY", ""))


def read_config(
    file: Path | None, data: Path | None, *, database: str | None = None,
    server: Mapping[str, object] = MappingProxyType({}),
) -> Config:  # fmt: skip
    """The configuration that counts for a command. Raises ConfigProblems."""
    return load_config(
        file, environ=_environ(), overrides={"data": data, "database": database, "server": server}
    )


def _environ() -> Mapping[str, str]:
    return {**read_env_file(Path(ENV_FILE)), **os.environ}
