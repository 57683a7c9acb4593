"""What a log line may hold."""

from __future__ import annotations

import io
import json
import logging
import secrets
from collections.abc import Iterator

import pytest
import structlog

from sigmawatch.app.telemetry import VALUE_CHARS_MAX, LogStyle, configure


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    before = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:], level = before
    logging.root.setLevel(level)


def logged(style: LogStyle, **keys: object) -> str:
    stream = io.StringIO()
    configure(style, stream=stream)
    structlog.get_logger().warning("venue_poll_failed", **keys)
    return stream.getvalue()


def test_an_event_is_one_json_object_with_its_keys() -> None:
    line = json.loads(logged(LogStyle.JSON, venue="KRAKEN", took_ms=12))
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "venue_poll_failed", "level": "warning", "venue": "KRAKEN", "took_ms": 12,
    }  # fmt: skip


@pytest.mark.parametrize("style", LogStyle)
def test_a_strangers_text_stays_one_clipped_line_without_escapes(style: LogStyle) -> None:
    text = logged(style, market="A\r\n2026 level=error\x1b[31m\u2028" + "x" * 1_000_000)
    assert text.count("\n") == 1
    assert "\x1b[31m\u2028" not in text
    assert len(text.splitlines()) == 1
    assert len(text) < VALUE_CHARS_MAX + 500


@pytest.mark.parametrize("style", LogStyle)
def test_a_traceback_shows_no_variables(style: LogStyle) -> None:
    stream = io.StringIO()
    configure(style, stream=stream)
    api_key = secrets.token_hex(8)
    try:
        int(f"no {api_key[:1]}")
    except ValueError:
        structlog.get_logger().exception("failed")
    assert "ValueError" in stream.getvalue()
    assert api_key not in stream.getvalue()


def test_what_a_library_warns_of_is_an_event_and_its_chatter_is_not() -> None:
    stream = io.StringIO()
    configure(LogStyle.JSON, stream=stream)
    logging.getLogger("aiohttp").info("chatter")
    logging.getLogger("aiohttp").warning("odd %s", "thing")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["logger"], line["message"]) == (
        "library_logged", "aiohttp", "odd thing",
    )  # fmt: skip
