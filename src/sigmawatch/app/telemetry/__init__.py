"""What the program tells of itself: logs, metrics, traces. Commands need the logs alone."""

from sigmawatch.app.telemetry.logs import VALUE_CHARS_MAX, LogStyle, configure

__all__ = ["VALUE_CHARS_MAX", "LogStyle", "configure"]
