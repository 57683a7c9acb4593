"""The program with the bug that the full-disk test must notice: nothing is held in reserve, and its
log grows as it likes. python -m tests.faults.no_reserve ARGUMENTS."""

from __future__ import annotations

from sigmawatch.adapters.ledgers import file_writer, sqlite
from sigmawatch.adapters.ledgers.reserve import Reserve
from sigmawatch.app.cli import main
from sigmawatch.domain.storage import StorageState


class NoReserve(Reserve):
    """Sees nothing coming, and has nothing to give."""

    def look(self) -> tuple[StorageState, str]:
        return StorageState.OK, ""

    def release(self) -> bool:
        return False


if __name__ == "__main__":
    vars(sqlite)["Reserve"] = NoReserve
    vars(file_writer)["WAL_BYTES_MIN"] = 1_000_000_000
    main()
