"""The watchlists of one program: those of the configuration file, and those made while it runs.

The file's are read-only elsewhere and hide a stored one of the same name. Who is on a list follows
from its patterns at every slot, so new markets join by themselves; what was found is kept as long
as the rows of a board stay the same.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from weakref import WeakKeyDictionary

from sigmawatch.app.access.owning import check_theirs, sees, visible
from sigmawatch.app.config import Config
from sigmawatch.domain.audit import OURSELVES, Actor
from sigmawatch.domain.caller import Caller
from sigmawatch.domain.errors import Conflict, Invalid, NotFound
from sigmawatch.domain.watchlist import Watchlist
from sigmawatch.engine.geometry import Mask
from sigmawatch.engine.snapshot import Board, Layout
from sigmawatch.ports.ledger import Ledger

WATCHLISTS_MAX = 500


class Watchlists:
    """Every list by its name. Changes are durable before they are seen."""

    def __init__(self, config: Config, *, ledger: Ledger) -> None:
        self._source = config.source.name if config.source else "the configuration"
        self._ledger = ledger
        self._defined = {
            one.name: Watchlist.of(one.name, one.items, origin="file") for one in config.watchlists
        }
        self._stored: dict[str, Watchlist] = {}
        self._found: WeakKeyDictionary[Layout, dict[str, tuple[Watchlist, Mask]]] = (
            WeakKeyDictionary()
        )

    async def recover(self) -> None:
        """Read the stored ones back."""
        self._stored = {one.name: one for one in await self._ledger.watchlists()}

    @property
    def all(self) -> Sequence[Watchlist]:
        """By name."""
        found = {**self._stored, **self._defined}
        return [found[name] for name in sorted(found)]

    def visible(self, caller: Caller) -> Sequence[Watchlist]:
        """Those that exist for a caller, by name."""
        return visible(self.all, caller)

    def by_name(self) -> Mapping[str, Watchlist]:
        """All of them, as they are now; for any thread."""
        return {**self._stored, **self._defined}

    def find(
        self, name: str, *, field: str = "watchlist", by: Caller | None = None
    ) -> Watchlist:  # fmt: skip
        """by: for whom it is to exist. Raises NotFound naming `field`, with near names."""
        folded = name.strip().lower()
        found = self._defined.get(folded) or self._stored.get(folded)
        if found is None or not sees(found, by):
            names = [one.name for one in visible(self.all, by)]
            close = difflib.get_close_matches(folded, names, n=5, cutoff=0.5) or names[:5]
            raise NotFound(
                f"there is no watchlist {name[:40]!r}", field=field,
                allowed=", ".join(close) or "none is defined yet",
            )  # fmt: skip
        return found

    async def add(self, watchlist: Watchlist, *, by: Actor = OURSELVES) -> None:
        """A new one. Raises Conflict where the name is taken, Invalid where there are too many."""
        self._check_free(watchlist.name)
        if watchlist.name in self._stored:
            raise Conflict(f"there is a watchlist {watchlist.name} already", field="name")
        await self._put(watchlist, by=by)

    async def put(self, watchlist: Watchlist, *, by: Actor = OURSELVES) -> bool:
        """A new one, or another content for one that stands; whether it is new. Raises as `add`,
        and NotFound, NotPermitted where that is not theirs."""
        self._check_free(watchlist.name)
        new = watchlist.name not in self._stored
        await self._put(watchlist, by=by)
        return new

    async def _put(self, watchlist: Watchlist, *, by: Actor) -> None:
        before = self._stored.get(watchlist.name)
        if before is not None:
            check_theirs(before, by, name=f"the watchlist {before.name}")
        owner_id = by.caller.user_id if before is None else before.owner_id
        watchlist = replace(watchlist, owner_id=owner_id)
        if before is None and len(self._stored) >= WATCHLISTS_MAX:
            raise Invalid(f"there are {WATCHLISTS_MAX} watchlists already", field="name",
                          allowed="remove one that is not needed")  # fmt: skip
        async with self._ledger.transaction() as transaction:
            await transaction.watchlists.put(watchlist)
            await transaction.audit.append(by.did(
                "watchlist.put", f"watchlist {watchlist.name}", before=_said(before),
                after=_said(watchlist),
            ))  # fmt: skip
        self._stored[watchlist.name] = watchlist

    async def remove(self, name: str, *, by: Actor = OURSELVES) -> None:
        """Raises NotFound, NotPermitted, or Conflict where the configuration defines it."""
        found = self.find(name, by=by.caller)
        self._check_free(found.name)
        check_theirs(found, by, name=f"the watchlist {found.name}")
        async with self._ledger.transaction() as transaction:
            await transaction.watchlists.remove(found.name)
            await transaction.audit.append(by.did(
                "watchlist.remove", f"watchlist {found.name}", before=_said(found)
            ))  # fmt: skip
        self._stored.pop(found.name, None)

    def _check_free(self, name: str) -> None:
        if name in self._defined:
            raise Conflict(
                f"the watchlist {name} is defined by {self._source}; change it there", field="name"
            )

    def on(self, board: Board, name: str, *, field: str = "watchlist") -> Mask:
        """bool[rows]: the series that stand on a list. Raises NotFound naming `field`."""
        watchlist = self.find(name, field=field)
        found = self._found.setdefault(board.layout, {})
        known, mask = found.get(watchlist.name, (None, None))
        if mask is None or known is not watchlist:
            mask = board.layout.labels.on(watchlist.patterns)
            mask.setflags(write=False)
            found[watchlist.name] = watchlist, mask
        return mask


def _said(watchlist: Watchlist | None) -> dict[str, object] | None:
    return None if watchlist is None else {"items": watchlist.items, "owner": watchlist.owner_id}
