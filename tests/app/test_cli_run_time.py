"""What is changed while it runs, from the command line: other names, pauses, patterns, venues."""

from __future__ import annotations

import pytest
from tests.app.test_cli import TRACKS, Folder, _plain, double, folder  # noqa: F401 - fixtures

BACKED = (
    TRACKS
    + """
[[failover]]
market = "kraken:BTC/USD"
backups = ["coinbase:BTC/USD"]
[[track]]
venue = "coinbase"
markets = ["BTC/USD"]
metrics = ["price"]
"""
)
NOWHERE = """
[venues.okx]
base_url = "http://127.0.0.1:9"
"""


def test_a_name_is_listed_moved_and_taken_away(folder: Folder) -> None:  # noqa: F811
    folder.run("collect")
    assert folder.run("alias", "set", "gold", "KRAKEN:BTC/USD").returncode == 0
    assert folder.json("alias", "list")["items"][0]["market"] == "KRAKEN:BTC/USD"
    (row,) = [line for line in folder.run("alias", "list").stdout.splitlines() if "gold" in line]
    assert row.split()[:2] == ["gold", "KRAKEN:BTC/USD"]
    done = folder.run("alias", "remove", "gold")
    assert (done.returncode, done.stdout) == (0, "no market is called gold any more\n")
    assert folder.json("alias", "list")["items"] == []


def test_a_venue_is_switched_on_and_one_that_the_file_sets_up_is_switched_off_there(
    folder: Folder,  # noqa: F811
    double: dict[str, str],  # noqa: F811
) -> None:
    folder.configure(double, TRACKS + NOWHERE)
    done = folder.run("venues", "enable", "okx")
    assert (done.returncode, done.stdout) == (0, "OKX is on\n"), done.stderr
    assert "OKX" in {item["name"] for item in folder.json("venues", "list")["items"]}
    assert "OKX" in folder.run("venues", "list").stdout
    done = folder.run("venues", "disable", "okx")
    assert (done.returncode, done.stdout) == (2, "")
    assert "OKX is set up by sigmawatch.toml; change it there" in done.stderr


def test_a_venue_is_kept_away_from_and_let_back(
    folder: Folder,  # noqa: F811
    double: dict[str, str],  # noqa: F811
) -> None:
    folder.configure(double, BACKED)
    folder.run("collect")
    (one,) = folder.json("venues", "fail-overs")["items"]
    assert one["markets"] == ["KRAKEN:BTC/USD", "COINBASE:BTC/USD"]
    table = folder.run("venues", "fail-overs").stdout
    assert "KRAKEN:BTC/USD, COINBASE:BTC/USD" in table
    away = folder.run("venues", "fail-over", "kraken")
    assert (away.returncode, away.stdout.split(";")[0]) == (0, "kraken is kept away from")
    back = folder.run("venues", "fail-over", "kraken", "--back")
    assert (back.returncode, back.stdout.split(";")[0]) == (0, "kraken may come back")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("alias", "set", "gold", "KRAKEN:NOT/USD"), "KRAKEN:NOT/USD"),
        (("alias", "set", "7", "KRAKEN:BTC/USD"), "letter first"),
        (("alias", "remove", "nobody"), "nobody"),
        (("pause", "KRAKEN:NOT/USD"), "KRAKEN:NOT-USD"),
        (("resume", "nowhere"), "nowhere"),
        (("pattern", "follow", "moon:*/USD"), "moon"),
        (("pattern", "follow", "kraken:*/USD", "-m", "prize"), "prize"),
        (("pattern", "show", "kraken:*/USD"), "is not followed"),
        (("pattern", "remove", "0123456789ab"), "0123456789ab"),
        (("venues", "enable", "nowhere"), "nowhere"),
        (("venues", "disable", "nowhere"), "nowhere"),
        (("venues", "fail-over", "nowhere"), "nowhere"),
        (("venues", "fail-over", "nowhere", "--back"), "nowhere"),
        (("add", "KRAKEN:NOT/USD", "--dry-run"), "KRAKEN:NOT/USD"),
    ],
    ids=str,
)
def test_what_cannot_be_is_one_line_that_names_it(
    folder: Folder,  # noqa: F811
    arguments: tuple[str, ...],
    said: str,
) -> None:
    folder.run("collect")
    done = folder.run(*arguments)
    assert done.returncode not in (0, 1), done
    assert done.stdout == ""
    assert said.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr
