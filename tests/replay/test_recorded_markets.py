"""Ten recorded markets through the whole program, against an independent judge.

Real input (Bittrex, January 2018): files, poll, bus, database, table, snapshot, REST. The judge
(reference.py) reads the raw files with pandas and shares no code with the product. Three of the
days beside every change; all ten, some minutes of processor, with SIGMAWATCH_FAULTS=full.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pandas as pd
import pytest
from tests.faults.tier import times
from tests.replay import reference

from sigmawatch.app.config import Config
from sigmawatch.app.replay import Replay
from sigmawatch.app.web import create_app
from sigmawatch.app.web.server import listen, serve_on
from sigmawatch.app.wiring_replay import replaying

RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "freqtrade-bittrex-1m-201801"
DAYS = times(change=3, full=10)
SLOTS_JUDGED = times(change=10, full=20)
SEED = 20180120

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded markets at {RECORDED}"),
    pytest.mark.timeout(900),
]


async def answers(replay: Replay, wanted: set[int]) -> dict[int, dict[str, Any]]:
    """Slot -> what REST said, over a socket, while it was the newest one."""
    said: dict[int, dict[str, Any]] = {}
    listener = listen("127.0.0.1", 0)
    base = f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1"
    async with asyncio.TaskGroup() as group, aiohttp.ClientSession() as session:
        server = group.create_task(serve_on(create_app(replay.program), listener))
        async for slot in replay.slots():
            if slot in wanted:
                said[slot] = await seen(session, base)
            if slot == max(wanted):
                break
        server.cancel()
    return said


async def seen(session: aiohttp.ClientSession, base: str) -> dict[str, Any]:
    async def by_pair(path: str, **query: str) -> dict[str, Any]:
        async with session.get(f"{base}/{path}", params=query) as answer:
            assert answer.status == 200
            return {row["pair"]: row for row in (await answer.json())["items"]}

    return {
        "price": await by_pair("metrics", metric="price"),
        "traded_quote": await by_pair("metrics", metric="traded_quote"),
        "sigma_rel": await by_pair("ranking", metric="price", by="sigma_rel"),
        "sigma_ret": await by_pair("ranking", metric="price", by="sigma_ret"),
    }


def proven(trades: pd.Series, minute: int) -> pd.Series:
    """What is known of a flow when `minute` closes: a minute without a row is zero once a later
    row exists or two more minutes have passed (SEMANTICS.md 2), else unknown."""
    known = trades.copy()
    quiet = known.index[known.isna()]
    last = trades.loc[:minute].last_valid_index()
    known.loc[quiet[(quiet < last) | (quiet <= minute - 2)]] = 0.0
    return known


async def test_sigma_and_ranks_of_recorded_days_equal_an_independent_computation(
    tmp_path: Path,
) -> None:
    frames = reference.load(RECORDED)
    first = min(int(frame.index[0]) for frame in frames.values())
    last = min(int(frame.index[-1]) for frame in frames.values())
    last = min(last, first + DAYS * reference.DAY)
    chosen = random.Random(SEED)
    wanted = set(chosen.sample(range(first + reference.DAY + 60, last - 60), SLOTS_JUDGED))
    async with replaying(Config(), RECORDED, folder=tmp_path) as replay:
        said = await answers(replay, wanted)
    assert sorted(said) == sorted(wanted)
    closes = reference.prices(frames, first, last)
    trades = reference.traded(frames, first, last)
    for slot, rows in said.items():
        judged = {pair: reference.judge(closes[pair], slot) for pair in frames}
        for pair, truth in judged.items():
            assert_equal(rows["price"][pair], truth)
            flow = proven(trades[pair], slot)
            assert_equal(rows["traded_quote"][pair], reference.judge(flow, slot), returns=False)
        for by in ("sigma_rel", "sigma_ret"):
            truth_ranks = reference.ranks({p: getattr(j, by) for p, j in judged.items()})
            assert {pair: row["rank"] for pair, row in rows[by].items()} == truth_ranks


def assert_equal(row: dict[str, Any], truth: reference.Judged, *, returns: bool = True) -> None:
    assert row["n"] == truth.count, row["name"]
    names = ("mean", "sigma_abs", "sigma_rel", *(("sigma_ret",) if returns else ()))
    for name in names:
        np.testing.assert_allclose(row[name], getattr(truth, name), rtol=1e-9, err_msg=row["name"])
