"""Bodies that go wrong as JSON and lines of text do: good ones, with some of their words changed.

A body is cut into words (strings, numbers, literals, punctuation); a mutation replaces, repeats,
swaps, moves or leaves out some of them, or damages bytes. The same seed makes the same bodies.
"""

from __future__ import annotations

import gc
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.venues.parsers import Parser, Reader, assert_sound, outcome

WORD = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|[A-Za-z_]+|\s+|.', re.DOTALL)
ODD = (
    b"null", b"true", b"false", b"NaN", b"Infinity", b"-Infinity", b"nan", b"-0", b"-0.0", b"0",
    b"-1", b"-5.5", b"1e400", b"-1e400", b"1e308", b"1e-400", b"5e-324", b"1e100", b"1.1e100",
    b"9007199254740993", b"9223372036854775808", b"18446744073709551616", b"1" * 30, b"9" * 400,
    b"0." + b"1" * 60, b"1" * 5_000, b"01", b"+1", b"1.", b".5", b"0x10", b"1_000", b"",
    b'""', b'" "', b'"NaN"', b'"nan"', b'"inf"', b'"-Infinity"', b'"1e400"', b'"1_000"', b'" 12"',
    b'"12 "', b'"-1"', b'"0"', b'"0x1p3"', b'"1,5"', '"١٢"'.encode(), b'"\xef\xbc\x91\xef\xbc\x92"',
    b'"\\ud800"', b'"\\u0000"', b'"\xff"', b'"' + b"9" * 90 + b'"', b'"' + b"A" * 5_000 + b'"',
    b'"2025-11-11T00:00:00Z"', b'"9999-12-31T23:59:59.999999Z"', b'"0001-01-01T00:00:00Z"',
    b'"BTC/USD"', b'"BTC-USD"', b'"\xe4\xba\xba/\xe2\x82\xac"', b"[]", b"{}", b"[[]]", b'{"a":{}}',
    b"[null]", b"[1,2,3]", b"\xef\xbb\xbf", b"\x00", b"[" * 2_000, b'{"a":' * 2_000, b'\\"', b"//",
    b"<html>", b"1762819200000", b"-1762819200000", b"99999999999999999",
)  # fmt: skip
MANY = 8  # bodies between two looks at the time
STALL_S = 0.1  # RELIABILITY.md P18: "0 event-loop stalls > 100 ms"


@dataclass(slots=True)
class Mutator:
    """Bodies without end."""

    bodies: Sequence[bytes]
    dice: random.Random
    _words: list[list[bytes]] = field(init=False)

    def __post_init__(self) -> None:
        self._words = [WORD.findall(one) for one in self.bodies]

    def next(self) -> bytes:
        chance = self.dice.random
        words = self._words[int(chance() * len(self._words))].copy()
        for _ in range(1 + int(chance() * chance() * 5)):
            if words:
                _CHANGES[int(chance() * len(_CHANGES))](words, self.dice)
        raw = b"".join(words)
        return _damaged(raw, self.dice) if chance() < 0.15 else raw


def _replaced(words: list[bytes], dice: random.Random) -> None:
    words[int(dice.random() * len(words))] = ODD[int(dice.random() * len(ODD))]


def _renumbered(words: list[bytes], dice: random.Random) -> None:
    """A number, be it in a text, becomes another one."""
    at = int(dice.random() * len(words))
    for place in (*range(at, len(words)), *range(at)):
        word = words[place]
        if word[:1].isdigit() or word[1:2].isdigit():
            scale = b"e%d" % dice.randrange(-330, 330) if dice.random() < 0.5 else b""
            sign = b"-" if dice.random() < 0.2 else b""
            number = sign + b"%d" % dice.getrandbits(dice.randrange(1, 80)) + scale
            words[place] = b'"' + number + b'"' if word[:1] == b'"' else number
            return


def _left_out(words: list[bytes], dice: random.Random) -> None:
    at = int(dice.random() * len(words))
    del words[at : at + 1 + int(dice.random() ** 3 * len(words))]


def _repeated(words: list[bytes], dice: random.Random) -> None:
    at = int(dice.random() * len(words))
    part = words[at : at + 1 + int(dice.random() ** 2 * len(words))]
    words[at:at] = part * (1 + int(dice.random() ** 6 * 40))


def _swapped(words: list[bytes], dice: random.Random) -> None:
    """Two words of one kind, so that it mostly stays JSON."""
    one, from_at = int(dice.random() * len(words)), int(dice.random() * len(words))
    for other in (*range(from_at, len(words)), *range(from_at)):
        if words[other][:1] == words[one][:1] and other != one:
            words[one], words[other] = words[other], words[one]
            return


def _mixed(words: list[bytes], dice: random.Random) -> None:
    """A text or a number stands where another does."""
    values = [at for at, word in enumerate(words) if word[:1] == b'"' or word[:1].isdigit()]
    if values:
        one, other = dice.choice(values), dice.choice(values)
        words[one] = words[other]


def _inserted(words: list[bytes], dice: random.Random) -> None:
    words.insert(int(dice.random() * len(words)), ODD[int(dice.random() * len(ODD))])


_CHANGES: tuple[Callable[[list[bytes], random.Random], None], ...] = (
    _replaced, _replaced, _renumbered, _renumbered, _renumbered, _swapped, _swapped, _mixed, _mixed,
    _left_out, _repeated, _inserted,
)  # fmt: skip


def _damaged(raw: bytes, dice: random.Random) -> bytes:
    """Bits that flip, a tail that is missing, bytes from nowhere."""
    damaged = bytearray(raw)
    for _ in range(1 + int(dice.random() * 3)):
        if not damaged:
            break
        at = int(dice.random() * len(damaged))
        match int(dice.random() * 4):
            case 0:
                damaged[at] ^= 1 << dice.randrange(8)
            case 1:
                del damaged[at:]
            case 2:
                damaged[at:at] = dice.randbytes(1 + dice.randrange(4))
            case _:
                damaged[at] = dice.randrange(256)
    return bytes(damaged)


@dataclass(slots=True, kw_only=True)
class Poisoned:
    """What came of it. refused_count: bodies that ended in a domain error; slowest_s: the longest
    that reading one took, of the processor's time. fault: what must not be, and of which body."""

    inputs_count: int = 0
    refused_count: int = 0
    slowest_s: float = 0.0
    took_s: float = 0.0
    fault: str = ""


def poisoned(parser: Parser, *, count: int, seed: int) -> Poisoned:
    """Send a parser so many bodies; ends at the first that it takes wrongly.

    One body alone is timed only where its company took so much longer than usual that it may be
    the slowest so far: timing every body again took three quarters of the time."""
    found, mutator = Poisoned(), Mutator(parser.bodies, random.Random(seed))
    read, began_s = parser.made(), time.perf_counter()
    with _only_its_own_waste():
        _send(found, parser, read, mutator=mutator, count=count)
    found.took_s = time.perf_counter() - began_s
    return found


@contextmanager
def _only_its_own_waste() -> Iterator[None]:
    """What was there before is not looked through for waste again and again, as in the program."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _send(found: Poisoned, parser: Parser, read: Reader, *, mutator: Mutator, count: int) -> None:
    all_s = 0.0
    while found.inputs_count < count and not found.fault:
        bodies = [mutator.next() for _ in range(MANY)]
        spent_s = -time.thread_time()
        values = [_said(found, read, raw) for raw in bodies]
        spent_s += time.thread_time()
        all_s += spent_s
        if spent_s > found.slowest_s + MANY * all_s / (found.inputs_count + MANY):
            found.slowest_s = max(found.slowest_s, *(_timed_s(parser, raw) for raw in bodies))
        for raw, value in zip(bodies, values, strict=True):
            _check(found, value, raw)
        found.inputs_count += MANY


def _said(found: Poisoned, read: Reader, raw: bytes) -> object:
    try:
        return outcome(read, raw)
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        found.fault = found.fault or f"{type(error).__name__} {error} of {raw[:2_000]!r}"
        return None


def _timed_s(parser: Parser, raw: bytes) -> float:
    """How long one body takes, the best of three: the machine is busy with others."""
    best_s = 9.0
    for _ in range(3):
        read, began_s = parser.made(), time.thread_time()
        try:
            outcome(read, raw)
        except Exception:  # noqa: BLE001 - noted where it was met first
            return 0.0
        best_s = min(best_s, time.thread_time() - began_s)
    return best_s


def _check(found: Poisoned, value: object, raw: bytes) -> None:
    found.refused_count += value is None
    try:
        assert_sound(value)
    except AssertionError:
        found.fault = found.fault or f"{value!r:.500} of {raw[:2_000]!r}"
