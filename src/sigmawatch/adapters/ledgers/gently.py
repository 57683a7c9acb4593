"""Long work in a thread, beside a program that has slots to commit.

One thread of Python runs at a time, and who computes lets go when it waits, or after 5 ms (the
interpreter's switch interval): a commit, which changes threads several times, would take twice as
long beside a thread that checks a large file. So such work pauses of itself: it runs for a moment,
then rests for a multiple of what that took, waiting for its turn included; the busier the program,
the longer the rests. While somebody commits it stands still: a commit meets the moment that is
under way, and nothing more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WORK_S = 0.0005
RESTS = 2.0  # times the work before
REST_S_MAX = 0.02  # however long the turn was waited for
STAND_S_MAX = 0.05  # at once: who commits all the time would else hold it up for ever

Stop = Callable[[], bool]  # asked often: whether to give up


class Precedence:
    """Who goes first: whether somebody commits now, for threads that ask."""

    def __init__(self) -> None:
        self._count = 0
        self._free = threading.Event()
        self._free.set()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Somebody commits inside, or waits to; all of them in one thread."""
        self._count += 1
        self._free.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._free.set()

    def given(self, timeout_s: float) -> bool:
        """Wait until nobody does, at most so long; False where somebody still does."""
        return self._free.wait(timeout_s)


def gently(
    stopped: threading.Event, *, first: Precedence, now_s: Callable[[], float] = time.perf_counter
) -> Stop:
    """For one thread. Rests where that is due, and as long as somebody goes `first`; True once
    `stopped` is set, which ends a rest."""
    began_s = now_s()

    def stop() -> bool:
        nonlocal began_s
        worked_s = now_s() - began_s
        if worked_s >= WORK_S:
            stopped.wait(min(RESTS * worked_s, REST_S_MAX))
        elif first.given(0.0):
            return stopped.is_set()
        first.given(STAND_S_MAX)
        began_s = now_s()
        return stopped.is_set()

    return stop
