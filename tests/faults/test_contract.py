"""The contract against the running program, by somebody who knows nothing of us (S58)."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from tests.faults.lives import ROOT, SOUND, alive, environment
from tests.faults.reader import VENUES
from tests.faults.storage_ordeal import configure
from tests.faults.tier import Finding, full_only, tell

from sigmawatch_simulator import Config, Simulator

MANY = 10_000_000
BUDGETS = ("cheap", "query", "write", "ingest", "login", "anonymous", "wrong")
# What answers mean where a valid request meets a state that it does not fit, where a wrong one is
# too long to be looked at, and where there is no network.
CHECKS = """\
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 503]
[checks.negative_data_rejection]
expected-statuses = [
  400, 401, 403, 404, 405, 406, 409, 410, 412, 413, 414, 415, 422, 428, 429, 431, 503,
]
[checks.positive_data_acceptance]
expected-statuses = [
  "2xx", "3xx", 401, 403, 404, 409, 410, 412, 422, 428, 429, "5xx",
]
"""
EXAMPLES = 5

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1_800), full_only]


async def told(*arguments: str, given: str = "") -> str:
    """What a command of ours prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *SOUND, *arguments, cwd=ROOT, env=environment(),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate(given.encode())
    assert process.returncode == 0
    return said.decode()


async def test_s58_schemathesis_finds_nothing(tmp_path: Path) -> None:
    """S58: "Schemathesis all checks incl. ignored auth, use after free, negative data, missing
    header: 0 failures". Not of the stream, whose answer does not end."""
    where = ("--data", str(tmp_path / "data"), "--config", str(tmp_path / "sigmawatch.toml"))
    checks = tmp_path / "schemathesis.toml"
    checks.write_text(CHECKS, "utf-8")
    async with Simulator(Config(venues=VENUES, markets_count=10, limited=False)) as double:
        configure(tmp_path, double)
        with (tmp_path / "sigmawatch.toml").open("a") as file:
            file.write("[limits]\n" + "".join(f"{one}_per_minute = {MANY}\n" for one in BUDGETS))
        async with alive(tmp_path) as life:
            await told("user", "add", "ada", "--role", "admin", "--password-stdin", *where,
                       given="correct horse battery staple")  # fmt: skip
            key = (await told("key", "add", "tests", "--scope", "admin", *where)).split()[0]
            assert key.startswith("sw_")
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "schemathesis.cli", "--config-file", str(checks),
                "run", f"{life.url}/openapi.json", "--checks", "all",
                "--max-examples", str(EXAMPLES), "--exclude-path", "/api/v1/stream",
                "--request-timeout", "30", "--suppress-health-check", "all", "--no-color",
                "-H", f"Authorization: Bearer {key}", cwd=tmp_path, env=os.environ,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            said, _ = await process.communicate()
    assert process.returncode == 0, said.decode(errors="replace")[-8_000:]
    tell(Finding(promise="S58", fault="requests that the contract allows, and others",
                 figures={"examples_each": EXAMPLES, "failures": 0}))  # fmt: skip
