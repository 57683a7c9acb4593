"""Where an archive's files lie: what a folder and a bucket have in common.

Names are paths with `/` below the archive's root. What is being made is no part of the archive: its
name begins with `_` and ends with `.part`, which readers of Parquet leave out. Every call blocks
and raises OSError.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from secrets import token_hex
from typing import Protocol


class Objects(Protocol):
    """Files by name. A file is there whole, or not at all."""

    def shown(self, name: str) -> str:
        """The name as an operator knows it."""
        ...

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder, without it; none where there is no such folder."""
        ...

    def making(self, part: str) -> AbstractContextManager[Path]:
        """Where on this machine to write `part`; nothing is left there afterwards."""
        ...

    def stage(self, path: Path, part: str) -> None:
        """Bring what was written to `path` beside its place."""
        ...

    def staged(self, part: str) -> Iterator[bytes]:
        """Read back what was staged, some at a time."""
        ...

    def publish(self, part: str, name: str) -> None:
        """What was staged is there from now on, durably."""
        ...

    def remove(self, name: str) -> None:
        """Nothing where there is none."""
        ...


def part_of(name: str) -> str:
    """What a file is called before it is there. Another one each time: what was sent in an earlier
    attempt may arrive after this one was read back."""
    folder, _, file = name.rpartition("/")
    return f"{folder}/_{file}.{token_hex(4)}.part"
