"""Every exception this program raises on purpose, in one tree; the type says what to do next.

`Invalid`: change the input. `Unavailable`: trying again may help. `Refused`: it will not.
Foreign exceptions are translated into these at the adapter and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence


class SigmawatchError(Exception):
    """Anything this program raises on purpose."""


class Invalid(SigmawatchError, ValueError):
    """The caller must change the input. `field` names which one, `allowed` what would do."""

    def __init__(self, message: str, *, field: str = "", allowed: str = "") -> None:
        super().__init__(message)
        self.field = field
        self.allowed = allowed


class ManyInvalid(Invalid):
    """Several things must change; all of them are told at once. Each names its field."""

    def __init__(self, problems: Sequence[Invalid]) -> None:
        assert problems
        first = problems[0]
        told = "; ".join(f"{one.field}: {one}" if one.field else str(one) for one in problems)
        super().__init__(told, field=first.field, allowed=first.allowed)
        self.problems = tuple(problems)


class ExpressionInvalid(Invalid):
    """A rule's or a formula's line cannot be understood.

    position: offset of `word`, which is wrong in `text`.
    """

    def __init__(
        self, message: str, *, text: str, position: int, word: str = "", **more: str
    ) -> None:
        super().__init__(message, **more)
        self.text = text
        self.position = position
        self.word = word

    @property
    def caret(self) -> str:
        """The line and, under it, a caret below the offending word; two lines."""
        shown = "".join(each if each.isprintable() else " " for each in self.text)
        return f"{shown}\n{' ' * self.position}^"


class NotFound(Invalid):
    """The input is well formed but names nothing we know."""


class Conflict(Invalid):
    """The input contradicts what stands (a file manages it, it exists already)."""


class Edited(Conflict):
    """Somebody else has changed it since it was read."""


class Unavailable(SigmawatchError):
    """Trying again may help, not before `retry_after_s` seconds where that is known."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooSoon(Unavailable):
    """Whoever asks has to wait: after wrong passwords, longer and longer."""


class RateLimited(Unavailable):
    """A venue refuses for now because we asked too often (429, 418, or its own words)."""


class Maintenance(Unavailable):
    """A venue says that it is being maintained."""


class BadAnswer(Unavailable):
    """A venue answered, but not in its protocol: HTML, a torn body, far too few markets."""


class Busy(Unavailable):
    """A bounded queue of our own is full."""


class StorageUnavailable(Unavailable):
    """The database cannot be written to for now; what was asked for is certainly not stored."""


class Superseded(Unavailable):
    """Another program has taken over the work that we were doing."""


class Refused(SigmawatchError):
    """Trying again will not help until somebody changes something."""


class NotProven(Refused):
    """A name, password or token that was to prove who asks does not; nobody is told which."""


class NotPermitted(Refused):
    """It is there, and not theirs to change."""


class BlockedByRegion(Refused):
    """A venue refuses this machine's address for legal reasons (451, or 403 of its border)."""


class StorageFailed(Refused):
    """The database could not be written or read back; we stop rather than guess."""


class StorageDamaged(StorageFailed):
    """Something in the database cannot be read as it was written; the rest can."""


class StorageNewer(Refused):
    """The database was written by a newer version of this program."""


class InUse(Refused):
    """Another process holds what we need: a data folder or a port."""
