"""Measures everything docs/benchmarks.md says, and writes it: budget, profile, reads, push, stream,
notices, backup, breadth, peers, page.

    make bench                                              half an hour, on a quiet machine

Options are those of `python -m benchmarks peers`, which takes most of the time and is bounded.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import backup, breadth, budget, notices, page, peers, profile, push, reads, stream

BUDGET = ("--history",)
PEERS = ("--within", "620")


def main(arguments: Sequence[str] = ()) -> None:
    budget.main(BUDGET)
    profile.main()
    for one in (reads, push, stream, notices, backup, breadth):
        one.main()
    peers.main([*PEERS, *arguments])
    page.main()
