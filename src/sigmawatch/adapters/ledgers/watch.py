"""The watch over the storage of a file: a thread that looks every second.

It sees a disk that has become full or read-only before anybody fails on it, keeps the reserve as
large as it must be, and has the writer try again after a failure: at once, then less and less
often down to every RETRY_S_MAX, be it that trying fails or that it went well and soon fails again.
Nothing of this is on a slot's path, and a disk that stays away costs a look a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sigmawatch.adapters.ledgers.condition import Condition
from sigmawatch.adapters.ledgers.reserve import Reserve
from sigmawatch.domain.storage import StorageState

LOOK_S = 1.0
RETRY_S_MIN, RETRY_S_MAX = 0.1, 5.0
CALM_S = 60.0  # without a failure: the next one is tried at once again


class Watch:
    """From its making until `close`. mend: has the writer try to write again, and returns when it
    has; the writer tells `storage` whether that went well."""

    def __init__(self, reserve: Reserve, *, storage: Condition, mend: Callable[[], None]) -> None:
        self._reserve, self._storage, self._mend = reserve, storage, mend
        self._ended = threading.Event()
        self._pause_s = 0.0
        self._tried_s: float | None = None
        self._look()
        self._thread = threading.Thread(
            target=self._look_for_ever, name="ledger-watch", daemon=True
        )
        self._thread.start()

    def _look_for_ever(self) -> None:
        while not self._ended.is_set():
            if self._storage.status.state is StorageState.OK:  # else the pause is all the waiting
                self._storage.noticed.wait(LOOK_S)
            self._storage.noticed.clear()
            if not self._ended.wait(self._pause()):
                self._look()

    def _pause(self) -> float:
        """How long to wait before the storage is tried again, in seconds; nothing else waits."""
        state = self._storage.status.state
        if state is StorageState.OK:
            return 0.0
        now_s = time.monotonic()
        calm = self._tried_s is None or now_s - self._tried_s > CALM_S
        self._tried_s = now_s
        self._pause_s = 0.0 if calm else min(max(2 * self._pause_s, RETRY_S_MIN), RETRY_S_MAX)
        return max(self._pause_s, LOOK_S) if state is StorageState.FULL else self._pause_s

    def _look(self) -> None:
        seen = self._storage.status
        try:
            if seen.state is StorageState.OK:
                self._storage.become(*self._reserve.look(), seen=seen)
            elif seen.state is StorageState.FULL:
                if self._reserve.restored():
                    self._storage.become(StorageState.OK, seen=seen)
            elif not seen.doubtful and not self._reserve.read_only():
                self._mend()
        except OSError as exc:  # the folder itself cannot be asked
            reason = f"the data folder: {exc.strerror}"
            self._storage.become(StorageState.FAILED, reason, seen=seen)

    def close(self) -> None:
        """Returns when nobody looks any more."""
        self._ended.set()
        self._storage.noticed.set()
        self._thread.join()
