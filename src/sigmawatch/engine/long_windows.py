"""Windows that begin before the single slots that are held: on a whole minute.

    leaving minute | the minutes after it | slots since the last of them
    [     run     ⊕        bulk         ] ⊕ [          prefix          ]

The bulk is joined once a minute, for every window; the slots after it are folded one by one, and
while the first minute is still in the window whole it is joined to the bulk. So a slot costs one
fold and one merge a window, and a minute's turn what 140 minutes side by side take. A block's turn
comes `lag` slots after the minute's end, so that not all blocks turn in one slot. Like all that is
put together here (engine.minutes) the result follows from the window's contents and the slot's
number. Imports engine.minutes, engine.moments.
"""

from __future__ import annotations

from sigmawatch.engine.minutes import Minutes, SlotRows
from sigmawatch.engine.moments import Moments, channels_of, merged
from sigmawatch.engine.runs import Runs, joined

_JOINED_MAX = 32  # two for each window that is asked for; more are joined again
_KEPT_SLOTS = 3  # prefixes of the newest slot and the 2 before: late values go on from there


class LongWindows:
    """The long windows of one block. Slots are the interval's own."""

    def __init__(self, rows: SlotRows, minutes: Minutes, *, lag: int) -> None:
        assert 0 <= lag < minutes.slots
        self._rows, self._minutes, self._lag = rows, minutes, lag
        self._joined: dict[tuple[int, int, int], Runs] = {}  # by first minute, bulk's and stop
        self._prefixes: dict[tuple[int, int], Moments] = {}  # by first and last slot

    def touch(self, slot: int) -> None:
        """A value or mark of `slot` changed, and with it the return into the slot after."""
        self._prefixes = {key: kept for key, kept in self._prefixes.items() if key[1] < slot}
        minute = slot // self._minutes.slots
        self._joined = {
            key: runs for key, runs in self._joined.items() if not key[0] <= minute < key[-1]
        }

    def window(self, last: int, slots: int) -> Moments:
        """The moments from the first whole minute of the `slots` slots that end with `last` on. To
        be read only."""
        size, lag = self._minutes.slots, self._lag
        stop = (last + 1 - lag) // size
        first = -(-(stop * size + lag - slots) // size)  # the window's when the bulk was joined
        minutes = self._bulk(first + 1, stop)
        if -(-(last + 1 - slots) // size) == first:
            minutes = self._with(first, minutes, stop=stop)
        return merged(minutes.moments(0), self._prefix(stop * size, last))

    def _bulk(self, start: int, stop: int) -> Runs:
        key = start, start, stop
        return self._joined.get(key) or self._keep(key, self._minutes.window(start, stop))

    def _with(self, first: int, bulk: Runs, *, stop: int) -> Runs:
        key = first, first + 1, stop
        found = self._joined.get(key)
        return found or self._keep(key, joined([self._minutes.window(first, first + 1), bulk]))

    def _keep(self, key: tuple[int, int, int], runs: Runs) -> Runs:
        """For the slots to come; the minute before may be asked for again."""
        newest = [item for item in self._joined.items() if item[0][-1] >= key[-1] - 1]
        self._joined = {**dict(newest[-_JOINED_MAX:]), key: runs}
        return runs

    def _prefix(self, start: int, last: int) -> Moments:
        """The slots from `start` through `last`, with the return across the boundary before."""
        if (start, last) in self._prefixes:
            return self._prefixes[start, last]
        known = max((at for of, at in self._prefixes if of == start and at < last), default=None)
        prefix = self._minutes.nothing() if known is None else self._prefixes[start, known].copy()
        stop = start if known is None else known + 1
        if stop <= last:
            values, marks = self._rows.slot_rows(stop - 1, last + 1)
            for row in range(1, len(values)):
                channels = channels_of(values[row], values[row - 1], channels=len(prefix.n))
                prefix.fold(channels, marks[row])
        oldest = max(at for _, at in [(start, last), *self._prefixes]) - _KEPT_SLOTS
        kept = {key: one for key, one in self._prefixes.items() if key[1] > oldest}
        self._prefixes = {**kept, (start, last): prefix}
        return prefix
