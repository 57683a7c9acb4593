"""Venues of one's own, as the file defines them: everything wrong is told, and what stands runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.egress.receiver import answering, receiving

from sigmawatch.adapters.clock import RealClock
from sigmawatch.app.cli.judging import judged
from sigmawatch.app.problems import ConfigProblems
from sigmawatch.app.sources import load_config
from sigmawatch.app.wiring import build

WEATHER = """
[venues.weather]
kind = "http-json"
url = "https://api.example.com/now?city=Oslo"
[[venues.weather.markets]]
id = "oslo/celsius"
price = "main.temp"
"""
TRACK = '[[track]]\nvenue = "weather"\nmarkets = ["OSLO/CELSIUS"]\nmetrics = ["price"]\n'


Problems = Callable[[str], dict[str, str]]


@pytest.fixture
def problems(tmp_path: Path) -> Problems:
    def of(text: str) -> dict[str, str]:
        path = tmp_path / "sigmawatch.toml"
        path.write_text(text, "utf-8")
        try:
            found = judged(load_config(path, environ={})).problems
        except ConfigProblems as refused:
            found = refused.problems
        return {problem.path: str(problem) for problem in found}

    return of


def test_what_is_defined_whole_is_foreseen_without_being_asked(problems: Problems) -> None:
    assert problems(TRACK + WEATHER) == {}


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        (WEATHER.replace("main.temp", "main..temp"), "venues.weather.markets[0].price", "JMESPath"),
        (WEATHER.replace('price = "main.temp"', ""), "venues.weather.markets[0]", "nothing is"),
        (WEATHER.replace("oslo/celsius", "oslo"), "venues.weather.markets[0].id", "a slash"),
        (WEATHER.replace("price", "traded_base"), "venues.weather.markets[0].traded_base", ""),
        (WEATHER.replace("https://", "https://me:pw@"), "venues.weather.url", "without a login"),
        (WEATHER.replace('url = "https://api.example.com/now?city=Oslo"', ""), "venues.weather",
         "needs an address"),
        (WEATHER.replace("api.example.com", "127.0.0.1"), "venues.weather.url", "public"),
        (WEATHER.replace('kind = "http-json"', ""), "venues.weather", "another kind"),
        (WEATHER.replace("http-json", "soap"), "venues.weather.kind", "http-json"),
        (WEATHER.replace("http-json", "ccxt"), "venues.weather", "another kind"),
        ('[venues.weather]\nkind = "ccxt"\n', "venues.weather", "belong together"),
        ('[venues.weather]\nexchange = "kucoin"\n', "venues.weather", "belong together"),
        (WEATHER.replace('kind =', 'stream = true\nkind ='), "venues.weather", "no stream"),
        (WEATHER.replace("weather", "kraken"), "venues.kraken.kind", "a venue that we know"),
        (WEATHER.replace('kind = "http-json"', 'kind = "http-json"\napi_key = "x"'),
         "venues.weather", "key_header"),
        (WEATHER + '[[venues.weather.markets]]\nid = "OSLO/CELSIUS"\nprice = "a"\n',
         "venues.weather", "defined twice"),
        (TRACK.replace('"price"', '"traded_quote"') + WEATHER, "track[0].metrics[0]",
         "does not offer it"),
        (TRACK.replace("\nmet", '\nevery = "2s"\nmet') + WEATHER, "track[0].every", "every 5 s"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(
    problems: Problems, text: str, path: str, words: str
) -> None:
    found = problems(text if "[[track]]" in text else TRACK + text)
    assert path in found, found
    assert words in found[path]


def test_a_venue_that_is_refused_is_not_called_unknown_as_well(problems: Problems) -> None:
    assert list(problems(TRACK + WEATHER.replace("api.example.com", "127.0.0.1"))) == [
        "venues.weather.url"
    ]


async def test_a_number_of_the_web_is_tracked_as_any_price(tmp_path: Path) -> None:
    said = json.dumps({"main": {"temp": 7.5}}).encode()
    async with receiving(answering(200, said)) as server:
        text = TRACK + WEATHER.replace(
            "https://api.example.com", f"http://127.0.0.1:{server.port}"
        ) + f'[egress]\nallow = ["127.0.0.0/8:{server.port}"]\n'  # fmt: skip
        path = tmp_path / "sigmawatch.toml"
        path.write_text(text, "utf-8")
        config = load_config(path, environ={}, overrides={"data": str(tmp_path / "data")})
        async with build(config, clock=RealClock()) as program:
            await program.stations.list_all()
            (run,) = await program.stations.collect()
            (job,) = await program.stations.backfill()
    assert (run.outcome, run.updated) == ("complete", 1)
    assert (job.total, job.failed) == (0, 0)
