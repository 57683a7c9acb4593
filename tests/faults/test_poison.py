"""Nothing that a stranger sends crashes a parser, holds it up, or is stored where it is no number
(RELIABILITY.md P18)."""

from __future__ import annotations

import json
import random
from array import array

import pytest
from tests.faults.poison import STALL_S, poisoned
from tests.faults.tier import Finding, tell, times
from tests.pace import allowed_s
from tests.venues.kraken.bodies import ticker
from tests.venues.parsers import NOW_MS, PARSERS, POLLS, Parser, Reader

from sigmawatch.domain.errors import BadAnswer
from sigmawatch.domain.reading import Tickers

ALL = 100_000_000  # over all parsers
INPUTS = times(change=10_000, full=-(-ALL // len(PARSERS)))
UNTIL_RED = 20_000

pytestmark = [pytest.mark.faults, pytest.mark.timeout(times(change=120, full=7_200))]


@pytest.mark.parametrize("name", [*PARSERS][::-1])  # the slowest first: no core waits at the end
def test_whatever_comes_a_parser_gives_sound_values_or_one_domain_error(name: str) -> None:
    seed = random.randrange(2**32)
    found = poisoned(PARSERS[name], count=INPUTS, seed=seed)
    assert not found.fault, f"seed {seed}: {found.fault}"
    assert found.inputs_count >= INPUTS
    assert name not in POLLS or 0 < found.refused_count < found.inputs_count, "nothing was odd"
    assert found.slowest_s <= allowed_s(STALL_S), f"seed {seed}"
    tell(Finding(
        promise="P18", fault=f"grammar mutations: {name}", seed=seed,
        figures={"inputs": found.inputs_count, "refused": found.refused_count, "crashes": 0,
                 "invalid_values": 0, "slowest_ms": round(1_000.0 * found.slowest_s, 2),
                 "inputs_a_s": round(found.inputs_count / found.took_s)},
    ))  # fmt: skip


def trusting(raw: bytes) -> Tickers:
    """Kraken's tickers as they are read where `json.loads` and `float` are believed."""
    try:
        rows = json.loads(raw)["result"]
        prices = array("d", [float(row["c"][0]) for row in rows.values()])
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise BadAnswer(str(error)) from None
    return Tickers(natives=tuple(rows), columns={"price": prices}, recv_ms=NOW_MS)


def careless(raw: bytes) -> Tickers:
    """The same, of one who has not thought of every error."""
    rows = json.loads(raw)["result"]
    prices = array("d", [float(row["c"][0]) for row in rows.values()])
    return Tickers(natives=tuple(rows), columns={"price": prices}, recv_ms=NOW_MS)


@pytest.mark.parametrize("reader", [trusting, careless])
def test_the_check_above_notices_a_parser_that_believes_everything(reader: Reader) -> None:
    seed = random.randrange(2**32)
    good = {"error": [], "result": {"A": ticker(), "B": ticker()}}
    parser = Parser(made=lambda: reader, values=(good,))
    found = poisoned(parser, count=UNTIL_RED, seed=seed)
    assert found.fault, f"seed {seed}"
    tell(Finding(
        promise="P18", fault="the same, json.loads and float", seed=seed, control=True,
        figures={"inputs_until_red": found.inputs_count},
    ))  # fmt: skip
