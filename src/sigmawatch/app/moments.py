"""Moments as they are written everywhere: RFC 3339 in UTC with milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt


def rfc3339(ts_ms: int) -> str:
    """`ts_ms`, milliseconds since the epoch, as 2026-11-21T08:00:00.000Z."""
    seconds, ms = divmod(ts_ms, 1_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"


def rfc3339_column(ts_ms: npt.NDArray[np.int64]) -> list[str]:
    """As `rfc3339`, of many."""
    texts: list[str] = np.datetime_as_string(ts_ms.astype("M8[ms]"), unit="ms").tolist()
    return [f"{text}Z" for text in texts]


def moment_or_none(ts_ms: int | None) -> str | None:
    """As `rfc3339`; None for nothing, and for 0, which stands for never."""
    return rfc3339(ts_ms) if ts_ms else None
