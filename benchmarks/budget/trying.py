"""A preview of the founding request over a day of 1,000 series, from a live table's memory.

python -m benchmarks.budget.trying                     prints one JSON object
"""

from __future__ import annotations

import asyncio
import json

from benchmarks.previews import RULES, measured

from sigmawatch.domain.window import DAY_MS

SERIES = 1_000


def main() -> None:
    _, judged_s, taken_s = asyncio.run(measured(SERIES, RULES[0], over_ms=DAY_MS))
    print(json.dumps({"preview_ms": 1_000.0 * taken_s, "judged_ms": 1_000.0 * judged_s}))


if __name__ == "__main__":
    main()
