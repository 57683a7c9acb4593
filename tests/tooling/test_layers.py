"""The import contracts of pyproject.toml notice every way to break the one-way rule."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = (
    "sigmawatch/domain/market",
    "sigmawatch/engine/table",
    "sigmawatch/ports/ledger",
    "sigmawatch/adapters/clock",
    "sigmawatch/adapters/channels/slack",
    "sigmawatch/adapters/egress/guard",
    "sigmawatch/adapters/venues/kraken",
    "sigmawatch/app/wiring",
    "sigmawatch/app/wiring_replay",
    "sigmawatch/app/tracker",
    "sigmawatch/app/cli",
    "sigmawatch/client/calls",
    "sigmawatch_simulator/server",
)
ALLOWED = {
    "sigmawatch/domain/market": "import dataclasses, math, typing, collections.abc",
    "sigmawatch/engine/table": "import numpy.typing\nfrom sigmawatch.domain import market",
    "sigmawatch/ports/ledger": "from sigmawatch.domain import market",
    "sigmawatch/adapters/clock": "import time, asyncio\nfrom sigmawatch.domain import market",
    "sigmawatch/adapters/channels/slack": "from sigmawatch.adapters.egress import guard",
    "sigmawatch/adapters/egress/guard": "import asyncio, socket, ssl",
    "sigmawatch/adapters/venues/kraken": "import aiohttp\nfrom sigmawatch.adapters import clock",
    "sigmawatch/app/wiring": (
        "import sigmawatch_simulator.server\n"
        "from sigmawatch.adapters.venues import kraken\n"
        "from sigmawatch.app import tracker"
    ),
    "sigmawatch/app/wiring_replay": "from sigmawatch.adapters.venues import kraken",
    "sigmawatch/app/tracker": "from sigmawatch.engine import table",
    "sigmawatch/app/cli": "from sigmawatch.app import wiring",
}


def lint(root: Path, added: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """lint-imports over a tree of almost empty modules under our contracts."""
    (root / "scripts").mkdir()
    shutil.copy(ROOT / "pyproject.toml", root)
    shutil.copy(ROOT / "scripts" / "contracts.py", root / "scripts")
    for module in {*MODULES, *added}:
        file = (root / "src" / module).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        for folder in file.relative_to(root / "src").parents[:-1]:
            (root / "src" / folder / "__init__.py").touch()
        file.write_text(f"{ALLOWED.get(module, '')}\n{added.get(module, '')}\n")
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=root,
        env={"PYTHONPATH": str(root / "src"), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_the_design_draws_is_kept(tmp_path: Path) -> None:
    done = lint(tmp_path, {})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "imports"),
    [
        ("sigmawatch/domain/market", "import time"),
        ("sigmawatch/client/calls", "from sigmawatch.app import tracker"),
        ("sigmawatch/client/calls", "from sigmawatch.domain import market"),
        ("sigmawatch/domain/market", "import random"),
        ("sigmawatch/domain/market", "import logging"),
        ("sigmawatch/domain/market", "import numpy"),
        ("sigmawatch/domain/market", "from sigmawatch.engine import table"),
        ("sigmawatch/domain/market", "def late():\n    import asyncio"),
        ("sigmawatch/engine/table", "import os"),
        ("sigmawatch/engine/table", "import structlog"),
        ("sigmawatch/engine/table", "import pandas"),
        ("sigmawatch/engine/table", "from sigmawatch.ports import ledger"),
        ("sigmawatch/ports/ledger", "import apsw"),
        ("sigmawatch/ports/ledger", "from sigmawatch.adapters import clock"),
        ("sigmawatch/adapters/clock", "from sigmawatch.engine import table"),
        ("sigmawatch/adapters/channels/slack", "import aiohttp"),
        ("sigmawatch/adapters/channels/slack", "import smtplib"),
        ("sigmawatch/adapters/channels/slack", "from urllib import request"),
        ("sigmawatch/adapters/channels/slack", "import socket"),
        ("sigmawatch/adapters/clock", "from sigmawatch.app import cli"),
        ("sigmawatch/adapters/clock", "import sigmawatch_simulator"),
        ("sigmawatch/app/tracker", "from sigmawatch.adapters.venues import kraken"),
        ("sigmawatch/app/web/ranking", "from sigmawatch.adapters import clock"),
        ("sigmawatch/app/cli", "from sigmawatch_simulator import server"),
        ("sigmawatch_simulator/server", "from sigmawatch.domain import market"),
        ("sigmawatch/utils/text", ""),
        ("sigmawatch/text", ""),
    ],
)
def test_each_way_around_the_layers_is_refused(tmp_path: Path, module: str, imports: str) -> None:
    done = lint(tmp_path, {module: imports})
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout or "broken" in done.stdout
