"""CONTRIBUTING's recipe for a metric, followed to the letter on a copy of the sources."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from sigmawatch_simulator import Config, Simulator

ROOT = Path(__file__).parents[2]
MAIN = "from sigmawatch.app.cli import main; main()"


def recipe() -> dict[str, str]:
    """The three pieces of code that the section shows: the entry, the field, the line."""
    section = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("## Add a metric")[2]
    shown = re.findall(r"(?:^ {7}.*\n)+", section.partition("\n## ")[0], re.MULTILINE)
    entry, field, line = (re.sub(r"^ {7}", "", piece, flags=re.MULTILINE) for piece in shown)
    return {"entry": entry, "field": field, "line": line}


def put(path: Path, piece: str, *, after: str) -> None:
    """Insert lines after the one line that reads so, indented as it is."""
    text = path.read_text("utf-8")
    (found,) = re.findall(rf"^( *){re.escape(after)}.*\n", text, re.MULTILINE)
    whole = re.search(rf"^ *{re.escape(after)}.*\n", text, re.MULTILINE)
    assert whole is not None
    lines = "".join(f"{found}{row}\n" for row in piece.splitlines())
    path.write_text(text[: whole.end()] + lines + text[whole.end() :], "utf-8")


def followed(folder: Path) -> None:
    """The recipe, on the copy in `folder`."""
    said, package = recipe(), folder / "src" / "sigmawatch"
    put(package / "domain" / "metric.py", said["entry"], after="_TABLE = (")
    okx = package / "adapters" / "venues" / "okx.py"
    put(okx, said["field"], after="last: Any = None")
    put(okx, said["line"], after='sheet.price("price"')
    text = okx.read_text("utf-8")
    assert text.count('levels=frozenset({"price"') == 1
    okx.write_text(
        text.replace('levels=frozenset({"price"', 'levels=frozenset({"high_24h", "price"')
    )


async def told(folder: Path, *arguments: str) -> Any:
    """What a command of the copy prints with --json."""
    paths = os.pathsep.join(str(folder / part) for part in ("src", "simulator"))
    kept = {name: text for name, text in os.environ.items() if not name.startswith("SIGMAWATCH_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MAIN, *arguments, "--json", cwd=folder,
        env=kept | {"PYTHONPATH": paths}, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(100):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode == 0, err.decode()
    return json.loads(out)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_metric_is_one_entry_and_one_line_and_is_then_tracked_and_served(
    tmp_path: Path,
) -> None:
    without = shutil.ignore_patterns("built", "__pycache__")
    for part in ("src", "simulator"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=without)
    followed(tmp_path)
    async with Simulator(Config(venues=("okx",), markets_count=5, limited=False)) as double:
        (tmp_path / "sigmawatch.toml").write_text(
            f'[venues.okx]\nbase_url = "{double.base_url("okx")}"\n'
            '[backfill]\nenabled = false\n[[track]]\nvenue = "okx"\n'
            'markets = ["BTC/USDT", "ETH/USDT"]\nmetrics = ["price", "high_24h"]\n'
        )
        run = await told(tmp_path, "collect")
        assert (run["updated"], run["expected"]) == (4, 4)
    rows = (await told(tmp_path, "list"))["items"]
    read = {(row["pair"], row["metric"]): row["live_value"] or row["value"] for row in rows}
    assert len(read) == 4  # its slot may have ended meanwhile
    for pair in ("BTC/USDT", "ETH/USDT"):
        assert read[pair, "high_24h"] >= read[pair, "price"] > 0
