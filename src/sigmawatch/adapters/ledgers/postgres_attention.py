"""A connection that notices when it is not answered any more.

A server that is frozen, or a line that somebody between us has forgotten, keeps the socket open and
says nothing, for ever; time-outs of the server do not help where the server stands still. So
whoever waits `silence_s` without a byte, in or out, asks on another connection whether the
statement is still being worked on, and gives the connection up where nobody says so: it is lost
then, as one that broke. A statement that takes long, or waits for another program's transaction,
goes on.
"""

from __future__ import annotations

import fcntl
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

RV = TypeVar("RV")

SILENCE_S = 2.0
GRACE_S = 0.5  # for an answer that was on its way when we asked


def _nobody() -> bool:
    return False


class AttentiveConnection(psycopg.Connection[Any]):
    """vouched: whether the server works on what this connection waits for, asked elsewhere."""

    silence_s = SILENCE_S
    _doubted = False
    _until_s = 0.0
    _unsent_bytes = 0
    vouched: Callable[[], bool] = staticmethod(_nobody)

    def wait(self, gen: PQGen[RV], *arguments: Any, **named: Any) -> RV:
        """As psycopg waits. Raises OperationalError after a silence that nobody vouches for."""
        return super().wait(self._attentively(gen), *arguments, **named)

    @contextmanager
    def in_a_hurry(self) -> Iterator[None]:
        """For statements that are answered at once, or not at all."""
        before, self.silence_s = self.silence_s, min(GRACE_S, self.silence_s)
        try:
            yield
        finally:
            self.silence_s = before

    def _attentively(self, gen: PQGen[RV]) -> PQGen[RV]:
        """`gen`, looked at whenever nothing has come for a moment."""
        self._heard()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                self._heard() if ready else self._look()
                wanted = gen.send(ready)
        except StopIteration as ended:
            result: RV = ended.value
            return result

    def _heard(self) -> None:
        self._doubted, self._until_s = False, time.monotonic() + self.silence_s
        self._unsent_bytes = _unsent_bytes(self.fileno())

    def _look(self) -> None:
        if time.monotonic() < self._until_s:
            return
        if _unsent_bytes(self.fileno()) != self._unsent_bytes:  # a slow line, but one that carries
            self._heard()
            return
        if self._doubted:
            self.pgconn.finish()  # else psycopg would wait for the end of what was begun
            raise psycopg.OperationalError("the server has stopped answering")
        self._doubted = not self.vouched()
        pause_s = GRACE_S if self._doubted else self.silence_s
        self._until_s = time.monotonic() + pause_s


def _unsent_bytes(descriptor: int) -> int:
    """What the other end has not got yet of what we said; 0 where the system cannot tell."""
    try:
        told = fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4))
    except OSError:
        return 0
    return int.from_bytes(told, sys.byteorder)
