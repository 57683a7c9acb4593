"""The program with the bug that the backup test must notice: its backup copies the file.

python -m tests.faults.file_copy ARGUMENTS. What is in the log beside the file is not in the copy.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app import wiring
from sigmawatch.app.cli import main
from sigmawatch.ports.backup import Copied, Told


class CopyingLedger(SqliteLedger):
    """Takes the file for the database."""

    async def backup(self, target: str, *, told: Told) -> Copied:
        path: Path = vars(self._readers)["_path"]
        await asyncio.to_thread(shutil.copyfile, path, target)
        return Copied(size_bytes=0, items_count=0)


if __name__ == "__main__":
    vars(wiring)["SqliteLedger"] = CopyingLedger
    main()
