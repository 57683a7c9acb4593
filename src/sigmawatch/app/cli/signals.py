"""How `run` ends: the first SIGINT or SIGTERM cancels, a second one, or two seconds, ends at once.

Ending at once loses nothing: what was shown is on disk already (RELIABILITY.md).
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Coroutine
from typing import Any

GRACE_S = 1.8
SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def until_signalled(work: Coroutine[Any, Any, None]) -> None:
    """Do `work` until it ends or a signal comes; a signal is a normal end."""
    task, loop = asyncio.ensure_future(work), asyncio.get_running_loop()
    signalled = threading.Event()
    # Waiting since before the signal: neither a blocked event loop nor a thread that does not
    # return can keep us.
    threading.Thread(target=_leave_after, args=(signalled,), daemon=True).start()

    def first(*_: object) -> None:
        for number in SIGNALS:
            signal.signal(number, _leave)
        signalled.set()
        loop.call_soon_threadsafe(task.cancel)

    before = [signal.signal(number, first) for number in SIGNALS]
    try:
        await task
    except asyncio.CancelledError:
        if not signalled.is_set():
            raise
    finally:
        if not signalled.is_set():  # ended by itself: whoever called us has their signals back
            for number, handler in zip(SIGNALS, before, strict=True):
                signal.signal(number, handler)


def _leave_after(signalled: threading.Event) -> None:
    signalled.wait()
    time.sleep(GRACE_S)
    _leave()


def _leave(*_: object) -> None:
    os._exit(0)
