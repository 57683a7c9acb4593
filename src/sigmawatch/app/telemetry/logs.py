"""Logs: events with keys, to stderr, as aligned text or as one JSON object a line.

Configured once by the command line; everything else only asks structlog for a logger. Text that
came from strangers cannot forge a line: control characters are escaped and long values clipped.
Tracebacks show no variables, since those may hold secrets.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor

VALUE_CHARS_MAX = 1_000
ITEMS_MAX, DEPTH_MAX = 100, 3  # of what is no text


class LogStyle(StrEnum):
    """How a log line looks."""

    CONSOLE = "console"
    JSON = "json"


def configure(style: LogStyle, *, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send our events of `level` and above, and warnings of libraries, to `stream` (stderr)."""
    target = stream or sys.stderr
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            lambda _, __, event: _tame(event),
            *_renderers(style, colors=target.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Libraries()], level=max(level, logging.WARNING), force=True)


def _renderers(style: LogStyle, *, colors: bool) -> list[Processor]:
    if style is LogStyle.JSON:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [
        structlog.dev.ConsoleRenderer(
            colors=colors, exception_formatter=_trace, timestamp_key="at", pad_event_to=24
        )
    ]


def _trace(stream: TextIO, exc_info: ExcInfo) -> None:
    """A traceback whose lines are ours, whatever the message of the exception holds."""
    whole = io.StringIO()
    structlog.dev.plain_traceback(whole, exc_info)
    stream.write("\n".join(_tamed(line) for line in whole.getvalue().split("\n")))


def _tame(event: EventDict) -> EventDict:
    """Escape and clip every text, however deep, but our own traceback."""
    return {
        key: value if key == "exc_info" else _tamed_value(value) for key, value in event.items()
    }


def _tamed_value(value: object, *, depth: int = 0) -> object:
    match value:
        case str():
            return _tamed(value)
        case Mapping() if depth < DEPTH_MAX:
            pairs = list(value.items())[:ITEMS_MAX]
            return {_tamed(str(k)): _tamed_value(v, depth=depth + 1) for k, v in pairs}
        case list() | tuple() if depth < DEPTH_MAX:
            return [_tamed_value(one, depth=depth + 1) for one in value[:ITEMS_MAX]]
        case None | bool() | int() | float():
            return value
    return _tamed(repr(value))


def _tamed(text: str) -> str:
    clipped = text if len(text) <= VALUE_CHARS_MAX else f"{text[:VALUE_CHARS_MAX]}…"
    if clipped.isprintable():
        return clipped
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in clipped)


class _Libraries(logging.Handler):
    """What libraries log becomes one event of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            record.levelno, "library_logged",
            logger=record.name, message=record.getMessage(), exc_info=record.exc_info,
        )  # fmt: skip
