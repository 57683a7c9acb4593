"""What every command that asks the program does around its one question."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sigmawatch.app.cli.options import elsewhere, read_config
from sigmawatch.app.telemetry import LogStyle, configure

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client

T = TypeVar("T")


def ask(
    question: Callable[[Client], Awaitable[T]], *, file: Path | None, data: Path | None,
    database: str | None = None,
) -> T:  # fmt: skip
    """Ask the tracker that SIGMAWATCH_URL names, else the program that holds the data folder, else
    open the folder for this one question."""
    named = elsewhere(file, data, database=database)
    place = named or read_config(file, data, database=database)
    configure(LogStyle.CONSOLE, level=logging.WARNING)

    async def asked() -> T:
        # The web framework and NumPy take longer to import than `--help` takes altogether.
        from sigmawatch.app.cli.connecting import connected  # noqa: PLC0415

        async with connected(place) as client:
            return await question(client)

    return asyncio.run(asked())
