"""When the program shows the demo market, and that it never takes a live installation's place."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from sigmawatch.app.demo import Facts, Heard, Mode, next_mode

SILENT = Heard(answered=False, failures_count=0)
FAILED_ONCE = Heard(answered=False, failures_count=1)
FAILED = Heard(answered=False, failures_count=2)
ANSWERED = Heard(answered=True, failures_count=5)
FRESH = Facts(asked=False, holds_live=False, configured=False, venues=(), elapsed_ms=0)


@pytest.mark.parametrize(
    ("venues", "elapsed_ms", "expected"),
    [
        ((SILENT, SILENT), 0, Mode.WAIT),
        ((FAILED, FAILED_ONCE), 9_999, Mode.WAIT),
        ((FAILED, SILENT), 9_999, Mode.WAIT),
        ((FAILED, FAILED), 1, Mode.DEMO),
        ((FAILED_ONCE, SILENT), 10_000, Mode.DEMO),
        ((FAILED, ANSWERED), 60_000, Mode.LIVE),
        ((), 60_000, Mode.LIVE),
    ],
)
def test_every_venue_failed_twice_or_for_ten_seconds(
    venues: tuple[Heard, ...], elapsed_ms: int, expected: Mode
) -> None:
    assert next_mode(Mode.WAIT, replace(FRESH, venues=venues, elapsed_ms=elapsed_ms)) is expected


@pytest.mark.parametrize("mode", [Mode.WAIT, Mode.DEMO])
def test_when_a_venue_answers_the_program_switches_to_live(mode: Mode) -> None:
    assert next_mode(mode, replace(FRESH, venues=(FAILED, ANSWERED))) is Mode.LIVE


def test_and_never_back() -> None:
    for asked, holds, configured in product([False, True], repeat=3):
        facts = Facts(asked=asked, holds_live=holds, configured=configured,
                      venues=(FAILED, FAILED), elapsed_ms=10**9)  # fmt: skip
        assert next_mode(Mode.LIVE, facts) is Mode.LIVE


@pytest.mark.parametrize("given", ["holds_live", "configured"])
def test_a_live_installation_without_network_stays_live(given: str) -> None:
    facts = replace(FRESH, venues=(FAILED,), elapsed_ms=10**9, **{given: True})
    assert next_mode(Mode.WAIT, facts) is Mode.LIVE


def test_the_flag_always_means_demo_and_a_shown_demo_stays_until_a_venue_answers() -> None:
    asked = replace(FRESH, asked=True, holds_live=True, configured=True, venues=(ANSWERED,))
    assert next_mode(Mode.WAIT, asked) is Mode.DEMO
    assert next_mode(Mode.DEMO, asked) is Mode.DEMO
    assert next_mode(Mode.DEMO, replace(FRESH, venues=(SILENT,))) is Mode.DEMO
