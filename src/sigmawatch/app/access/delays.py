"""How long an account's next password has to wait after wrong ones: longer and longer, never for
ever.

Counted for each name, whether there is such a user or not; apart for each address from which its
user has logged in before, so that who guesses from elsewhere holds up strangers and not the owner
(SECURITY.md, S05: "429 growing delay; owner can still log in"). An attempt counts as wrong from its
begin until it is found right, so many at once gain nothing. At most NAMES_MAX are remembered, the
last ones.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from sigmawatch.domain.errors import TooSoon
from sigmawatch.domain.window import MINUTE_MS

FREE_COUNT = 3
FIRST_MS, LONGEST_MS = 1_000, MINUTE_MS
FORGOTTEN_MS = 15 * MINUTE_MS
NAMES_MAX = 10_000

Place = tuple[str, str]  # a name; and an address, or "" for all that are strange to it


class Delays:
    """now_ms: monotonic."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._wrong: OrderedDict[Place, tuple[int, int]] = OrderedDict()  # count, of the last

    def begin(self, place: Place) -> None:
        """One more attempt. Raises TooSoon, and then it does not count."""
        now_ms = self._now_ms()
        count, last_ms = self._wrong.get(place, (0, now_ms))
        if now_ms - last_ms >= FORGOTTEN_MS:
            count = 0
        wait_ms = last_ms + _delay_ms(count) - now_ms
        if wait_ms > 0:
            raise TooSoon("too many wrong passwords; the next one is looked at later",
                          retry_after_s=wait_ms / 1_000)  # fmt: skip
        self._wrong[place] = (count + 1, now_ms)
        self._wrong.move_to_end(place)
        while len(self._wrong) > NAMES_MAX:
            self._wrong.popitem(last=False)

    def right(self, place: Place) -> None:
        """It was the right one."""
        self._wrong.pop(place, None)


def _delay_ms(count: int) -> int:
    """After so many wrong ones."""
    if count < FREE_COUNT:
        return 0
    doubled: int = FIRST_MS * 2 ** min(count - FREE_COUNT, 20)
    return min(doubled, LONGEST_MS)
