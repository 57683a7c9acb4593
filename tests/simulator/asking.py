"""Asking a personality without a network, and what the answers are compared with."""

import json
from decimal import Decimal
from typing import Any

from sigmawatch_simulator.server import Simulator
from sigmawatch_simulator.venues.speech import Answer, Question

NOON_MS = 1_762_819_200_000 + 17 * 60_000 + 4_000  # 2025-11-11 00:17:04 UTC
MINUTE_MS = 60_000
DAY_MS = 86_400_000
AGENT = {"user-agent": "test"}


def ask(simulator: Simulator, venue: str, path: str, **query: object) -> Answer:
    """One request, as the port would put it; `from_` and the like lose their underscore."""
    words = {name.rstrip("_"): str(value) for name, value in query.items()}
    return simulator.answer(venue, Question(path=path, query=words, headers=AGENT))[0]


def said(simulator: Simulator, venue: str, path: str, **query: object) -> Any:
    """The decoded body of a request that succeeds."""
    answer = ask(simulator, venue, path, **query)
    assert answer.status == 200, answer
    return json.loads(answer.body, parse_float=Decimal)


def kraken(simulator: Simulator, call: str, **query: object) -> Any:
    """Kraken's result."""
    body = said(simulator, "kraken", f"/0/public/{call}", **query)
    assert body["error"] == [], body
    return body["result"]


def binance(simulator: Simulator, call: str, **query: object) -> Any:
    return said(simulator, "binance", f"/api/v3/{call}", **query)


def coinbase(simulator: Simulator, path: str, **query: object) -> Any:
    return said(simulator, "coinbase", path, **query)
