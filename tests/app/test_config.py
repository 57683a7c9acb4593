"""What a configuration may say, and what is told where it may not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from sigmawatch.app.config import Config, Track
from sigmawatch.app.problems import ConfigProblems, Problem
from sigmawatch.app.sources import config_path, load_config, read_env_file
from sigmawatch.app.venue_config import VenueConfig
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS, Interval

TEMPLATES = Path(__file__).parents[2] / "src/sigmawatch/app/cli/templates"
NO_FLAGS: Mapping[str, object] = {}


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(text: str = "", flags: Mapping[str, object] = NO_FLAGS, **environ: str) -> Config:
    Path("sigmawatch.toml").write_text(text, "utf-8")
    return load_config(environ=environ, overrides=flags)


def problems(text: str, flags: Mapping[str, object] = NO_FLAGS, **environ: str) -> list[Problem]:
    with pytest.raises(ConfigProblems) as caught:
        load(text, flags, **environ)
    return list(caught.value.problems)


def by_path(text: str, flags: Mapping[str, object] = NO_FLAGS, **environ: str) -> dict[str, str]:
    return {problem.path: str(problem) for problem in problems(text, flags, **environ)}


def test_no_file_means_twenty_liquid_pairs_on_three_venues() -> None:
    config = load_config(environ={})
    assert config.source is None
    assert {track.venue_name for track in config.track} == {"KRAKEN", "COINBASE", "BINANCE"}
    assert sum(len(track.markets) for track in config.track) == 20
    assert {track.metrics for track in config.track} == {
        ("price", "volume_24h_quote", "volume_24h_ref", "traded_quote", "traded_ref")
    }
    assert {track.every for track in config.track} == {Interval(MINUTE_MS)}
    assert config.windows_ms == (DAY_MS, HOUR_MS)


def test_the_file_that_init_writes_says_exactly_the_defaults() -> None:
    written = load((TEMPLATES / "sigmawatch.toml").read_text("utf-8"))
    assert dict(written) == dict(Config())
    assert written.source == Path("sigmawatch.toml")


def test_every_commented_line_of_the_templates_is_valid_when_uncommented() -> None:
    lines = (TEMPLATES / "sigmawatch.toml").read_text("utf-8").splitlines()
    example = [line.removeprefix("# ") for line in lines[lines.index("# [venues.binance]") :]]
    assert load("\n".join(example)).venue("BINANCE").requests_per_minute == 3000
    text = (TEMPLATES / "env.example").read_text("utf-8").replace("# SIGMAWATCH_", "SIGMAWATCH_")
    Path(".env").write_text(text.replace("SIGMAWATCH_CONFIG=dev", ""), "utf-8")
    read = load("", NO_FLAGS, **read_env_file(Path(".env")))
    assert dict(read) == dict(Config())


def test_everything_that_is_wrong_is_told_at_once_with_path_rule_value_and_origin() -> None:
    found = by_path(
        """
        interval = "7s"
        windows = ["48h"]
        [[track]]
        venue = "kraken"
        markets = ["BTC/USD"]
        metrics = ["price"]
        [[track]]
        venue = "kraken"
        markets = ["BTC/USD", "a/b/c"]
        metrics = ["prise"]
        [history]
        raw_days = 0
        """,
        {"server": {"port": 70_000}},
        SIGMAWATCH_VENUES__KRAKEN__TIMEOUT_S="long",
        SIGMAWATCH_TRACK="{",
    )
    assert set(found) == {
        "interval", "windows", "track[1].markets[1]", "track[1].metrics[0]", "history.raw_days",
        "server.port", "venues.kraken.timeout_s", "SIGMAWATCH_TRACK",
    }  # fmt: skip
    assert found["history.raw_days"] == (
        "history.raw_days: must be greater than or equal to 2, was 0 [sigmawatch.toml]"
    )
    assert found["server.port"].endswith("was 70000 [--port]")
    assert found["venues.kraken.timeout_s"].endswith(
        "must be a valid number, was 'long' [SIGMAWATCH_VENUES__KRAKEN__TIMEOUT_S]"
    )
    assert "7000 ms" in found["interval"]
    assert "allowed: price, bid" in found["track[1].metrics[0]"]


@pytest.mark.parametrize(
    ("text", "path", "hint"),
    [
        ("[server]\nprot = 1", "server.prot", "did you mean port?"),
        ("windws = []", "windws", "did you mean windows?"),
        ('[venues.kraken]\nbase_ur = ""', "venues.kraken.base_ur", "did you mean base_url?"),
        ('[[track]]\nvenue = "k"\nmarket = []', "track[0].market", "did you mean markets?"),
        ('source = "x"', "source", "allowed: data, database, interval, windows"),
    ],
)
def test_an_unknown_key_is_an_error_that_names_the_nearest_known_one(
    text: str, path: str, hint: str
) -> None:
    assert hint in by_path(text)[path]


def test_an_unknown_variable_is_an_error_too() -> None:
    found = by_path("", SIGMAWATCH_SERVR__PORT="1")
    assert "did you mean server?" in found["servr"]


def test_what_the_python_client_is_told_by_the_environment_is_no_configuration() -> None:
    environ = {"SIGMAWATCH_URL": "https://sigma.example", "SIGMAWATCH_KEY": "sw_x"}
    assert load_config(environ=environ) == load_config(environ={})


def test_variables_of_kubernetes_and_of_the_set_up_are_no_configuration() -> None:
    environ = {
        "SIGMAWATCH_PORT": "tcp://10.0.0.1:8000",
        "SIGMAWATCH_PORT_8000_TCP": "tcp://10.0.0.1:8000",
        "SIGMAWATCH_SERVICE_HOST": "10.0.0.1",
        "SIGMAWATCH_BUILD_PAGE": "skip",
    }
    assert load_config(environ=environ).server.port == 8000


@pytest.mark.parametrize("host", ["example.org", "", "127.0.0.1:80", "0.0.0.0/0"])
def test_an_address_to_listen_on_is_one(host: str) -> None:
    assert "0.0.0.0, ::" in by_path("", {"server": {"host": host}})["server.host"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_every_name_of_this_machine_may_listen(host: str) -> None:
    assert load("", {"server": {"host": host}}).server.host == host


def test_later_sources_win_key_by_key() -> None:
    text = '[server]\nport = 1111\nhost = "localhost"\n[venues.KRAKEN]\ntimeout_s = 3\n'
    assert load(text).server.port == 1111
    assert load(text, SIGMAWATCH_SERVER__PORT="2222").server.port == 2222
    flags = {"server": {"port": 3333, "host": None}, "data": None}
    config = load(
        text, flags, SIGMAWATCH_SERVER__PORT="2222", SIGMAWATCH_VENUES__KRAKEN__COUNT_FLOOR="0.1"
    )
    assert (config.server.port, config.server.host) == (3333, "localhost")
    assert (config.venue("KRAKEN").timeout_s, config.venue("kraken").count_floor) == (3.0, 0.1)


def test_an_empty_variable_is_unset_and_a_list_is_json() -> None:
    config = load("", SIGMAWATCH_SERVER__PORT="", SIGMAWATCH_WINDOWS='["2h"]')
    assert config.server.port == 8000
    assert config.windows_ms == (2 * HOUR_MS,)


def test_a_stage_names_its_own_file(tmp_path: Path) -> None:
    Path("sigmawatch.toml").write_text("[server]\nport = 1\n", "utf-8")
    Path("sigmawatch.dev.toml").write_text("[server]\nport = 2\n", "utf-8")
    assert load_config(environ={"SIGMAWATCH_CONFIG": "dev"}).server.port == 2
    assert config_path(None, environ={"SIGMAWATCH_CONFIG": "/x/y.toml"}) == Path("/x/y.toml")
    assert config_path(Path("a"), environ={"SIGMAWATCH_CONFIG": "dev"}) == Path("a")
    assert config_path(None, environ={}) == Path("sigmawatch.toml")


def test_a_named_file_that_is_missing_is_told_and_never_replaced_by_defaults() -> None:
    with pytest.raises(ConfigProblems, match=r"nowhere\.toml: cannot be read.*init"):
        load_config(Path("nowhere.toml"), environ={})


@pytest.mark.parametrize("text", ["a = ", "\udcff", "[server\n"])
def test_a_file_that_is_no_toml_is_told_with_its_name(text: str) -> None:
    Path("sigmawatch.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigProblems, match=r"sigmawatch\.toml: is not TOML"):
        load_config(environ={})


def test_secrets_never_print() -> None:
    text = '[venues.binance]\napi_key = "hush"'
    config = load(text)
    assert config.venue("binance").api_key == SecretStr("hush")
    assert "hush" not in repr(config)
    for wrong in (
        '[venues.binance]\napi_key = ["hush"]',
        '[venues.binance]\napikey = "hush"',
        '[venues.binance]\nbase_url = "https://me:hush@example.org"',
        '[venues]\nbinance = { api_key = { x = "hush" } }',
    ):
        assert "hush" not in "\n".join(map(str, problems(wrong)))


def test_a_series_tracked_twice_is_named() -> None:
    entry = '[[track]]\nvenue = "kraken"\nmarkets = ["BTC/USD"]\nmetrics = ["price"]\n'
    found = by_path(entry + entry.replace("BTC/USD", "btc-usd"))
    assert "tracked twice: KRAKEN:BTC/USD:price every 1m" in found["track"]
    assert load(entry + entry + 'every = "30s"').track[1].every == Interval(30_000)


def test_a_market_of_another_venue_is_refused_in_its_entry() -> None:
    text = '[[track]]\nvenue = "kraken"\nmarkets = ["BINANCE:BTC/USDT"]'
    assert "is a market of BINANCE" in by_path(text)["track[0].markets"]


def test_a_track_without_interval_takes_the_one_of_the_file() -> None:
    text = 'interval = "10s"\n[[track]]\nvenue = "kraken"\nmarkets = ["BTC/USD"]\n'
    assert load(text).track[0].every == Interval(10_000)
    assert load(text + 'every = "5m"').track[0].every == Interval(5 * MINUTE_MS)


def test_slots_are_as_the_nearest_says_it() -> None:
    text = (
        'interval = "5m"\n[venues.Kraken]\nevery = "10s"\n'
        'intervals = { volume_24h_quote = "1m" }\n'
        '[[track]]\nvenue = "kraken"\nmarkets = ["BTC/USD"]\n'
        'metrics = ["price", "volume_24h_ref"]\n'
    )
    ten, minute, five = (Interval(one * 1_000) for one in (10, 60, 300))

    def parts(more: str = "") -> list[tuple[Interval, tuple[str, ...]]]:
        return [(part.every, part.metrics) for part in load(text + more).track[0].parts]

    assert parts() == [(ten, ("price",)), (minute, ("volume_24h_ref",))]
    assert parts('every = "1m"\n') == [(minute, ("price", "volume_24h_ref"))]
    assert parts('intervals = { price = "5m" }\n') == [
        (five, ("price",)), (minute, ("volume_24h_ref",))
    ]  # fmt: skip
    other = '[[track]]\nvenue = "coinbase"\nmarkets = ["BTC/USD"]\n'
    assert load(text + other).track[1].every == five


def test_what_is_asked_for_while_we_run_has_the_venues_slots_where_it_says_none() -> None:
    ten, minute, five = (Interval(one * 1_000) for one in (10, 60, 300))
    config = load('[venues.kraken]\nevery = "10s"\nintervals = { volume_24h_quote = "5m" }')
    names = ("price", "volume_24h_ref")
    assert config.widths("KRAKEN", names) == {ten: ("price",), five: ("volume_24h_ref",)}
    assert config.widths("KRAKEN", names, every=minute) == {minute: names}
    own = {"volume_24h_ref": ten}
    assert config.widths("KRAKEN", names, every=minute, intervals=own) == {
        minute: ("price",), ten: ("volume_24h_ref",)
    }  # fmt: skip
    assert config.widths("COINBASE", names) == {minute: names}


@pytest.mark.parametrize(("line", "path", "said"), [
    ('intervals = { volume_24h_quote = "7s" }', "venues.kraken.intervals", "must divide a day"),
    ('intervals = { wolume = "1m" }', "venues.kraken.intervals", "unknown metric"),
    ('intervals = { traded_quote = "1m", traded_ref = "5m" }', "venues.kraken.intervals",
     "have the same slots"),
    ('every = "7s"', "venues.kraken.every", "must divide a day"),
])  # fmt: skip
def test_a_wrong_interval_of_a_venue_is_told_once_and_at_its_place(
    line: str, path: str, said: str
) -> None:
    found = by_path(
        f'[venues.kraken]\n{line}\n[[track]]\nvenue = "kraken"\nmarkets = ["BTC/USD"]\n'
    )
    (told,) = [text for where, text in found.items() if where.startswith(path)]
    assert said in told
    assert not any(where.startswith("track") for where in found)


def test_an_empty_list_tracks_nothing_and_says_so_where_it_may_not() -> None:
    assert load("track = []").track == ()
    found = by_path('[[track]]\nvenue = "kraken"\nmarkets = []\nmetrics = []')
    assert found.keys() == {"track[0].markets", "track[0].metrics"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"poll_offset_s": float("nan")},
        {"timeout_s": 0},
        {"count_floor": 2},
        {"base_url": "ftp://x"},
    ],
)
def test_numbers_and_addresses_of_a_venue_have_limits(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        VenueConfig(**wrong)


def test_a_configuration_never_changes() -> None:
    config = Config(track=(Track(venue="kraken", markets=("BTC/USD",)),))
    with pytest.raises(ValidationError, match="frozen"):
        config.server.port = 1
    with pytest.raises(TypeError):
        config.venues["kraken"] = VenueConfig()  # type: ignore[index]


def test_a_dot_env_file_is_read_line_by_line() -> None:
    Path(".env").write_text("# x\nexport A=1\nB = 'two words'\n\nC=\"3=4\"\nnonsense\n", "utf-8")
    assert read_env_file(Path(".env")) == {"A": "1", "B": "two words", "C": "3=4"}
    assert read_env_file(Path("absent")) == {}
