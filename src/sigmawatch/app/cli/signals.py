"""How `run` ends: the first SIGINT or SIGTERM cancels, a second one, or two seconds, ends at once.

Ending at once loses nothing: what was shown is on disk already (RELIABILITY.md).
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable

GRACE_S = 1.8
SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def until_signalled(work: Awaitable[None]) -> None:
    """Do `work` until it ends or a signal comes; a signal is a normal end."""
    task = asyncio.ensure_future(work)
    ending = False

    def first() -> None:
        nonlocal ending
        ending = True
        _at_once_after(GRACE_S)
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, first)
    try:
        await task
    except asyncio.CancelledError:
        if not ending:
            raise


def _at_once_after(seconds: float) -> None:
    """From now on a signal, or the end of `seconds`, ends the process; a blocked event loop, or a
    thread that does not return, cannot stop that."""
    for number in SIGNALS:
        asyncio.get_running_loop().remove_signal_handler(number)
        signal.signal(number, _leave)
    timer = threading.Timer(seconds, os._exit, args=(0,))
    timer.daemon = True
    timer.start()


def _leave(*_: object) -> None:
    os._exit(0)
