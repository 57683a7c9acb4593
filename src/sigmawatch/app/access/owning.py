"""Whose something is: what of others' does not exist for whoever asks, and what is not theirs to
change (SECURITY.md, Authorization: "foreign object = 404")."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Caller
from sigmawatch.domain.errors import NotFound, NotPermitted


class Owned(Protocol):
    """owner_id: a user, None where it is the installation's."""

    @property
    def owner_id(self) -> int | None: ...


T = TypeVar("T", bound=Owned)


def visible(things: Iterable[T], caller: Caller | None) -> list[T]:
    """Those that exist for a caller; None: the program itself asks."""
    return [one for one in things if sees(one, caller)]


def sees(thing: Owned, caller: Caller | None) -> bool:
    return caller is None or caller.sees(thing.owner_id)


def check_theirs(thing: Owned, by: Actor, *, name: str) -> None:
    """name: as `the rule hot`. Raises NotFound for another user's, NotPermitted for what is the
    installation's."""
    if not by.caller.sees(thing.owner_id):
        raise NotFound(f"{name} is not one of yours, and its name is taken", field="name",
                       allowed="another name")  # fmt: skip
    if not by.caller.changes(thing.owner_id):
        raise NotPermitted(f"{name} is the installation's: an admin changes it")
