"""What a rule would have said over stored history, asked of a real program."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sigmawatch.app.alerting.preview import Draft
from sigmawatch.app.alerting.previewed import Preview
from sigmawatch.app.config import Config
from sigmawatch.app.program import Program
from sigmawatch.app.wiring_replay import replaying
from sigmawatch.domain.calendar import parse_calendar
from sigmawatch.domain.errors import ExpressionInvalid, Invalid, NotFound
from sigmawatch.domain.rule_settings import RuleSettings
from sigmawatch.domain.rule_target import parse_target
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS

START_MS = 1_516_406_400_000  # a midnight
FOUNDING = "price > 3 * mean(1h)"
ALL = RuleSettings(target=parse_target(["*:*/*"]))


def write_tapes(folder: Path, closes: Mapping[str, Sequence[float]]) -> Path:
    """Candle files of some pairs, a candle a minute, each of one unit traded."""
    folder.mkdir()
    for pair, column in closes.items():
        rows = [[START_MS + n * MINUTE_MS, c, c, c, c, 1.0] for n, c in enumerate(column)]
        (folder / f"{pair}-1m.json").write_text(json.dumps(rows))
    return folder


@asynccontextmanager
async def played(tmp_path: Path, closes: Mapping[str, Sequence[float]]) -> AsyncIterator[Program]:
    """A program that saw the tapes to their end."""
    tapes = write_tapes(tmp_path / "tapes", closes)
    async with replaying(Config(), tapes, folder=tmp_path / "data") as replay:
        async for _ in replay.slots():
            pass
        yield replay.program


def clock(preview: Preview) -> list[tuple[str, str, int, int | None]]:
    """Episodes in minutes since the tapes began."""

    def minute(at_ms: int | None) -> int | None:
        return None if at_ms is None else (at_ms - START_MS) // MINUTE_MS

    return [
        (one.series, one.reason, minute(one.opened_ms) or 0, minute(one.closed_ms))
        for one in preview.episodes
    ]


async def test_a_preview_says_when_and_for_which_series_a_rule_would_have_fired(
    tmp_path: Path,
) -> None:
    """SEMANTICS.md 6: any rule "answers how often, when and for which series it would have fired,
    and how many notices a day"."""
    closes = {"BTC_USD": [100.0] * 60 + [301.0] * 3 + [100.0] * 30, "ETH_USD": [10.0] * 93}
    async with played(tmp_path, closes) as program:
        preview = await program.previews.preview(
            Draft(condition=FOUNDING, settings=ALL), over_ms=2 * HOUR_MS
        )
    assert clock(preview) == [
        ("REPLAY:BTC/USD:price", "the clear condition holds", 60, 63),
    ]
    assert [(note.kind, note.about) for note in preview.notices] == [
        ("firing", "REPLAY:BTC/USD:price"), ("resolved", "REPLAY:BTC/USD:price"),
    ]  # fmt: skip
    assert preview.notices_a_day == 2 * 24 / 2
    assert preview.series_count == 2
    assert preview.clear == "not price > 2.7 * mean(1h)"
    assert sum(told for _, _, told in preview.by_day) == 2


async def test_three_hundred_is_not_more_than_three_times_one_hundred(tmp_path: Path) -> None:
    async with played(tmp_path, {"BTC_USD": [100.0] * 60 + [300.0] + [100.0] * 5}) as program:
        preview = await program.previews.preview(
            Draft(condition=FOUNDING, settings=ALL), over_ms=HOUR_MS
        )
    assert preview.episodes == ()
    assert preview.notices == ()


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("price > 3 * medan(1h)", ExpressionInvalid, "did you mean median"),
        ("price > 1 and age > 5m", ExpressionInvalid, "age has no past"),
        ("trades > 5", NotFound, "no tracked series of trades"),
    ],
)
async def test_what_cannot_be_previewed_is_refused_with_the_reason(
    tmp_path: Path, line: str, error: type[Invalid], words: str
) -> None:
    async with played(tmp_path, {"BTC_USD": [100.0] * 3}) as program:
        with pytest.raises(error, match=words) as refused:
            await program.previews.preview(Draft(condition=line, settings=ALL), over_ms=HOUR_MS)
    if isinstance(refused.value, ExpressionInvalid):
        assert refused.value.position > 0


async def test_a_preview_that_would_take_minutes_is_refused(tmp_path: Path) -> None:
    async with played(tmp_path, {"BTC_USD": [100.0] * 3}) as program:
        with pytest.raises(Invalid, match="too many for a preview"):
            await program.previews.preview(
                Draft(condition=FOUNDING, settings=ALL), over_ms=365 * DAY_MS
            )


async def test_a_muted_slot_tells_nothing_and_what_lasts_is_told_afterwards(
    tmp_path: Path,
) -> None:
    closes = {"BTC_USD": [100.0] * 60 + [400.0] * 20}
    mute = (parse_calendar("00:58-01:06"),)  # the slot of 01:05 ends when it is over
    settings = RuleSettings(target=parse_target(["*:*/*"]), mute=mute)
    async with played(tmp_path, closes) as program:
        preview = await program.previews.preview(
            Draft(condition=FOUNDING, settings=settings), over_ms=2 * HOUR_MS
        )
    told = [((note.at_ms - START_MS) // MINUTE_MS, note.kind) for note in preview.notices]
    assert told == [(65, "firing"), (70, "resolved")]
