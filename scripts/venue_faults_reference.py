"""docs/reference/venue-faults.md, written from the table that the tests run."""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulation.fault_table import (
    HANDSHAKES,
    ROWS,
    STREAM_GROUPS,
    Effect,
    Row,
    StreamRow,
    Taken,
)
from tests.simulation.world import NATIVE

HEAD = """# Faults of venues

How each venue fails, and how that is taken. Every row is a fault of the venue double, in force at
every venue of its line while the whole program runs against it, in a test
(`tests/faults/test_fault_table.py`, `tests/simulation/test_streams.py`): half of the combinations
beside every change, all of them in `make faults`. This page is written from the same table.

Whatever a venue does:

- what cannot be read is missing, refused and counted, never guessed (`sigmawatch rejected kraken`
  shows samples);
- no other venue, and no other market where one alone is struck, misses a slot;
- after three slots without an answer its markets are `stale`; the slots are gaps with the reason
  `outage`, never a line drawn across;
- nothing is asked during a ban, and no more than four times a slot while it fails;
- it comes back by itself within one back-off, and what its candles tell of the gap is filled in,
  marked `filled`."""
POLLS = """## What is asked for

A cell is the state of the venue meanwhile and the reason of what is missing; *nothing* means that
every slot is whole."""
STREAMS = """## What is listened to

Each strikes the streams of {venues}. Meanwhile the venue is polled, so every slot is whole; the
connection is made anew at most once a second, and stands again within a back-off."""
TOGETHER = """## A stream and polls together

Where both are away the venue is `down`, in whatever order they went; with the first of them that is
back its slots go on, with the polls the gap is filled. Trades that are told twice meanwhile count
once (`tests/faults/test_stream_and_polls.py`)."""


def venue_faults_page() -> str:
    """The whole page."""
    parts = [HEAD, POLLS, "\n".join(_polls()), STREAMS.format(venues=_listed()),
             "\n".join(_streams()), TOGETHER]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _listed() -> str:
    *first, last = (venue.capitalize() for venue in HANDSHAKES)
    return f"{', '.join(first)} and {last}"


def _polls() -> Iterator[str]:
    names = [name if len(name) < 4 else name.capitalize() for name in NATIVE]
    yield f"| the venue | {' | '.join(names)} | seen in |"
    yield "|---|" + "---|" * (len(names) + 1)
    for row in ROWS:
        cells = " | ".join(_cell(row, venue) for venue in NATIVE)
        yield f"| {row.does} | {cells} | {row.seen} |"


def _cell(row: Row, venue: str) -> str:
    if venue not in row.venues:
        return ""
    return _words(row.taken_at(venue))


def _words(taken: Taken) -> str:
    match taken.effect:
        case Effect.AWAY:
            return f"`{taken.state}`" + (
                f", {_plain(taken)}" if taken.reason != taken.state else ""
            )
        case Effect.ONE_MARKET:
            return f"`{taken.state}`: {taken.effect.value}"
        case _:
            return str(taken.effect.value)


def _plain(taken: Taken) -> str:
    return taken.reason.replace("_", " ")


def _streams() -> Iterator[str]:
    yield "| the stream | seen to be down | for | seen in |"
    yield "|---|---|---|---|"
    for rows in STREAM_GROUPS.values():
        for row in rows:
            yield f"| {row.does} | {_noticed(row)} | {row.lasts_s} s | {row.seen} |"


def _noticed(row: StreamRow) -> str:
    return "within 10 s" if row.broken else "where it matters"
