"""The program with the bug of RELIABILITY.md P31's control: "Timers fire in a burst".

python -m tests.faults.making_up ARGUMENTS. A reminder is due a while after the last one was due,
not after it was told: what a pause left out comes afterwards, one in every slot.
"""

from __future__ import annotations

from dataclasses import replace

from sigmawatch.app.cli import main
from sigmawatch.domain import alert_life
from sigmawatch.domain.alert_state import State
from sigmawatch.domain.alert_telling import Teller


class MakingUp(Teller):
    """Leaves no reminder out."""

    def _reminded(self, state: State) -> State:
        before, after = state.course, super()._reminded(state)
        if after is state:
            return state
        assert before is not None
        assert before.told is not None
        assert after.course is not None
        every = self._case.policy.slots(self._case.policy.reminder_ms)
        return replace(after, course=replace(after.course, told=before.told + every))


if __name__ == "__main__":
    vars(alert_life)["Teller"] = MakingUp
    main()
