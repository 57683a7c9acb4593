"""The same slot in everything people would use instead, beside ours, in one run.

    python -m benchmarks peers                              1,000, 10,000 and 100,000 series
    python -m benchmarks peers --sizes 1000 --only duckdb,postgres --repeat 20 --limit 30

A slot: take in one new value of every series; then n, mean and population σ over 24 h and 1 h,
relative and return σ, the ranks by the three σ, and every series whose value is above three times
the mean of the hour before. Each system and size runs in a process of its own, for --limit seconds
at most and all of them --within so many, over the same tape (benchmarks.peers.tape). Its answers
are checked against the right ones (benchmarks.peers.answers): what is wrong has no time.

A run of every size and system writes benchmarks/results/peers.json, of which
`python -m benchmarks page` makes the tables and the plot.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.measuring import Limits, measured
from benchmarks.peers.registry import SYSTEMS
from benchmarks.shared.machine import described
from benchmarks.shared.results import Results

SIZES = [1_000, 10_000, 100_000]


def main(arguments: Sequence[str] = ()) -> None:
    """Print one line for each system and size as it is known, and write them down."""
    options = _options(arguments)
    ends_s = time.monotonic() + options.within
    rows = []
    with tempfile.TemporaryDirectory(prefix="sigmawatch-peers-") as folder:
        for count in options.sizes:
            limits = Limits(seconds=options.limit, repeats=options.repeat, ends_s=ends_s)
            for one in measured(options.only, count, limits=limits, folder=Path(folder)):
                print(one.line(), flush=True)
                rows.append(one.facts())
    if options.sizes == SIZES and options.only == list(SYSTEMS):
        Results("peers").save({"machine": described(), "rows": rows})


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("benchmarks peers", description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=_numbers, default=SIZES)
    parser.add_argument("--only", type=_names, default=list(SYSTEMS), help=", ".join(SYSTEMS))
    parser.add_argument("--repeat", type=int, default=5, help="slots timed of each")
    parser.add_argument("--limit", type=float, default=75.0, help="seconds a system and size")
    parser.add_argument("--within", type=float, default=900.0, help="seconds in all")
    return parser.parse_args(arguments)


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def _names(text: str) -> list[str]:
    names = text.split(",")
    unknown = sorted(set(names) - set(SYSTEMS))
    if unknown:
        raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}; there are {', '.join(SYSTEMS)}")
    return names
