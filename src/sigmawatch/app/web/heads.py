"""Heads of requests that h11 has read before, by their bytes: a client says the same again and
again, and the same bytes mean the same.

Nothing is read here. h11 read these very bytes, on a connection that waited for a request, as one
whole GET without a body and with nothing behind it; whoever sends them again, whole and alone, is
understood alike. Kept for at most two turns of HEAD_KEPT_S after their last use, since credentials
are among them, and HEADS_MAX of them at most.
"""

from __future__ import annotations

from typing import Any

HEADS_MAX = 4_096  # in each of two generations
HEAD_BYTES_MAX = 2_048
HEAD_KEPT_S = 30.0
_END = b"\r\n\r\n"
_DECIDE = frozenset({  # what a connection or a body follows from
    b"connection", b"content-length", b"expect", b"keep-alive", b"transfer-encoding", b"upgrade",
})  # fmt: skip
_SAME = ("type", "asgi", "http_version", "method", "root_path", "path", "raw_path", "query_string")


class Head:
    """One request as h11 read it. scope: what of its scope is the same for whoever sends it. said:
    what the application makes of that (`at_once`); None until it has."""

    __slots__ = ("headers", "said", "scope")

    def __init__(self, scope: dict[str, Any]) -> None:
        self.scope = {name: scope[name] for name in _SAME}
        self.headers = tuple(scope["headers"])
        self.said: object = None


class Heads:
    """Two generations: what was not used in one is gone with the next."""

    def __init__(self) -> None:
        self._young: dict[bytes, Head] = {}
        self._old: dict[bytes, Head] = {}
        self._turned_s = 0.0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def find(self, data: bytes) -> Head | None:
        """What `data` was read as."""
        found = self._young.get(data)
        if found is None and self._old and (found := self._old.get(data)) is not None:
            self._put(data, found)
        return found

    def keep(self, data: bytes, scope: dict[str, Any]) -> None:
        """h11 has read `data`, and nothing else, as this request, which is whole."""
        if (
            len(data) <= HEAD_BYTES_MAX
            and data.find(_END) == len(data) - len(_END)
            and scope["method"] == "GET"
            and scope["http_version"] == "1.1"
            and not any(name in _DECIDE for name, _ in scope["headers"])
        ):
            self._put(data, Head(scope))

    def _put(self, data: bytes, head: Head) -> None:
        if len(self._young) >= HEADS_MAX:
            self._turn()
        self._young[data] = head

    def look(self, now_s: float) -> None:
        """To be called now and then."""
        if now_s - self._turned_s >= HEAD_KEPT_S:
            self._turn()
            self._turned_s = now_s

    def _turn(self) -> None:
        self._young, self._old = {}, self._young
