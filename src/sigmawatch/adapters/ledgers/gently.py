"""Long work in a thread, beside a program that has slots to commit.

One thread of Python runs at a time, and who computes lets go when it waits, or after 5 ms (the
interpreter's switch interval): a commit, which changes threads several times, would take twice as
long beside a thread that checks a large file. So such work pauses of itself: it runs for a moment,
then rests for twice as long as that took, waiting for its turn included; the busier the program,
the longer the rests.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

WORK_S = 0.0005
RESTS = 2.0  # times the work before
REST_S_MAX = 0.02  # however long the turn was waited for

Stop = Callable[[], bool]  # asked often: whether to give up


def gently(stopped: threading.Event, *, now_s: Callable[[], float] = time.perf_counter) -> Stop:
    """For one thread. Rests where that is due; True once `stopped` is set, which ends a rest."""
    began_s = now_s()

    def stop() -> bool:
        nonlocal began_s
        worked_s = now_s() - began_s
        if worked_s < WORK_S:
            return stopped.is_set()
        ended = stopped.wait(min(RESTS * worked_s, REST_S_MAX))
        began_s = now_s()
        return ended

    return stop
