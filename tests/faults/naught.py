"""The program with the bug that the test of a silent venue must notice: absence is zero.

python -m tests.faults.naught ARGUMENTS. Where a venue does not answer, its prices are stored as
read, and as 0.
"""

from __future__ import annotations

import numpy as np

from sigmawatch.app import collector
from sigmawatch.app.cli import main
from sigmawatch.app.framing import BlockPlan, Instead, Stamp, empty, framed
from sigmawatch.domain.frame import Frame, Reason


def naught(plan: BlockPlan, at: Stamp, *, instead: Instead) -> Frame:
    """What stands when the venue did not answer: nothing, as a number."""
    values, marks = empty(plan, Reason.OBSERVED)
    return framed(plan, at, values=np.nan_to_num(values), marks=marks, instead=instead)


if __name__ == "__main__":
    vars(collector)["outage"] = naught
    main()
