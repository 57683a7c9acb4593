"""Question and answer of one HTTP exchange, and what a personality sees. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import numpy as np

from sigmawatch_simulator.arrays import Ints
from sigmawatch_simulator.listings import Listings
from sigmawatch_simulator.past import Past
from sigmawatch_simulator.tape import Tape

JSON = "application/json"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    ip: str = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the venue says; the transport compresses and sends it. ban_s: for how long it wants to
    be left alone, where only its words say so."""

    body: bytes
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    ban_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The venue at the instant of a request."""

    now_ms: int
    tape: Tape
    listings: Listings
    is_maintenance: bool = False

    def opened(self, span_ms: int, *, ahead_ms: int = 0) -> Ints:
        """[markets] the first price of the running span, as a day, of a clock that is ahead of UTC;
        the last price where nothing traded in it."""
        since_ms = (self.now_ms + ahead_ms) // span_ms * span_ms - ahead_ms
        span = self.tape.window(since_ms, self.now_ms)
        return np.where(span.count > 0, span.open, self.tape.board(self.now_ms).last)

    def past(self, position: int) -> Past:
        market = self.listings.markets[position]
        return Past(tape=self.tape, market=market, position=position, now_ms=self.now_ms)


class Personality(Protocol):
    """How one venue answers."""

    venue: str

    def route(self, path: str) -> str:
        """The name of a path in the counters: ids of markets become {id}."""
        ...

    def answer(self, question: Question, scene: Scene) -> Answer:
        """The undisturbed answer, limits included."""
        ...


def json_answer(value: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(body=msgspec.json.encode(value), status=status, headers=headers)


def whole(text: str | None) -> int | None:
    """The whole number in a query, or None where it is absent or not one."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
