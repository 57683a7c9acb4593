"""What an HTTP answer says of an attempt (SEMANTICS.md 8): the rules that all services share.

Only 2xx is success, 3xx is failure. 408, 425, 429 and 5xx may pass later; of the others, those
that complain of what was written (400, 413, 415, 422) may pass as plain text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from sigmawatch.adapters.egress.http import Reply
from sigmawatch.ports.channel import Answer, Sent

_LATER = frozenset({408, 425, 429})
_MALFORMED = frozenset({400, 413, 415, 422})
_WAIT_S_MAX = 86_400.0


def answer_of(status: int) -> Answer:
    """By the status alone."""
    if 200 <= status < 300:
        return Answer.ACCEPTED
    if status in _LATER or status >= 500:
        return Answer.LATER
    if status == 410:
        return Answer.GONE
    return Answer.MALFORMED if status in _MALFORMED else Answer.REFUSED


def read(reply: Reply, *, now_ms: int, said: str = "", wait_s: object = None) -> Sent:
    """said: the service's own words, where it has some. wait_s: its own wish, before the header's.
    A redirect is not followed."""
    answer = answer_of(reply.status)
    wait_ms = None
    if answer is Answer.LATER:
        wait_ms = _milliseconds(wait_s)
        if wait_ms is None:
            wait_ms = retry_after_ms(reply.headers, now_ms=now_ms)
    detail = f"HTTP {reply.status}"
    if 300 <= reply.status < 400:
        detail += ", a redirect, which is not followed"
    if said and answer is not Answer.ACCEPTED:
        detail += f": {said}"
    return Sent(answer=answer, detail=detail, wait_ms=wait_ms)


def retry_after_ms(headers: Mapping[str, str], *, now_ms: int) -> int | None:
    """RFC 9110 10.2.3: seconds (some send fractions) or a date; None where it says nothing."""
    told = headers.get("retry-after", "").strip()
    if (wait_ms := _milliseconds(told)) is not None:
        return wait_ms
    try:
        until = parsedate_to_datetime(told)
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(0, min(round(until.timestamp() * 1_000) - now_ms, round(1_000 * _WAIT_S_MAX)))
    except (ValueError, TypeError, OverflowError):
        return None


def told(reply: Reply) -> Mapping[str, object]:
    """The answer's JSON object; empty where it is none."""
    if reply.headers.get("content-encoding", "identity").lower() != "identity":
        return {}
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def word(value: object) -> str:
    """Text, or nothing."""
    return value if isinstance(value, str) else ""


def _milliseconds(seconds: object) -> int | None:
    if isinstance(seconds, str) and not seconds.replace(".", "", 1).isdecimal():
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float | str):
        return None
    try:
        wait_s = float(seconds)
    except OverflowError:  # a number of four hundred digits
        return None
    if not math.isfinite(wait_s) or wait_s < 0:
        return None
    return round(1_000 * min(wait_s, _WAIT_S_MAX))
