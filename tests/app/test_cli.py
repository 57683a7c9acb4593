"""The command line as people and scripts use it: real processes, against the venue double."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import structlog
from tests.pace import allowed_s
from tests.processes import started

from sigmawatch.app.cli import main

COMMAND = [sys.executable, "-c", "from sigmawatch.app.cli import main; main()"]
ENDS_WITHIN_S = 2.0
VENUES = ("kraken", "coinbase", "binance")
FAST = "requests_per_minute = 60000"  # the double allows it
TRACKS = """
[[track]]
venue = "kraken"
markets = ["BTC/USD", "ETH/USD"]
metrics = ["price", "volume_24h_quote"]
[[track]]
venue = "binance"
markets = ["BTC/USDT"]
metrics = ["price"]
"""


def environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SIGMAWATCH_")}
    return kept | {"COLUMNS": "100", "NO_COLOR": "1"}


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No variables of this machine; the loggers of other tests as they were."""
    for name in set(os.environ) - set(environment()):
        monkeypatch.delenv(name)
    root = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:], level = root
    logging.root.setLevel(level)


@pytest.fixture(scope="module")
def double() -> Iterator[dict[str, str]]:
    """The venue double in a process of its own: venue -> address."""
    which = ("--venues", ",".join(VENUES), "--markets", "10", "--no-limits")
    arguments = [*COMMAND, "simulate", *which]
    with started(arguments, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        yield dict(line.split()[:2] for line in lines)


class Done(NamedTuple):
    """How a command ended and what it said."""

    returncode: int
    stdout: str
    stderr: str


class Folder:
    """A folder with a configuration, and commands that run in it."""

    def __init__(self, path: Path, urls: dict[str, str]) -> None:
        self.path = path
        self.configure(urls)

    def configure(self, urls: dict[str, str], tracks: str = TRACKS, more: str = FAST) -> None:
        """`tracks` at these addresses; `more` stands in every venue's table."""
        tables = [f'[venues.{name}]\nbase_url = "{urls[name]}"\n{more}\n' for name in VENUES]
        (self.path / "sigmawatch.toml").write_text("".join(tables) + tracks)

    def run(self, *arguments: str) -> Done:
        """A command, in this process: as the entry point runs it, but faster."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.path)
            patch.setattr(sys, "argv", ["sigmawatch", *arguments])
            with pytest.raises(SystemExit) as ending:
                main()
        code = ending.value.code
        assert isinstance(code, int)
        return Done(code, out.getvalue(), err.getvalue())

    def json(self, *arguments: str, code: int = 0) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """`run` on a free port, once it says where it listens."""
        command = [*COMMAND, "run", "--port", "0", *arguments]
        with started(
            command, cwd=self.path, env=environment(), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            line_with(process, "page and API at")
            yield process


def line_with(process: subprocess.Popen[str], text: str) -> str:
    """The next line of output that holds `text`."""
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return line
    assert process.stderr is not None
    raise AssertionError(f"ended without saying {text!r}: {process.stderr.read()}")


def ended(process: subprocess.Popen[str], number: signal.Signals) -> int:
    """Send a signal; the exit code, which comes in time."""
    started = time.monotonic()
    process.send_signal(number)
    process.wait(timeout=10)
    assert time.monotonic() - started < allowed_s(ENDS_WITHIN_S)
    return process.returncode


@pytest.fixture
def folder(tmp_path: Path, double: dict[str, str]) -> Folder:
    return Folder(tmp_path, double)


DEAD = "http://127.0.0.1:9"  # discard: nobody listens


def identity(answer: Any) -> list[tuple[Any, ...]]:
    """What of a list of series does not move with time."""
    keys = ("id", "name", "interval", "metric", "unit", "origin")
    return [tuple(item[key] for key in keys) for item in answer["items"]]


def test_a_watchlist_is_made_shown_compared_by_and_removed(folder: Folder) -> None:
    folder.run("collect")
    made = folder.run("watchlist", "set", "Majors", "xbt-usd", "*:ETH/*:price")
    assert made.returncode == 0, made.stderr
    assert made.stdout == "majors: *:BTC/USD, *:ETH/*:price (3 series)\n"
    shown = folder.json("watchlist", "show", "majors")
    assert shown["series"] == [
        "KRAKEN:BTC/USD:price", "KRAKEN:BTC/USD:volume_24h_quote", "KRAKEN:ETH/USD:price",
    ]  # fmt: skip
    assert "majors" in folder.run("watchlist", "list").stdout
    ranking = folder.json("rank", "--peers", "watchlist:majors")
    assert ranking["total"] == 2
    unknown = folder.run("rank", "--peers", "watchlist:mojors")
    assert unknown.returncode == 2
    assert "majors" in unknown.stderr
    assert folder.run("watchlist", "remove", "majors").returncode == 0
    assert folder.json("watchlist", "list")["items"] == []


def test_a_composite_says_who_has_a_part_and_why_not(folder: Folder) -> None:
    assert folder.run("backfill").returncode == 0
    line = "composite(KRAKEN:BTC/USD, KRAKEN:BTC/USD * 1.01, KRAKEN:BTC/USD * 2)"
    made = folder.run("add", "BTC/ALL", "--formula", line)
    assert made.returncode == 0, made.stderr
    shown = folder.run("show", "DERIVED:BTC/ALL:formula")
    assert shown.returncode == 0, shown.stderr
    assert f"{line}: 2 of 3" in shown.stdout
    (far,) = [row for row in shown.stdout.splitlines() if row.startswith("KRAKEN:BTC/USD * 2")]
    assert far.split()[-1] == "far"


def test_a_market_is_paused_called_otherwise_and_resumed(folder: Folder) -> None:
    folder.run("collect")
    named = folder.run("alias", "set", "my-btc", "KRAKEN:BTC/USD", "--shown")
    assert named.stdout == "my-btc is KRAKEN:BTC/USD\n", named.stderr
    assert folder.json("alias", "list")["items"][0]["shown"] is True
    assert folder.json("show", "my-btc:price")["name"] == "KRAKEN:BTC/USD:price"
    assert folder.run("pause", "my-btc", "kraken").stdout == "paused my-btc\npaused kraken\n"
    resumed = folder.run("resume", "my-btc", "kraken")
    assert resumed.stdout == "resumed my-btc (its venue is paused)\nresumed kraken\n"
    assert folder.json("collect", "--venue", "kraken")["expected"] == 4
    refused = folder.run("venues", "disable", "kraken")
    assert refused.returncode == 2
    assert "change it there" in refused.stderr
    assert "KRAKEN" in folder.run("venues", "list").stdout
    assert folder.run("alias", "remove", "my-btc").returncode == 0


def test_a_pattern_is_followed_shown_and_removed_by_its_text(folder: Folder) -> None:
    folder.run("collect")
    made = folder.run("pattern", "follow", "kraken:*/EUR top 2 by volume_24h_quote", "-m", "price")
    assert made.returncode == 0, made.stderr
    text = "KRAKEN:*/EUR top 2 by volume_24h_quote"
    assert made.stdout.startswith(f"following {text}: 2 markets every 1m (id ")
    shown = folder.json("pattern", "show", text)
    tracked = {row["market"] for row in folder.json("list")["items"] if row["origin"] == "pattern"}
    assert len(shown["markets"]) == 2
    assert tracked == set(shown["markets"])
    assert text in folder.run("pattern", "list").stdout
    refused = folder.run("remove", f"{shown['markets'][0]}:price")
    assert refused.returncode == 2
    assert text in refused.stderr
    nothing = folder.run("pattern", "follow", "kraken:BTC/*X")
    assert nothing.returncode == 2
    assert "lists no market" in nothing.stderr
    assert folder.run("pattern", "remove", text).returncode == 0
    assert all(row["origin"] != "pattern" for row in folder.json("list")["items"])


# One run without a server


def test_one_run_needs_no_server_and_says_whether_all_some_or_none_was_updated(
    folder: Folder, double: dict[str, str]
) -> None:
    answer = folder.json("collect")
    assert (answer["expected"], answer["updated"], answer["success"]) == (5, 5, True)
    folder.configure(double | {"binance": DEAD})
    partial = folder.json("collect", code=3)
    assert (partial["expected"], partial["updated"]) == (5, 4)
    folder.configure(dict.fromkeys(VENUES, DEAD))
    none = folder.run("collect")
    assert none.returncode == 4
    assert re.search(r"KRAKEN +0 +4 +none", none.stdout)


def test_a_shard_is_its_part_and_a_venue_only_its_own(folder: Folder) -> None:
    folder.json("collect")
    parts = [folder.json("collect", "--shard", f"{part}/2") for part in (1, 2)]
    assert sum(part["expected"] for part in parts) == 5
    assert folder.json("collect", "--venue", "binance")["expected"] == 1
    assert re.search(r"KRAKEN: on disk through 20\d\d-\S+Z\n", folder.run("list").stdout)
    refused = folder.run("collect", "--shard", "3/2")
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) <= 2


def test_backfill_fetches_the_day_before_and_says_how_far_it_is(folder: Folder) -> None:
    done = folder.run("backfill")
    assert (done.returncode, done.stderr) == (0, "")
    assert "KRAKEN: 2 of 2 markets" in done.stdout
    ranking = folder.json("rank", "--window", "1h")
    assert [item["rank"] for item in ranking["items"]] == [1, 2, 3]
    assert {item["coverage"] for item in ranking["items"]} == {1.0}


def test_backfill_says_which_venue_gave_nothing(folder: Folder, double: dict[str, str]) -> None:
    folder.configure(double | {"binance": DEAD})
    some = folder.run("backfill")
    assert some.returncode == 3
    assert "BINANCE: nothing was fetched (it does not answer)" in some.stdout
    none = folder.json("backfill", "--venue", "BINANCE", code=4)
    assert none == {"items": [{"venue": "BINANCE", "total": 0, "done": 0, "failed": 0,
                               "finished_at": None}]}  # fmt: skip


# The same from a running program and without one


def test_every_command_prints_the_same_online_and_offline(folder: Folder) -> None:
    assert folder.run("backfill").returncode == 0
    asked: Sequence[tuple[str, ...]] = (("list",), ("rank",), ("list", "--available"))
    offline = [folder.json(*arguments) for arguments in asked]
    shown = folder.json("show", "KRAKEN:BTC/USD:price")
    with folder.running() as process:
        online = [folder.json(*arguments) for arguments in asked]
        assert folder.json("show", "KRAKEN:BTC/USD:price").keys() == shown.keys()
        assert ended(process, signal.SIGTERM) == 0
    assert identity(online[0]) == identity(offline[0])
    assert [one.keys() for one in online] == [one.keys() for one in offline]
    assert online[1]["of"] == offline[1]["of"] == 3
    assert shown["name"] == "KRAKEN:BTC/USD:price"


def test_what_may_be_removed_is_removed_beside_what_may_not(folder: Folder) -> None:
    folder.json("collect")
    assert folder.run("add", "KRAKEN:SOL/USD", "-m", "price").returncode == 0
    done = folder.run("remove", "KRAKEN:BTC/USD:price", "KRAKEN:SOL/USD")
    assert done.returncode == 2
    assert done.stdout == "no longer tracking KRAKEN:SOL-USD:price\n"
    assert done.stderr.startswith("KRAKEN:BTC-USD:price is defined by sigmawatch.toml")


def test_what_was_removed_is_the_same_series_when_it_is_tracked_again(folder: Folder) -> None:
    ids = []
    for _ in range(2):
        folder.json("collect")
        assert folder.run("add", "KRAKEN:SOL/USD", "-m", "price").returncode == 0
        ids.append(folder.json("show", "KRAKEN:SOL/USD:price")["id"])
        assert folder.run("remove", "KRAKEN:SOL/USD").returncode == 0
        assert folder.run("add", "KRAKEN:ETH/USD", "-m", "price").returncode == 0
    assert len(set(ids)) == 1


def test_what_more_would_cost_is_told_before_and_nothing_is_tracked_by_asking(
    folder: Folder,
) -> None:
    every = ("--every", "30s", "--every", "volume_24h_quote=5m")
    asked = ("add", "KRAKEN:SOL/USD", "-m", "price", "-m", "volume_24h_quote", *every)
    told = folder.run(*asked, "--dry-run")
    assert told.returncode == 0, told.stderr
    assert "1 market of KRAKEN: 2 new series" in told.stdout
    assert folder.json(*asked, "--dry-run")["interval"] == "30s"
    assert "SOL/USD" not in folder.run("list").stdout
    done = folder.run(*asked)
    assert "KRAKEN:SOL/USD:price every 30s" in done.stdout
    assert "KRAKEN:SOL/USD:volume_24h_quote every 5m" in done.stdout
    twice = folder.run("add", "KRAKEN:SOL/USD", "--every", "1m", "--every", "5m")
    assert (twice.returncode, "an interval is said once" in twice.stderr) == (2, True)


def test_a_market_is_added_and_removed_online_and_offline_alike(folder: Folder) -> None:
    def round_trip() -> list[str]:
        said = []
        for arguments in (
            ("add", "kraken:sol-usd", "-m", "price"),
            ("add", "KRAKEN:SOL/USD", "-m", "price"),
            ("remove", "KRAKEN:SOL/USD"),
            ("remove", "KRAKEN:SOL/USD"),
            ("remove", "KRAKEN:BTC/USD:price"),
            ("add", "KRAKEN:SOOL/USD"),
            ("add", "KRAKEN:SOL/USD", "-m", "prise"),
            ("show", "KRAKEN:NO-SUCH:price"),
        ):
            done = folder.run(*arguments)
            said.append(f"{done.returncode} {re.sub(r'id [0-9]+', 'id', done.stdout)}{done.stderr}")
        return said

    folder.json("collect")
    offline = round_trip()
    with folder.running() as process:
        online = round_trip()
        assert ended(process, signal.SIGINT) == 0
    assert online == offline
    added, again, removed, gone, managed, unknown, metric, untracked = offline
    assert added == "0 tracking KRAKEN:SOL/USD:price every 1m (id)\n"
    assert again == "0 tracked already: KRAKEN:SOL/USD:price every 1m (id)\n"
    assert removed == "0 no longer tracking KRAKEN:SOL-USD:price\n"
    assert gone.startswith("2 KRAKEN:SOL/USD is not tracked")
    assert managed.startswith("2 KRAKEN:BTC-USD:price is defined by sigmawatch.toml")
    assert unknown.startswith("2 no venue lists KRAKEN:SOOL/USD\nallowed: ")
    assert "KRAKEN:SOL/USD" in unknown
    assert "unknown metric 'prise'\nallowed: price, bid" in metric
    assert untracked.startswith("2 ")


# run


def test_run_says_where_it_listens_then_one_line_a_slot_and_ends_on_a_signal(
    folder: Folder, double: dict[str, str]
) -> None:
    track = '[[track]]\nvenue = "kraken"\nmarkets = ["BTC/USD"]\nmetrics = ["price"]\nevery = "2s"'
    folder.configure(double, track, more="poll_offset_s = 0.1")
    with folder.running() as process:
        note = folder.path / "data" / "running.json"
        assert note.stat().st_mode & 0o777 == 0o600
        url = json.loads(note.read_bytes())["url"]
        assert url.startswith("http://127.0.0.1:")
        line = line_with(process, "KRAKEN 1/1")
        assert re.match(r"\d\d:\d\d(:\d\d)?  KRAKEN 1/1", line)
        assert ended(process, signal.SIGTERM) == 0
        assert not note.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_ends_in_time_during_the_first_back_fill(
    folder: Folder, double: dict[str, str], number: signal.Signals
) -> None:
    markets = ["BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD", "DOGE/USD"]
    track = f'[[track]]\nvenue = "kraken"\nmarkets = {json.dumps(markets)}\nmetrics = ["price"]'
    folder.configure(double, track, more="")  # one call a second: ten seconds of back-fill
    with folder.running() as process:
        while not folder.json("list")["items"]:
            pass
        assert ended(process, number) == 0
    assert not (folder.path / "data" / "running.json").exists()


def test_json_logs_are_events_and_nothing_else(folder: Folder) -> None:
    with started(
        [*COMMAND, "run", "--port", "0", "--log", "json"], cwd=folder.path, env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        assert process.stdout is not None
        events = []
        while "started" not in events:
            events.append(json.loads(process.stderr.readline())["event"])
        assert ended(process, signal.SIGINT) == 0
        assert process.stdout.read() == ""


def test_a_taken_port_and_a_folder_in_use_are_one_line_with_the_flag_that_helps(
    folder: Folder,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = folder.run("run", "--port", str(port))
    assert done.returncode == 5
    assert len(done.stderr.splitlines()) == 1
    assert "--port" in done.stderr
    with folder.running() as process:
        second = folder.run("run", "--port", "0")
        assert second.returncode == 5
        assert len(second.stderr.splitlines()) == 1
        assert str(process.pid) in second.stderr
        assert "--data" in second.stderr


def test_a_note_left_by_a_killed_program_is_no_obstacle(folder: Folder) -> None:
    with folder.running() as process:
        process.kill()
        process.wait()
    assert (folder.path / "data" / "running.json").exists()
    assert folder.run("list").returncode == 0


# Configuration


def test_what_a_configuration_gets_wrong_is_told_at_once_before_anything_starts(
    folder: Folder, double: dict[str, str]
) -> None:
    (folder.path / "sigmawatch.toml").write_text("[server]\nprot = 1\nport = 99999\n")
    for command in ("run", "check", "list"):
        done = folder.run(command)
        assert done.returncode == 2
        assert "server.prot: unknown key; did you mean port?" in done.stderr
        assert "server.port: must be less than or equal to 65535, was 99999" in done.stderr
    track = '[[track]]\nvenue = "krakn"\nmarkets = ["BTC/USD"]\n'
    folder.configure(double, track)
    for command in ("run", "check", "collect"):
        done = folder.run(command)
        assert done.returncode == 2
        assert "track[0].venue: no adapter for this venue; did you mean kraken?" in done.stderr
    assert not (folder.path / "data").exists()


def test_check_foresees_and_grades(folder: Folder, double: dict[str, str]) -> None:
    fine = folder.run("check")
    assert (fine.returncode, fine.stderr) == (0, "")
    assert re.search(r"KRAKEN +2 +4 ", fine.stdout)
    markets = json.dumps([f"C{row}/USD" for row in range(40)])
    track = f'[[track]]\nvenue = "kraken"\nmarkets = {markets}\n'
    folder.configure(double, track, more="")
    warned = folder.run("check")
    assert warned.returncode == 1
    assert "30 of 40 markets" in warned.stdout
    assert folder.json("check", code=1)["venues"][0]["flow_markets_max"] == 30
    folder.configure(double, '[[track]]\nvenue = "mtgox"\nmarkets = ["A/B"]\n')
    assert folder.json("check", code=2)["problems"][0]["path"] == "track[0].venue"


def test_init_writes_what_loads_and_never_overwrites(tmp_path: Path) -> None:
    folder = Folder.__new__(Folder)
    folder.path = tmp_path
    assert folder.run("init").returncode == 0
    files = {"sigmawatch.toml", "rules.toml", ".env.example"}
    assert {path.name for path in tmp_path.iterdir()} == files
    assert folder.run("check").returncode == 0
    (tmp_path / "sigmawatch.toml").write_text("# mine\n")
    again = folder.run("init")
    assert again.returncode == 2
    assert (tmp_path / "sigmawatch.toml").read_text() == "# mine\n"


# Recording and replaying


def test_what_was_recorded_replays_through_the_real_program(folder: Folder) -> None:
    recorded = folder.run("record", "kraken.jsonl", "--venue", "kraken", "--for", "1s")
    assert (recorded.returncode, recorded.stderr) == (0, "")
    again = folder.run("record", "kraken.jsonl", "--venue", "kraken", "--for", "1s")
    assert again.returncode == 2
    played = folder.run("replay", "kraken.jsonl", "--end", "--port", "0")
    assert played.returncode == 0, played.stderr
    assert "REPLAY from" in played.stdout
    assert folder.run("replay", "absent.jsonl").returncode == 2
    assert folder.run("replay", "kraken.jsonl", "--end").returncode == 2  # its folder holds data


def test_a_stream_is_recorded_beside_the_answers_and_replayed(
    folder: Folder, double: dict[str, str]
) -> None:
    folder.configure(double, more=f"{FAST}\nstream = true")
    asked = ("--venue", "kraken", "--venue", "binance", "--for", "3s")
    done = folder.run("record", "told.jsonl", *asked)
    assert done.returncode == 0, done.stderr
    answers, frames = map(int, re.findall(r"(\d+) (?:answers|frames)", done.stdout))
    assert min(answers, frames) >= 4
    told = [json.loads(line) for line in (folder.path / "told.jsonl").read_text().splitlines()]
    for venue in ("KRAKEN", "BINANCE"):
        events = [one["event"] for one in told if one["venue"] == venue and "line" in one]
        assert events[:2] == ["began", "opened"]
        assert {"asked", "heard"} <= set(events)
    whole = (folder.path / "told.jsonl").read_bytes()
    (folder.path / "told.jsonl").write_bytes(whole[:-9])
    played = folder.run("replay", "told.jsonl", "--end", "--port", "0")
    assert played.returncode == 0, played.stderr
    assert f"note: told.jsonl is cut off in line {len(told)}" in played.stdout


# Help


def test_help_names_every_command_and_every_exit_code() -> None:
    done = subprocess.run([*COMMAND, "--help"], env=environment(), capture_output=True, text=True,
                          check=True)  # fmt: skip
    for word in ("run", "init", "check", "migrate", "add", "remove", "list", "pattern", "pause",
                 "resume", "alias", "venues", "watchlist", "rules", "silence", "episodes", "ack",
                 "show",
                 "rank", "collect", "backfill", "record", "replay", "simulate",
                 "--version"):  # fmt: skip
        assert re.search(rf"(?m)^│ {word} ", done.stdout), word
    assert "5 the data folder or the port belongs to another process" in " ".join(
        done.stdout.split()
    )


def test_a_mistyped_command_is_two_lines_and_code_two() -> None:
    done = subprocess.run([*COMMAND, "rnak"], env=environment(), capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 2
    assert "No such command 'rnak'" in done.stderr
