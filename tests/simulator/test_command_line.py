"""`python -m sigmawatch_simulator` prints its addresses, and one line for a wrong wish."""

import asyncio
import sys
import urllib.request

import pytest

from sigmawatch_simulator.cli import main


async def test_it_prints_addresses_answers_and_ends_on_sigterm() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sigmawatch_simulator", "--markets", "3", "--speed", "60",
        "--venues", "kraken,binance", "--fault", '{"kind":"hang","path":"*Ticker"}',
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(60):
        lines = [(await process.stdout.readline()).decode().split() for _ in range(3)]
        assert [line[0] for line in lines] == ["kraken", "binance", "control"]
        url = lines[0][1] + "/0/public/Time"
        body = await asyncio.to_thread(_get, url)
        assert b"unixtime" in body
        process.terminate()
        assert await process.wait() == 0


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--markets", "0"], "markets_count"),
        (["--ports", "kraken"], "--ports"),
        (["--venues", "mtgox"], "venues"),
        (["--fault", '{"kind":"x"}'], "kind"),
        (["--script", "nowhere"], "nowhere"),
    ],
)
def test_a_wrong_wish_is_one_line_that_names_it(
    capsys: pytest.CaptureFixture[str], arguments: list[str], names: str
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert names in error
    assert error.count("\n") == 1


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as response:
        body: bytes = response.read()
        return body
