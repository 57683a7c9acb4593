"""What a start is spared: Python's garbage collections, and long waits of a thread for another.

A start makes a few hundred thousand objects that live as long as the program. While it lasts
collections find nothing (100,000 series: a second or two of a restart); afterwards a full one would
look at everything again, 130 to 190 ms in which nobody is answered. And while
one thread reads the disk and another fills the tables, each row that is read needs Python's lock
once: a thread that wants it gets it after SWITCH_S rather than Python's 5 ms. For the process that
serves only: whoever builds several programs in one process would never get their memory back.

What a start and a back-fill let go of lies in pieces between what stays, and the C library keeps it
(mallopt(3), M_TRIM_THRESHOLD: only the top of a heap goes back by itself). `give_back` asks for it:
5 MB of 200 at 1,000 series.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_S = 0.0005


@contextmanager
def starting() -> Iterator[None]:
    """No collections within; what there is at its end is never looked at again."""
    gc.disable()
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
        gc.collect()
        gc.freeze()
        give_back()
    finally:
        sys.setswitchinterval(usual_s)
        gc.enable()


def give_back() -> None:
    """Memory that is free within the heap goes back to the system: malloc_trim(3), where the C
    library has it. Takes less than a millisecond."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
