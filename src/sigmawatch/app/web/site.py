"""The site: what all resources share. The program, and the snapshots that page walks stand on.

A walk through pages of a moving table shows one moment: its cursor names a snapshot, which is kept
for WALK_MS after its last page, WALKS_MAX of them at most (the longest unused goes first; boards
share their arrays, so a kept one costs little until its slot is over).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec
from litestar import Request, Response
from litestar.status_codes import HTTP_304_NOT_MODIFIED
from msgspec import Struct

from sigmawatch.app.web.kept import Stamp, keep
from sigmawatch.app.web.problems import ProblemError
from sigmawatch.domain.errors import Unavailable
from sigmawatch.domain.window import Interval
from sigmawatch.engine.snapshot import Board, Snapshot

if TYPE_CHECKING:
    from sigmawatch.app.access.access import Access
    from sigmawatch.app.program import Program

WALK_MS = 300_000
WALKS_MAX = 16
WINDOWS_MAX = 16


class Contract(Struct, frozen=True, kw_only=True):
    """The OpenAPI document as JSON, its entity tag, and path -> methods of what it describes."""

    content: bytes
    tag: str
    paths: dict[str, tuple[str, ...]]


class Site:
    """One application's program and its open walks. access: users, keys and the audit log."""

    def __init__(
        self, program: Program, *, contract: Callable[[], Contract], access: Access
    ) -> None:  # fmt: skip
        self.program = program
        self.access = access
        self.contract = contract
        self._epoch = secrets.token_hex(4)  # sequences begin anew in every process
        self._walks: dict[str, tuple[int, Snapshot]] = {}
        self._windows: dict[tuple[int, int], tuple[Board, Board]] = {}
        self._paced: dict[str, int] = {}

    @property
    def now_ms(self) -> int:
        return self.program.clock.now_ms()

    @property
    def aged_ms(self) -> int:
        """When ages are taken: at the begin of this second, so that one answer is everybody's."""
        return self.now_ms // 1_000 * 1_000

    def pace(self, what: str, *, every_ms: int) -> None:
        """Raises ProblemError where it was asked for less than `every_ms` ago, by anybody."""
        now_ms = self.program.clock.monotonic_ms()
        if (wait_ms := self._paced.get(what, now_ms) - now_ms) > 0:
            raise ProblemError("too-many-requests", f"once in {every_ms // 1_000} s",
                               headers={"retry-after": str(-(-wait_ms // 1_000))})  # fmt: skip
        self._paced[what] = now_ms + every_ms

    def keep(self, snapshot: Snapshot, window_ms: int) -> str:
        """Keep `snapshot` for the next page of a walk over `window_ms`; the walk's name."""
        name = f"{self._epoch}.{snapshot.sequence}.{window_ms}"
        self._walks.pop(name, None)
        self._walks[name] = (self.program.clock.monotonic_ms() + WALK_MS, snapshot)
        while len(self._walks) > WALKS_MAX:
            del self._walks[next(iter(self._walks))]
        return name

    def snapshot(self, walk: str | None = None) -> Snapshot:
        """The snapshot of a walk; the newest for none. Raises ProblemError where it is gone."""
        if walk is None:
            return self.program.snapshot
        now_ms = self.program.clock.monotonic_ms()
        self._walks = {name: kept for name, kept in self._walks.items() if kept[0] > now_ms}
        if walk not in self._walks:
            raise ProblemError("cursor-expired", "the pages of that moment are no longer kept")
        return self._walks[walk][1]

    async def windowed(
        self, snapshot: Snapshot, window_ms: int, *, interval: Interval | None = None
    ) -> Snapshot:
        """`snapshot` with statistics over `window_ms` on the board of `interval`, or on all; the
        newest one instead where a slot closed meanwhile. Raises Invalid for a window that an
        interval cannot have."""
        for board in list(snapshot.boards.values()):
            if interval not in (None, board.interval):
                continue
            wider = await self._widened(board, window_ms)
            if wider is None:
                newest = self.program.snapshot
                if newest.sequence == snapshot.sequence:
                    raise Unavailable("a slot is closing; ask again", retry_after_s=1)
                return await self.windowed(newest, window_ms, interval=interval)
            boards = {**snapshot.boards, board.interval.ms: wider}
            snapshot = replace(snapshot, boards=MappingProxyType(boards))
        return snapshot

    async def _widened(self, board: Board, window_ms: int) -> Board | None:
        """Built once for a board, however many ask."""
        key = (board.interval.ms, window_ms)
        held = self._windows.get(key)
        if held is None or held[0] is not board:
            wider = await self.program.widened(board, window_ms)
            if wider is None:
                return None
            held = self._windows[key] = (board, wider)
            while len(self._windows) > WINDOWS_MAX:
                del self._windows[next(iter(self._windows))]
        return held[1]

    def stamp(self) -> tuple[Stamp, int]:
        """What is shown and stored now; and the second of the clock."""
        program = self.program
        stamp = (program.snapshot.sequence, program.tracker.committed_count,
                 program.catalogue.changes_count)  # fmt: skip
        return stamp, self.now_ms // 1_000

    def same_for_all(self, request: Request[Any, Any, Any], *, aged: bool = False) -> None:
        """Say that the answer to `request` follows from its address and what is shown and stored,
        whoever asks; before anything is read. aged: and from this second."""
        stamp, second = self.stamp()
        keep(request.scope, stamp, second=second if aged else None)

    def tag(self, snapshot: Snapshot, *, form: str = "") -> str:
        """The weak entity tag of an answer that follows from `snapshot` and the address alone, but
        for ages, which move with the clock. form: how it is written, where not as usual."""
        return f'W/"{self._epoch}.{snapshot.sequence}{form and "." + form}"'


def unchanged(request: Request[Any, Any, Any], tag: str) -> bool:
    """Whether the client holds the answer tagged `tag` already (RFC 9110, 13.1.2)."""
    given = request.headers.get("if-none-match", "")
    held = {one.strip().removeprefix("W/") for one in given.split(",")}
    return "*" in held or tag.removeprefix("W/") in held


def tagged(request: Request[Any, Any, Any], content: Any) -> Response[Any]:
    """An answer whose entity tag is a digest of its bytes."""
    body = msgspec.json.encode(content)
    tag = digest(body)
    if unchanged(request, tag):
        return not_modified(tag)
    headers = {"etag": tag, "vary": "accept"}
    return Response(body, media_type="application/json", headers=headers)


def digest(body: bytes) -> str:
    """The strong entity tag of these bytes."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def not_modified(tag: str) -> Response[Any]:
    """The 304 answer."""
    return Response(None, status_code=HTTP_304_NOT_MODIFIED, headers={"etag": tag})
