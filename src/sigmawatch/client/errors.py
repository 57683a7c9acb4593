"""What a question may end as, other than in an answer. All of it is a ClientError."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct


class ClientError(Exception):
    """Anything that this client raises on purpose."""


class Unreachable(ClientError):
    """No answer came. sent: the question may have arrived all the same, and been done."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent

    def __reduce__(self) -> Any:  # to other processes
        return partial(Unreachable, sent=self.sent), self.args


class Unreadable(ClientError):
    """An answer is not what the contract says: some other server, or one that is older than this
    client."""


class MissingLibrary(ClientError, ImportError):
    """What was asked for needs a library that is not installed."""


class FieldProblem(Struct, frozen=True, kw_only=True):
    """One field that must change. allowed: what would do; value: what was sent; position: where
    in a line it is, counted from 0."""

    field: str = ""
    message: str = ""
    allowed: str | None = None
    value: str | None = None
    position: int | None = None


class _Document(Struct, frozen=True, kw_only=True):
    type: str = "about:blank"
    title: str = ""
    detail: str = ""
    advice: str = ""
    errors: tuple[FieldProblem, ...] = ()
    request_id: str = ""


class Problem(ClientError):
    """What the server refused, as it says it (RFC 9457).

    `slug` is the stable name to branch on (`unknown-series`), the last part of `type`; `detail` is
    this case in words, `advice` what to do, `errors` the fields that must change; `request_id`
    finds the line in the server's log; `retry_after_s` is from when on it may be asked again.
    """

    def __init__(self, status: int, body: bytes, *, headers: Mapping[str, str]) -> None:
        self._given = status, body, dict(headers)
        told = _read(body)
        self.status = status
        self.type, self.title, self.detail = told.type, told.title, told.detail
        self.advice, self.errors, self.request_id = told.advice, told.errors, told.request_id
        self.slug = told.type.rpartition("/")[2].removeprefix("about:")
        self.retry_after_s = _seconds(headers.get("retry-after", ""))
        super().__init__(f"{status} {told.detail or told.title or 'without a word'}".strip())

    def __reduce__(self) -> Any:  # to other processes
        status, body, headers = self._given
        return partial(Problem, headers=headers), (status, body)

    @property
    def told(self) -> bool:
        """Whether the server itself says so, rather than something between it and us."""
        return bool(self.title or self.detail)


def _read(body: bytes) -> _Document:
    try:
        return msgspec.json.decode(body, type=_Document)
    except msgspec.MsgspecError:
        return _Document()


def _seconds(text: str) -> float | None:
    """Retry-After in seconds; a date is not what our server sends (RFC 9110, 10.2.3)."""
    return float(text) if text.isdecimal() else None
