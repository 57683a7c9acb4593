"""How a command ends: the exit codes, and what is said about an error, in a line or two."""

from __future__ import annotations

from enum import IntEnum

from rich.console import Console
from rich.text import Text

from sigmawatch.app.problems import ConfigProblems
from sigmawatch.domain.errors import (
    InUse,
    Invalid,
    SigmawatchError,
    StorageFailed,
    StorageUnavailable,
)


class Exit(IntEnum):
    """What a script can rely on."""

    OK = 0
    FAILED = 1
    USAGE = 2  # the command line, the configuration or a name must change
    PARTIAL = 3  # some of it: a run's series, a database's rows; a tracker is not ready
    NONE = 4  # a run updated nothing
    IN_USE = 5  # the data folder or the port belongs to another process
    STORAGE = 6  # the database, or the disk or server under it, failed


MEANING = {
    Exit.OK: "all went well",
    Exit.FAILED: "it failed; trying again may help",
    Exit.USAGE: "the command line, the configuration or a name in it must change",
    Exit.PARTIAL: "`collect`, `backfill`: some markets were not updated; `backup`, `restore`, "
    "`doctor`, `salvage`, `audit verify`: "
    "some of it is damaged; `probe`: it answers, and is not ready or too old",
    Exit.NONE: "`collect`, `backfill`: nothing was updated",
    Exit.IN_USE: "the data folder or the port belongs to another process",
    Exit.STORAGE: "the disk or the server under the database failed; what was shown is stored",
}


def exit_of(error: SigmawatchError) -> Exit:
    """The code that an error ends a command with."""
    match error:
        case InUse():
            return Exit.IN_USE
        case StorageFailed() | StorageUnavailable():
            return Exit.STORAGE
        case Invalid():
            return Exit.USAGE
        case _:
            return Exit.FAILED


def tell(error: SigmawatchError, console: Console) -> Exit:
    """Print what is wrong and what is allowed; returns the exit code."""
    lines = [str(error)]
    if isinstance(error, ConfigProblems):
        count = len(error.problems)
        lines = [f"{count} problem{'s' if count > 1 else ''}{error.where}:"]
        lines += [f"  {problem}" for problem in error.problems]
    elif isinstance(error, Invalid) and error.allowed:
        lines.append(f"allowed: {error.allowed}")
    for line in lines:  # Text, since brackets in a stranger's name are no mark-up
        console.print(Text(line, style="red"), soft_wrap=True)
    return exit_of(error)


def first_of(group: BaseExceptionGroup[SigmawatchError]) -> SigmawatchError:
    """The first error inside a group, however deep."""
    first = group.exceptions[0]
    return first_of(first) if isinstance(first, BaseExceptionGroup) else first
