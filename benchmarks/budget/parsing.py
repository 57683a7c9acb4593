"""The poll of a venue with 3,000 markets, bytes to checked columns; the slowest venue counts.

python -m benchmarks.budget.parsing                    prints one JSON object
"""

from __future__ import annotations

import json
import statistics
from functools import partial

from benchmarks.parse import VENUES, timed

MARKETS = 3_000


def main() -> None:
    times = {
        venue: timed(partial(parse, make(MARKETS, odd_every=0), recv_ms=0))
        for venue, (make, parse, _) in VENUES.items()
    }
    slowest = max(times, key=lambda venue: statistics.median(times[venue]))
    print(json.dumps({"venue": slowest, "parse_ms": times[slowest]}))


if __name__ == "__main__":
    main()
