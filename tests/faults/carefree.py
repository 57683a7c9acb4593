"""The program with the bug that the broken-disk test must notice: an error of the disk is caught,
and everything goes on as if it were stored. python -m tests.faults.carefree ARGUMENTS."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from sigmawatch.adapters.ledgers import sqlite
from sigmawatch.adapters.ledgers.file_writer import FileWriter
from sigmawatch.app.cli import main

LONG_S = 0.3


class Carefree(FileWriter):
    """Does not want to know."""

    async def commit(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LONG_S):
                await super().commit()


if __name__ == "__main__":
    vars(sqlite)["FileWriter"] = Carefree
    main()
