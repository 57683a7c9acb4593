"""Recorded candles as the script: the venues say what the files say, when the files say it."""

import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from tests.simulator.asking import DAY_MS, MINUTE_MS, binance, coinbase, kraken

from sigmawatch_simulator import BadRequest, Simulator

Make = Callable[..., Simulator]
BEGIN_MS = 1_516_424_040_000
RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "freqtrade-bittrex-1m-201801"
Row = list[float]


def rows_of(count: int) -> list[Row]:
    """A day and a half of ADA/BTC with every seventh minute missing."""
    return [
        [BEGIN_MS + n * MINUTE_MS, 5e-05, 5.2e-05, 4.9e-05, 5.1e-05 + n % 3 * 1e-06, 10.5 + n]
        for n in range(count)
        if n % 7 != 3
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    text = json.dumps(rows_of(2_160)).encode()
    (tmp_path / "ADA_BTC-1m.json.gz").write_bytes(gzip.compress(text))
    (tmp_path / "ETH_BTC-1m.json").write_text(json.dumps([[BEGIN_MS, 0.1, 0.1, 0.1, 0.1, 2.0]]))
    (tmp_path / "README.md").write_text("not a recording")
    return tmp_path


def test_the_clock_starts_a_day_after_the_recording(make: Make, folder: Path) -> None:
    assert make(script=folder, start_ms=None).clock.now_ms() == BEGIN_MS + DAY_MS


def test_every_venue_has_the_recorded_markets_under_its_own_names(make: Make, folder: Path) -> None:
    simulator = make(script=folder, start_ms=None)
    assert set(kraken(simulator, "AssetPairs")) >= {"ADAXBT", "XETHXXBT"}
    assert set(coinbase(simulator, "/products/stats")) == {"ADA-BTC", "ETH-BTC"}
    names = [r["symbol"] for r in binance(simulator, "ticker/24hr", symbolStatus="TRADING")]
    assert set(names) == {"ADABTC", "ETHBTC"}


def test_candles_are_the_rows_and_missing_ones_had_no_trade(make: Make, folder: Path) -> None:
    simulator = make(script=folder, start_ms=None)
    recorded = {row[0]: row for row in rows_of(2_160)}
    for kline in binance(simulator, "klines", symbol="ADABTC", interval="1m", limit=1000)[:-1]:
        row = recorded.get(kline[0])
        if row is None:
            assert kline[8] == 0
        else:
            assert [float(text) for text in kline[1:6]] == pytest.approx(row[1:6], abs=1e-9)


def test_the_rolling_day_is_the_sum_of_the_rows(make: Make, folder: Path) -> None:
    simulator = make(script=folder, start_ms=None)
    total = sum(Decimal(str(row[5])) for row in rows_of(1_440))
    assert Decimal(kraken(simulator, "Ticker")["ADAXBT"]["v"][1]) == total
    row = binance(simulator, "ticker/24hr", symbol="ADABTC")
    assert (Decimal(row["highPrice"]), Decimal(row["lowPrice"])) == (
        Decimal("0.000052"),
        Decimal("0.000049"),
    )


def test_after_the_end_the_price_stands_and_nothing_trades(make: Make, folder: Path) -> None:
    simulator = make(script=folder, start_ms=BEGIN_MS + 5 * DAY_MS)
    stats = coinbase(simulator, "/products/stats")["ETH-BTC"]["stats_24hour"]
    assert Decimal(stats["last"]) == Decimal("0.1")
    assert Decimal(stats["volume"]) == 0


def test_one_file_is_a_script_too(make: Make, folder: Path) -> None:
    simulator = make(script=folder / "ETH_BTC-1m.json", start_ms=None)
    assert set(coinbase(simulator, "/products/stats")) == {"ETH-BTC"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ADA_BTC-1m.json", "nonsense"),
        ("ADA_BTC-1m.json", "[]"),
        ("ADA_BTC-1m.json", "[[1, 2, 3]]"),
        ("ADA_BTC-1m.json", "[[1, 2, 3, 0, 5, 6]]"),
        ("ADA_BTC-1m.json.gz", "not gzip"),
        ("other.json", "[]"),
    ],
)
def test_a_broken_script_is_refused_with_its_path(
    make: Make, tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadRequest, match="script"):
        make(script=tmp_path, start_ms=None)


def test_ten_recorded_markets_play_at_every_venue(make: Make) -> None:
    if not RECORDED.is_dir():
        pytest.skip(f"no recorded candles at {RECORDED}")
    simulator = make(script=RECORDED, start_ms=None)
    simulator.clock.advance(3 * DAY_MS)
    now_ms = simulator.clock.now_ms()
    assert len(coinbase(simulator, "/products/stats")) == 10
    for row in binance(simulator, "ticker/24hr", symbolStatus="TRADING"):
        base = row["symbol"].removesuffix("BTC")
        text = gzip.decompress((RECORDED / f"{base}_BTC-1m.json.gz").read_bytes())
        day = [r for r in json.loads(text, parse_float=Decimal) if 0 < now_ms - r[0] <= DAY_MS]
        assert Decimal(row["lastPrice"]) == day[-1][4].quantize(Decimal("1e-8"))
        assert Decimal(row["volume"]) == sum(r[5].quantize(Decimal("1e-8")) for r in day)
        assert Decimal(row["highPrice"]) == max(r[2] for r in day)
