"""Few of what was refused are kept to be looked at, and all are counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sigmawatch.domain.quarantine import EVERY_MS, REASON_CHARS_MAX, SAMPLES_MAX, Quarantine


def test_a_sample_a_minute_says_how_many_it_stands_for() -> None:
    kept = Quarantine()
    for number in range(3):
        kept.put({"BTC": "price: NaN", "ETH": "row"}, now_ms=1_000 * number)
    kept.put({"SOL": "price: inf"}, now_ms=EVERY_MS)
    newest, first = kept.samples
    assert (first.about, first.reason, first.refused_count) == ("BTC", "price: NaN", 2)
    assert (newest.about, newest.at_ms, newest.refused_count) == ("SOL", EVERY_MS, 5)


def test_a_clock_that_was_set_back_does_not_end_the_samples() -> None:
    kept = Quarantine()
    for now_ms in (10 * EVERY_MS, 9 * EVERY_MS, 9 * EVERY_MS + 1):
        kept.put({"": "not JSON"}, now_ms=now_ms)
    assert [one.at_ms for one in kept.samples] == [9 * EVERY_MS, 10 * EVERY_MS]


@given(st.text(max_size=500), st.text(max_size=500))
def test_whatever_a_stranger_says_is_short_and_can_be_printed(about: str, reason: str) -> None:
    kept = Quarantine()
    kept.put({about: reason}, now_ms=0)
    [one] = kept.samples
    assert len(one.reason) <= REASON_CHARS_MAX
    assert (one.about + one.reason).isprintable()


def test_the_newest_stay() -> None:
    kept = Quarantine()
    for minute in range(SAMPLES_MAX + 5):
        kept.put({"": "not JSON"}, now_ms=minute * EVERY_MS)
    assert len(kept.samples) == SAMPLES_MAX
    assert kept.samples[0].at_ms == (SAMPLES_MAX + 4) * EVERY_MS


def test_nothing_refused_is_no_sample() -> None:
    kept = Quarantine()
    kept.put({}, now_ms=0)
    assert kept.samples == ()
