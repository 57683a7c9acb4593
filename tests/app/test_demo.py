"""When the program shows the demo market, and that it never takes a live installation's place."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from sigmawatch.app.demo import Facts, Mode, next_mode

FRESH = Facts(asked=False, holds_live=False, configured=False, answered=False, failures=(0, 0),
              elapsed_ms=0)  # fmt: skip


@pytest.mark.parametrize(
    ("failures", "elapsed_ms", "expected"),
    [
        ((0, 0), 0, Mode.WAIT),
        ((2, 1), 9_999, Mode.WAIT),
        ((9, 0), 9_999, Mode.WAIT),
        ((2, 3), 1, Mode.DEMO),
        ((1, 0), 10_000, Mode.DEMO),
        ((), 60_000, Mode.LIVE),
    ],
)
def test_every_venue_failed_twice_or_for_ten_seconds(
    failures: tuple[int, ...], elapsed_ms: int, expected: Mode
) -> None:
    assert (
        next_mode(Mode.WAIT, replace(FRESH, failures=failures, elapsed_ms=elapsed_ms)) is expected
    )


@pytest.mark.parametrize("mode", [Mode.WAIT, Mode.DEMO])
def test_when_a_venue_answers_the_program_switches_to_live(mode: Mode) -> None:
    assert next_mode(mode, replace(FRESH, answered=True, failures=(2, 0))) is Mode.LIVE


def test_and_never_back() -> None:
    for asked, holds, configured in product([False, True], repeat=3):
        facts = Facts(asked=asked, holds_live=holds, configured=configured,
                      answered=False, failures=(2, 3), elapsed_ms=10**9)  # fmt: skip
        assert next_mode(Mode.LIVE, facts) is Mode.LIVE


@pytest.mark.parametrize("given", ["holds_live", "configured"])
def test_a_live_installation_without_network_stays_live(given: str) -> None:
    facts = replace(FRESH, failures=(2,), elapsed_ms=10**9, **{given: True})
    assert next_mode(Mode.WAIT, facts) is Mode.LIVE


def test_the_flag_always_means_demo_and_a_shown_demo_stays_until_a_venue_answers() -> None:
    asked = replace(FRESH, asked=True, holds_live=True, configured=True, answered=True)
    assert next_mode(Mode.WAIT, asked) is Mode.DEMO
    assert next_mode(Mode.DEMO, asked) is Mode.DEMO
    assert next_mode(Mode.DEMO, replace(FRESH, failures=(0,))) is Mode.DEMO
