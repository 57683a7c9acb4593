"""What an HTTP answer of a venue means, before anybody reads its numbers.

Every answer that is not JSON in the venue's protocol becomes one domain error with a name; JSON
that says it is text/html is read all the same. Texts of a venue are shortened and made printable
before they enter a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import msgspec

from sigmawatch.adapters.venues.settings import VenueFacts
from sigmawatch.domain.errors import (
    BadAnswer,
    BlockedByRegion,
    Invalid,
    Maintenance,
    RateLimited,
    SigmawatchError,
    Unavailable,
)
from sigmawatch.domain.reading import quantity

T = TypeVar("T")

_RETRY_AFTER_MIN_S = 1.0
_RETRY_AFTER_MAX_S = 7 * 86_400.0  # the longest ban we know of is 3 days
_TITLE = re.compile(rb"<title>([^<]{1,200})", re.IGNORECASE)
_BANNED_UNTIL = re.compile(rb"banned until (\d{13})")
_SCANNED_BYTES = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One HTTP answer: `headers` by lower-case name, `body` decompressed, `recv_ms` our clock."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    recv_ms: int


def json_of(reply: Reply, facts: VenueFacts) -> bytes:
    """The body, where it may be the JSON we asked for. Raises the error that it is otherwise."""
    if not 200 <= reply.status < 300:
        raise _failure(reply, facts)
    start = reply.body.lstrip()[:1]
    if not start:
        raise BadAnswer(f"{facts.name} answered with an empty body")
    if start not in (b"{", b"[") and not facts.bare:
        raise BadAnswer(f"{facts.name} answered with a page instead of data: {gist(reply.body)}")
    return reply.body


def decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """`body` read as the decoder's type. Raises BadAnswer where it is something else."""
    try:
        return decoder.decode(body)
    except (ValueError, RecursionError) as error:
        raise BadAnswer(f"not the expected JSON ({error}): {gist(body)}") from None


def rows_of(
    raws: Iterable[tuple[str, msgspec.Raw]], decoder: msgspec.json.Decoder[T]
) -> tuple[dict[str, T], dict[str, str]]:
    """Rows by market id, each read for itself: one that is no row is refused by name, with why."""
    rows, refused, read = dict[str, T](), dict[str, str](), decoder.decode
    for native, raw in raws:
        try:
            rows[native] = read(raw)
        except (ValueError, RecursionError) as error:
            refused[native] = f"row: {error}"
    return rows, refused


def gist(body: bytes, *, chars_max: int = 100) -> str:
    """A page's title or the first words of a text, fit for one line of a log."""
    title = _TITLE.search(body[:_SCANNED_BYTES])
    text = (title.group(1) if title else body[: 4 * chars_max]).decode("ascii", "replace")
    words = " ".join(text.split())
    return "".join(char if char.isprintable() else "?" for char in words)[:chars_max]


def retry_after_s(reply: Reply) -> float | None:
    """How long the venue wants to be left alone, in seconds; None where it does not say.

    RFC 9110, 10.2.3: seconds, or a date, which is read against the answer's own Date: our clock
    may be wrong. Binance also writes it into the text of a ban.
    """
    raw = reply.headers.get("retry-after")
    wait_s = _span_s(raw.strip(), reply) if raw is not None else None
    banned = _BANNED_UNTIL.search(reply.body[:_SCANNED_BYTES])
    if wait_s is None and banned and reply.status in {418, 429}:
        wait_s = (int(banned.group(1)) - reply.recv_ms) / 1_000.0
    if wait_s is None:
        return None
    return min(max(wait_s, _RETRY_AFTER_MIN_S), _RETRY_AFTER_MAX_S)


def _span_s(raw: str, reply: Reply) -> float | None:
    try:
        return quantity(raw)
    except Invalid:
        until = _date(raw)
    if until is None:
        return None
    now = _date(reply.headers.get("date", ""))
    return until.timestamp() - (now.timestamp() if now else reply.recv_ms / 1_000.0)


def _date(raw: str) -> datetime | None:
    try:
        return parsedate_to_datetime(raw)
    except (ValueError, OverflowError):
        return None


def _failure(reply: Reply, facts: VenueFacts) -> SigmawatchError:
    said = f"{facts.name} answered {reply.status}: {gist(reply.body)}"
    wait_s = retry_after_s(reply)
    if reply.status in {418, 429}:
        return RateLimited(said, retry_after_s=wait_s)
    words = reply.body[:_SCANNED_BYTES].lower()
    if reply.status < 500 and any(mark in words for mark in facts.ban_marks):
        return RateLimited(said, retry_after_s=wait_s or facts.ban_s)
    if reply.status in {403, 451}:
        return BlockedByRegion(_blocked(said, facts))
    if any(mark in words for mark in (b"maintenance", *facts.maintenance_marks)):
        return Maintenance(said, retry_after_s=wait_s)
    if reply.status >= 500 or reply.status == 408:
        return Unavailable(said, retry_after_s=wait_s)
    if 300 <= reply.status < 400:
        return BadAnswer(f"{facts.name} sends us elsewhere ({reply.status}), which we never follow")
    return BadAnswer(said, retry_after_s=wait_s)


def _blocked(said: str, facts: VenueFacts) -> str:
    elsewhere = f"set base_url = {facts.alternative!r}, or " if facts.alternative else ""
    return (
        f"{said}. {facts.name} refuses this machine's address, mostly for the country it is in; "
        f"{elsewhere}run the collector in another network"
    )
