"""Planned faults: what goes wrong at which venue, on which paths, how often and when.

A fault is a value with a small JSON form; nothing here acts. The board holds the ones in force
and throws the dice from the seed, so the same requests meet the same faults in every run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase

import msgspec

from sigmawatch_simulator.errors import BadRequest
from sigmawatch_simulator.listings import Change
from sigmawatch_simulator.noise import uniform

# What the venue answers instead.
REPLACING = {
    "rate_limited": "429; Retry-After from retry_after_s, else none",
    "banned": "418 with Retry-After (retry_after_s, else 120)",
    "banned_in_words": "418 that says in its text alone until when, as `banned`",
    "rate_in_words": "200 with the venue's words for too many requests",
    "forbidden_html": "403 with a page of the content network",
    "region_blocked": "451",
    "server_error": "HTML with status `value` (default 502)",
    "cloudflare_520": "520 with Cloudflare's page",
    "html_200": "a page with status 200",
    "kraken_error": "200 with error `value` (default EService:Unavailable)",
    "overloaded": "503 with Binance's -1008",
    "empty_body": "200 without a body",
    "empty_object": "200 {}",
    "empty_array": "200 []",
    "null_result": "Kraken's result null, elsewhere null",
    "redirect": "302 to a login page",
}
# How the right answer is sent.
SENDING = {
    "truncated": "JSON cut in the middle, with 200",
    "mime_html": "JSON served as text/html",
    "gzip_cut": "a gzip stream that ends in the middle",
    "huge_body": "`value` megabytes (default 16) of white space before the answer",
    "hang": "accepted, never answered",
    "slow_body": "`value` bytes a second (default 1)",
    "reset": "connection reset",
}
# What is wrong inside the right answer.
INSIDE = {
    "poison": "`field` of some markets becomes `value`; the text *1000 multiplies",
    "null_row": "the whole row of some markets is null",
    "duplicate_keys": "one market twice, the second time at twice the price",
    "few_markets": "only `share` of the rows",
    "frozen": "the first body again and again",
    "unsorted_candles": "rows in disorder",
    "fewer_candles": "`value` rows less (default 13)",
    "missing_candles": "`share` of the rows are not there",
    "odd_candles": "the oldest row is null, the newest lacks its end",
    "future_candles": "two rows that lie ahead of now",
}
# What changes in the venue itself.
WORLD = {
    "maintenance": "the venue says so",
    "clock_skew": "its clock is `value` ms ahead",
    "delist": "markets are gone",
    "list": "markets come at from_ms",
    "rename": "the one market is called `value`",
}
# What goes wrong on an open stream; `path` is "ticker", "trade" or all of it. Its handshake is a
# request like any other: what replaces answers, hangs or resets applies to it, by its path.
STREAM = {
    "ws_silent": "open, and not a word: no answers, no heartbeats",
    "ws_mute": "confirmed, with heartbeats, and never any data",
    "ws_refused": "some markets, or `share` of them, are refused",
    "ws_many": "more than `value` (default 100) markets in one message close it with 1000",
    "ws_frozen": "the same ticker again and again, its time unmoving, and no trades",
    "ws_late": "nothing for a while, then all of it",
    "ws_abort": "broken without goodbye (1006)",
    "ws_close": "closed with the code `value` (default 1000)",
    "ws_cut": "closed once it is `value` ms old (default a day)",
    "ws_malformed": "a frame `value` (default []) after what is right",
    "ws_torn": "every frame cut in its middle",
    "ws_huge": "a frame of `value` megabytes (default 5)",
    "ws_twice": "every ticker and trade told twice",
    "ws_gap": "trades are made and not told",
    "ws_disorder": "what is told at once is told backwards",
    "ws_stranger": "every ticker and trade also of a market that nobody asked for",
    "ws_shutdown": "the venue says that it will close the connection, where it has words for it",
}
KINDS = {**REPLACING, **SENDING, **INSIDE, **WORLD, **STREAM}
FIELDS = ("price", "bid", "ask", "volume", "open", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One planned fault. `path` and `venue` are shell patterns; times are virtual."""

    kind: str
    venue: str = "*"
    path: str = "*"
    probability: float = 1.0
    from_ms: int | None = None
    until_ms: int | None = None
    times_max: int | None = None  # so many hits, then over
    markets: tuple[str, ...] = ()  # ids of the venue or BASE/QUOTE; none: `share` of all
    share: float = 0.1
    field: str = "price"
    value: str | int | float | None = None
    retry_after_s: int | None = None

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise BadRequest("; ".join(problems))

    def _problems(self) -> Iterator[str]:
        if self.kind not in KINDS:
            yield f"kind: must be one of {', '.join(KINDS)}, was {self.kind!r}"
        for name in ("probability", "share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                yield f"{name}: must lie in 0..1, was {getattr(self, name)!r}"
        if self.field not in FIELDS:
            yield f"field: must be one of {', '.join(FIELDS)}, was {self.field!r}"
        if self.kind == "list" and self.from_ms is None:
            yield "from_ms: is needed for `list`"
        if self.kind == "rename" and (len(self.markets) != 1 or not isinstance(self.value, str)):
            yield "rename: needs one market and its new id as `value`"
        if self.kind == "clock_skew" and not isinstance(self.value, int):
            yield f"value: clock_skew needs whole milliseconds, was {self.value!r}"

    def meets(self, venue: str, path: str | None = None, *, now_ms: int) -> bool:
        """Whether it is planned for this venue, path and time."""
        is_path = path is None or fnmatchcase(path, self.path)
        return is_path and fnmatchcase(venue, self.venue) and self.in_force(now_ms)

    def in_force(self, now_ms: int) -> bool:
        begun = self.from_ms is None or now_ms >= self.from_ms
        return begun and (self.until_ms is None or now_ms < self.until_ms)


_NAMES = {field.name for field in fields(Fault)}


def parse_faults(text: bytes | str) -> list[Fault]:
    """One fault or a list of them as JSON. Raises BadRequest."""
    try:
        value = msgspec.json.decode(text)
        rows = value if isinstance(value, list) else [value]
        unknown = {name for row in rows if isinstance(row, dict) for name in row} - _NAMES
        if unknown:
            raise BadRequest(f"unknown: {', '.join(sorted(unknown))}; known: {sorted(_NAMES)}")
        return msgspec.convert(rows, type=list[Fault])
    except msgspec.MsgspecError as exc:
        raise BadRequest(str(exc)) from exc


class FaultBoard:
    """The faults in force, by number. Used from one event loop only."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._faults: dict[int, Fault] = {}
        self._asked: dict[int, int] = {}
        self._hits: dict[int, int] = {}
        self._next = 1

    def add(self, fault: Fault) -> int:
        """Puts a fault in force; returns its number."""
        number, self._next = self._next, self._next + 1
        self._faults[number] = fault
        self._asked[number] = self._hits[number] = 0
        return number

    def remove(self, number: int) -> bool:
        return self._faults.pop(number, None) is not None

    def clear(self) -> None:
        self._faults.clear()

    @contextmanager
    def on(self, *faults: Fault) -> Iterator[None]:
        """In force inside the block."""
        numbers = [self.add(fault) for fault in faults]
        try:
            yield
        finally:
            for number in numbers:
                self.remove(number)

    def all(self) -> dict[int, Fault]:
        return dict(self._faults)

    def hits_count(self, number: int) -> int:
        """How many requests the fault has met."""
        return self._hits.get(number, 0)

    def strike(self, venue: str, path: str, *, now_ms: int) -> list[tuple[int, Fault]]:
        """The faults that meet this request, in the order of their numbers. Throws the dice."""
        return [
            (number, fault)
            for number, fault in self._faults.items()
            if fault.kind not in WORLD
            and fault.kind not in STREAM
            and fault.meets(venue, path, now_ms=now_ms)
            and self._dice(number, fault)
        ]

    def strike_stream(self, venue: str, *, now_ms: int) -> list[Fault]:
        """The faults that meet a venue's stream at this moment. Throws the dice."""
        return [
            fault
            for number, fault in self._faults.items()
            if fault.kind in STREAM
            and fault.meets(venue, now_ms=now_ms)
            and self._dice(number, fault)
        ]

    def skew_ms(self, venue: str, now_ms: int) -> int:
        """By how much the venue's clock is ahead."""
        found = [f for f in self._faults.values() if f.kind == "clock_skew"]
        return sum(int(f.value or 0) for f in found if f.meets(venue, now_ms=now_ms))

    def is_maintenance(self, venue: str, now_ms: int) -> bool:
        found = (f for f in self._faults.values() if f.kind == "maintenance")
        return any(f.meets(venue, now_ms=now_ms) for f in found)

    def changes(self, venue: str, now_ms: int) -> tuple[Change, ...]:
        """How the venue's list of markets differs now."""
        found: list[Change] = []
        for fault in self._faults.values():
            if not fnmatchcase(venue, fault.venue):
                continue
            away = (fault.kind == "delist" and fault.in_force(now_ms)) or (
                fault.kind == "list" and now_ms < (fault.from_ms or 0)
            )
            if away:
                found += [Change(market=market) for market in fault.markets]
            if fault.kind == "rename" and fault.in_force(now_ms):
                found.append(Change(market=fault.markets[0], new_id=str(fault.value)))
        return tuple(found)

    def _dice(self, number: int, fault: Fault) -> bool:
        if fault.times_max is not None and self._hits[number] >= fault.times_max:
            return False
        self._asked[number] += 1
        met = uniform(self._seed, "dice", number, self._asked[number]) < fault.probability
        self._hits[number] += met
        return met
