"""How long a thing may take, by whether anything else is at work on the machine."""

from __future__ import annotations

import os

SLOWER = 1.0 if os.environ.get("SIGMAWATCH_FAULTS") == "full" else 10.0


def allowed_s(promised_s: float) -> float:
    """The promise itself in `make faults`, which has the machine for itself. Beside other tests
    the figure would tell of them, so there it is only checked that nothing hangs."""
    return promised_s * SLOWER
