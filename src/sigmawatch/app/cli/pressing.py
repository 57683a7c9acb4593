"""Keys that are pressed while a command draws, where it has a terminal to itself."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_READ_BYTES = 64  # more than any key sends


@contextmanager
def keys_pressed(take: Callable[[str], None]) -> Iterator[bool]:
    """Meanwhile `take` is told what each key sends as soon as it is pressed, and nothing is echoed;
    afterwards the terminal is as it was. Yields whether there is one: neither a pipe, nor another
    command's."""
    if not _is_ours():
        yield False
        return
    descriptor, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    before = termios.tcgetattr(descriptor)

    def read() -> None:
        sent = os.read(descriptor, _READ_BYTES)
        if not sent:
            loop.remove_reader(descriptor)  # it is gone
        take(sent.decode(errors="replace"))

    tty.setcbreak(descriptor, termios.TCSANOW)  # Ctrl-C stays a signal
    loop.add_reader(descriptor, read)
    try:
        yield True
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSANOW, before)


def _is_ours() -> bool:
    """Whether what is typed is typed for us: who stands in the background would be stopped."""
    try:
        return os.isatty(sys.stdin.fileno()) and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):  # closed, or no file at all
        return False
