"""What people read."""

from __future__ import annotations

import pytest
from tests.contracts.samples import MINUTE
from tests.notifying.world import START_MS, notice

from sigmawatch.adapters.zones import IanaZones
from sigmawatch.app.notifying.wording import Links, Wording
from sigmawatch.app.notifying.words import Times, number
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.message import Message
from sigmawatch.domain.notice import Notice, NoticeKind
from sigmawatch.domain.receipt import Listed

HOSTILE = "KRAKEN:<img onerror=x>/USD\nBcc: a@b.org price"


def said(notice_: Notice, *, zone: str = "UTC", told: bool = True) -> Message:
    links = Links(public_url="https://x.example.org", confirm=lambda _: None, code=lambda _: None,
                  unsubscribe=lambda _: None)  # fmt: skip
    return Wording(Times(IanaZones(), zone=zone), links).message(notice_, told=told)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (301.0, "301"), (67_123.456, "67,123.5"), (3_711.86, "3,711.86"),
        (0.0000123456789, "0.0000123457"), (0.0, "0"),
        (-0.0, "0"), (1_250_000.4, "1,250,000"), (123_456.789, "123,457"), (None, "unknown"),
        (-3.1, "-3.1"), (1.5e18, "1.5e+18"), (2.5e-12, "2.5e-12"), (float("nan"), "nan"),
        (999_999.96, "1,000,000"),
    ],
)  # fmt: skip
def test_a_number_has_six_digits_that_count(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "21 Nov 2026 08:00 UTC"),
        ("Europe/Berlin", "21 Nov 2026 09:00 Europe/Berlin (08:00 UTC)"),
        ("America/Los_Angeles", "21 Nov 2026 00:00 America/Los_Angeles (08:00 UTC)"),
        ("Pacific/Honolulu", "20 Nov 2026 22:00 Pacific/Honolulu (21 Nov 08:00 UTC)"),
        ("Asia/Kathmandu", "21 Nov 2026 13:45 Asia/Kathmandu (08:00 UTC)"),
    ],
)
def test_times_are_told_in_the_users_zone_and_in_utc(zone: str, text: str) -> None:
    """SEMANTICS.md 8: "Times in the user's zone and UTC."."""
    assert said(notice(), zone=zone).lines[-1] == text


def test_a_firing_says_its_rule_its_series_its_numbers_and_why() -> None:
    message = said(notice())
    assert message.title == "Firing: hot · KRAKEN:BTC/USD price 301 USD"
    assert message.lines == (
        "price > 3 * mean(1h)", "mean(1h) = 100 (100 % of its window)",
        "Because the condition is true.", "21 Nov 2026 08:00 UTC",
    )  # fmt: skip
    assert dict(message.facts) == {"Series": "KRAKEN:BTC/USD price", "Rule": "hot",
                                   "Severity": "warning", "Value": "301 USD"}  # fmt: skip
    assert (message.severity, message.id) == (Severity.WARNING, notice().id)
    assert message.data["receipt"]["value"] == 301.0  # type: ignore[index]


def test_what_is_told_late_says_since_when_and_why() -> None:
    """SEMANTICS.md 7: "always sent, once ("since hh:mm, while the tracker was down")"."""
    opened = MINUTE.slot(START_MS) - 90
    lines = said(notice(opened=opened, withheld=("late",))).lines
    assert "Since 21 Nov 2026 06:30 UTC." in lines
    assert "Told late: while the tracker was down." in lines


def test_a_summary_lists_what_it_stands_for() -> None:
    listed = tuple(Listed(series=f"KRAKEN:X{n}/USD price", kind="firing", value=1.0 * n, weight=2.0)
                   for n in range(10))  # fmt: skip
    message = said(notice(NoticeKind.SUMMARY, series="", value=None, listed=listed, operands=(),
                          counts=(("firing", 30), ("resolved", 2))))  # fmt: skip
    assert message.title == "Summary: hot · 32 series"
    assert "30 × firing, 2 × resolved" in message.lines
    assert sum("KRAKEN:X" in line for line in message.lines) == 10


@pytest.mark.parametrize("kind", NoticeKind)
def test_names_from_strangers_stay_in_their_line(kind: NoticeKind) -> None:
    """SECURITY.md S21, S23: what is escaped for a format is its channel's to escape; a line is a
    line here already."""
    message = said(notice(kind, series=HOSTILE, note="a\r\nb", rule="x" * 900))
    assert len(message.title) <= 200
    assert all(text.isprintable() for text in (message.title, *message.lines))


def test_a_receipt_that_cannot_be_read_is_told_all_the_same() -> None:
    broken = Notice(rule_id=1, series_id=1, episode="1-1-0", kind=NoticeKind.FIRING, ordinal=0,
                    channel="ops", decided_ms=START_MS, due_ms=START_MS, receipt="{")  # fmt: skip
    assert said(broken).title == "Firing: 1-1-0"


def test_the_same_notice_has_the_same_words() -> None:
    assert said(notice()) == said(notice())


def test_who_was_never_told_that_it_fired_hears_both() -> None:
    resolved = notice(NoticeKind.RESOLVED)
    assert said(resolved).title.startswith("Resolved:")
    assert said(resolved, told=False).title.startswith("Fired and resolved:")
