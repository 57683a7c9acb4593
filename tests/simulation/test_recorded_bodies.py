"""Bodies that venues really sent, through the whole program: what they say is what REST tells.

The player stands where the venue stood; collector, bus, database, tables and REST are real.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.simulation.world import until
from tests.venues.support import AMPLE, MINUTE_MS, body, captured, recorded

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.venues.recorded import Player
from sigmawatch.adapters.venues.recording import Exchange
from sigmawatch.app import wiring
from sigmawatch.app.config import BackfillConfig, Config, Track
from sigmawatch.app.program import Program
from sigmawatch.app.venue_config import VenueConfig
from sigmawatch.app.web import create_app
from sigmawatch.domain.venue import RunKind
from sigmawatch.domain.window import DAY_MS, Interval

MINUTE = Interval(MINUTE_MS)


@dataclass(kw_only=True)
class Show:
    """A program over one recorded venue."""

    program: Program
    clock: VirtualClock
    client: httpx.AsyncClient

    async def poll(self, boundary_ms: int) -> None:
        """Close the slot that ends at `boundary_ms`."""
        await self.clock.advance_to_ms(boundary_ms + 1_000)
        for collector in self.program.stations.collectors:
            await collector.run_once(RunKind.POLL, boundary_ms=boundary_ms)
        await self.program.tracker.close_slot(MINUTE, MINUTE.slot(boundary_ms) - 1)

    async def fill(self) -> None:
        """Back-fill everything, and see it on the board."""
        await self.program.stations.backfill()
        await until(lambda: [job.finished_ms for job in self.program.jobs()] not in ([], [None]))
        assert not any(job.failed for job in self.program.jobs())
        await self.program.tracker.refresh()

    async def get(self, path: str, **query: Any) -> list[dict[str, Any]]:
        answer = await self.client.get(f"/api/v1{path}", params={"limit": 1_000, **query})
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def values(self, slug: str, opens_ms: Sequence[int]) -> list[tuple[Any, list[str]]]:
        """(value, marks) of the slots that open at these moments."""
        query = {"from": opens_ms[0], "to": opens_ms[-1] + MINUTE_MS, "limit": 10_000}
        rows = await self.get(f"/metrics/{slug}/records", **query)
        assert len(rows) == len(range(opens_ms[0], opens_ms[-1] + 1, MINUTE_MS))
        told = [(row["value"], row.get("marks", [])) for row in rows]
        return [told[(open_ms - opens_ms[0]) // MINUTE_MS] for open_ms in opens_ms]


@asynccontextmanager
async def shown(
    folder: Path, bodies: dict[str, Any], *, venue: str, track: dict[str, Any], now_ms: int
) -> AsyncIterator[Show]:
    """bodies: question, as `/path?name=value`, -> what was answered."""
    clock = VirtualClock(now_ms)
    exchanges = [_exchange(venue, question, said) for question, said in bodies.items()]
    async with Player(exchanges, clock=clock) as player:
        config = Config(
            data=folder,
            backfill=BackfillConfig(
                enabled=False
            ),  # but by `fill`: what is not recorded is a fault
            track=(Track(venue=venue.lower(), **track),),
            venues={
                venue.lower(): VenueConfig(
                    base_url=player.base_url(venue), requests_per_minute=AMPLE, timeout_s=60.0
                )
            },
        )
        async with wiring.build(config, clock=clock) as program:
            app: Any = create_app(program)
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1"
            ) as client:
                await program.stations.list_all()
                yield Show(program=program, clock=clock, client=client)


def _exchange(venue: str, question: str, said: Any) -> Exchange:
    path, _, query = question.partition("?")
    asked = dict(pair.split("=") for pair in query.split("&") if pair)
    text = said if isinstance(said, str) else body(said).decode()
    return Exchange(at_ms=0, venue=venue, path=path, query=asked, status=200,
                    headers={"content-type": "application/json"}, text=text)  # fmt: skip


async def test_every_kraken_market_of_2019_shows_its_last_price_and_its_24_hour_volume(
    tmp_path: Path,
) -> None:
    """EXCHANGES 1.1: "Quote volume = v[1] x p[1] (24 h vwap)"."""
    pairs = recorded("rotki-kraken-2019/kraken_asset_pairs.json").read_text()
    ticker = recorded("rotki-kraken-2019/kraken_ticker.json").read_text()
    truth = json.loads(ticker)["result"]
    boundary_ms = 1_550_238_060_000  # 2019-02-15
    track = {"markets": tuple(truth), "metrics": ("price", "volume_24h_quote")}
    bodies = {"/0/public/AssetPairs": pairs, "/0/public/Ticker": ticker}
    async with shown(
        tmp_path, bodies, venue="KRAKEN", track=track, now_ms=boundary_ms - 30_000
    ) as show:
        await show.poll(boundary_ms)
        prices = await show.get("/metrics", metric="price")
        ranked = await show.get("/ranking", metric="price")
        volumes = await show.get("/metrics", metric="volume_24h_quote")
        (report,) = show.program.stations.reports()
    assert len(truth) == 73
    last = {native: float(row["c"][0]) for native, row in truth.items()}
    assert {row["native"]: row["value"] for row in prices} == last
    assert {row["native"]: row["value"] for row in ranked} == last
    assert {row["native"]: row["value"] for row in volumes} == {
        native: float(row["v"][1]) * float(row["p"][1]) for native, row in truth.items()
    }
    assert all(row["marks"] == ["derived"] for row in volumes)
    assert (report.markets_count, report.unresolved, report.status.rejected) == (84 - 11, {}, {})


async def test_twelve_hours_of_kraken_candles_back_fill_exactly_with_quiet_minutes_carried(
    tmp_path: Path,
) -> None:
    """SEMANTICS.md 2: "the level is the previous close, marked `carried` ... the flow is 0, marked
    `no_trades`"."""
    read = {
        name: recorded(f"nautilus-kraken-rest/http_{name}.json").read_text()
        for name in ("asset_pairs", "ticker", "ohlc")
    }
    rows = json.loads(read["ohlc"])["result"]["XBTUSDT"][:-1]  # the last one is still running
    nothing = {"error": [], "result": {"XBTUSDT": [], "last": 0}}
    bodies = {
        "/0/public/AssetPairs": read["asset_pairs"],
        "/0/public/Ticker": read["ticker"],
        "/0/public/OHLC?pair=XBTUSDT&interval=1": read["ohlc"],
        "/0/public/OHLC?pair=XBTUSDT&interval=5": nothing,
    }
    track = {"markets": ("XBTUSDT",), "metrics": ("price", "traded_quote", "trades")}
    async with shown(
        tmp_path, bodies, venue="KRAKEN", track=track, now_ms=1_762_820_224_000
    ) as show:
        await show.fill()
        first = next(at for at, row in enumerate(rows) if row[7])  # nothing to carry before
        last = max(at for at, row in enumerate(rows) if row[7])  # later ones may yet turn out
        proven = rows[first : last + 1]
        opens_ms = [1_000 * row[0] for row in proven]
        prices = await show.values("KRAKEN:BTC-USDT:price", opens_ms)
        traded = await show.values("KRAKEN:BTC-USDT:traded_quote", opens_ms)
        trades = await show.values("KRAKEN:BTC-USDT:trades", opens_ms)
    assert len(rows) == 720
    for row, price, quote, count in zip(proven, prices, traded, trades, strict=True):
        if row[7]:
            assert price == (float(row[4]), ["filled"])
            assert quote == (float(row[6]) * float(row[5]), ["derived", "filled"])
            assert count == (float(row[7]), ["filled"])
        else:
            assert price == (float(row[4]), ["carried", "filled"])
            assert quote == (0.0, ["no_trades", "filled"])
            assert count == (0.0, ["no_trades", "filled"])


def binance(route: str, **query: str) -> Any:
    """A recorded answer of Binance, by its route and exact parameters."""
    answers = json.loads(recorded("gocryptotrader-binance-rest/responses.json").read_text())
    asked = "&".join(f"{name}={value}" for name, value in sorted(query.items()))
    (found,) = [a["body"] for a in answers if (a["route"], a["query"]) == (route, asked)]
    return found


async def test_every_recorded_binance_ticker_shows_its_price_and_quote_volume(
    tmp_path: Path,
) -> None:
    two = binance("/api/v3/ticker/24hr", symbols="%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D")
    tickers = [*binance("/api/v3/ticker/24hr"), *two]
    bodies = {
        "/api/v3/exchangeInfo?showPermissionSets=false": binance("/api/v3/exchangeInfo"),
        "/api/v3/ticker/24hr?type=FULL": tickers,
    }
    natives = tuple(row["symbol"] for row in tickers)
    boundary_ms = 1_730_439_060_000
    track = {"markets": natives, "metrics": ("price", "bid", "ask", "volume_24h_quote")}
    async with shown(
        tmp_path, bodies, venue="BINANCE", track=track, now_ms=boundary_ms - 30_000
    ) as show:
        await show.poll(boundary_ms)
        fields = {"price": "lastPrice", "bid": "bidPrice", "ask": "askPrice",
                  "volume_24h_quote": "quoteVolume"}  # fmt: skip
        for metric, name in fields.items():
            told = await show.get("/metrics", metric=metric)
            assert {row["native"]: row["value"] for row in told} == {
                row["symbol"]: float(row[name]) for row in tickers
            }
            assert all(row["marks"] == [] for row in told)


async def test_an_hour_of_binance_candles_back_fills_exactly(tmp_path: Path) -> None:
    rows = binance("/api/v3/klines", endTime="1588743688000", interval="1m",
                   startTime="1588740088000", symbol="BTCUSDT")  # fmt: skip
    two = binance("/api/v3/ticker/24hr", symbols="%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D")
    bodies = {
        "/api/v3/exchangeInfo?showPermissionSets=false": binance("/api/v3/exchangeInfo"),
        "/api/v3/ticker/24hr?type=FULL": two,
        "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1000": rows,
    }
    track = {"markets": ("BTC/USDT",), "metrics": ("price", "traded_quote", "traded_base")}
    now_ms = rows[-1][0] + MINUTE_MS + 30_000
    async with shown(tmp_path, bodies, venue="BINANCE", track=track, now_ms=now_ms) as show:
        await show.fill()
        opens_ms = [row[0] for row in rows]
        prices = await show.values("BINANCE:BTC-USDT:price", opens_ms)
        quote = await show.values("BINANCE:BTC-USDT:traded_quote", opens_ms)
        base = await show.values("BINANCE:BTC-USDT:traded_base", opens_ms)
        before = await show.values("BINANCE:BTC-USDT:price", [opens_ms[0] - MINUTE_MS])
    assert len(rows) == 60
    assert prices == [(float(row[4]), ["filled"]) for row in rows]
    assert quote == [(float(row[7]), ["filled"]) for row in rows]
    assert base == [(float(row[5]), ["filled"]) for row in rows]
    assert before == [(None, ["not_polled"])]


def bars(market: str) -> list[tuple[int, list[float]]]:
    """(open ms, [open, high, low, close, volume]) of the two recorded days."""
    found = []
    for day, start_ms in (("20180404", 1_522_800_000_000), ("20180405", 1_522_886_400_000)):
        name = f"lean-coinbase-minute-201804/{market}_{day}_trade.zip"
        with zipfile.ZipFile(recorded(name)) as archive:
            lines = archive.read(archive.namelist()[0]).decode().split()
        for line in lines:
            offset, *numbers = line.split(",")
            found.append((start_ms + int(offset), [float(number) for number in numbers]))
    return found


async def test_a_recorded_coinbase_day_back_fills_exactly_over_its_recorded_products(
    tmp_path: Path,
) -> None:
    """Newest first, "[time, LOW, HIGH, OPEN, CLOSE, volume]", quiet minutes absent (EXCHANGES 1.3).
    Only the bars' order is ours: they were recorded as minutes, not as an answer."""
    capture = recorded("cryptofeed-captures/COINBASE.0").read_text()
    day = [bar for bar in bars("btceur") if bar[0] >= 1_522_886_400_000]
    now_ms = day[-1][0] + 2 * MINUTE_MS + 30_000
    rows = [[ms // 1_000, low, high, open_, close, volume]
            for ms, (open_, high, low, close, volume) in reversed(bars("btceur"))]  # fmt: skip
    close = str(day[-1][1][3])
    stats = {"BTC-EUR": {"stats_24hour": {"open": close, "high": close, "low": close,
                                          "last": close, "volume": "1"}}}  # fmt: skip
    bodies = {
        "/products": captured("COINBASE.0", capture).decode(),
        "/products/stats": stats,
        "/products/BTC-EUR/candles?granularity=60": rows,
    }
    track = {"markets": ("BTC/EUR",), "metrics": ("price", "traded_quote")}
    async with shown(tmp_path, bodies, venue="COINBASE", track=track, now_ms=now_ms) as show:
        await show.fill()
        opens_ms = list(range(now_ms // MINUTE_MS * MINUTE_MS - DAY_MS, day[-1][0], MINUTE_MS))
        prices = await show.values("COINBASE:BTC-EUR:price", opens_ms)
        traded = await show.values("COINBASE:BTC-EUR:traded_quote", opens_ms)
    truth = dict(day)
    filled = [truth[ms][3] if ms in truth else 0.0 for ms in opens_ms]
    carried: list[float] = []
    for price in filled:
        carried.append(price or carried[-1])
    assert 40 < filled.count(0.0) < 50
    assert [value for value, _ in prices] == carried
    for ms, (_, price_marks), (quote, marks) in zip(opens_ms, prices, traded, strict=True):
        quiet = ms not in truth
        assert price_marks == (["carried", "filled"] if quiet else ["filled"])
        assert marks == (["no_trades", "filled"] if quiet else ["derived", "filled"])
        assert quote == (0.0 if quiet else truth[ms][4] * truth[ms][3])
