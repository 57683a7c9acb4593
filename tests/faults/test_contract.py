"""The contract against the running program, by somebody who knows nothing of us (S58)."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import aiohttp
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
HOOKS = """\
import json
import os

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    # Links lead from the list of keys to each: our own is not revoked, nor rotated, in mid-run.
    given = case.path_parameters or {}
    if given.get("key_id") == os.environ["CONTRACT_KEY_ID"] and case.method in ("DELETE", "POST"):
        given["key_id"] = "0" * 12


@schemathesis.serializer("application/x-ndjson")
def lines(ctx, value):
    rows = value if isinstance(value, list) else [value]
    told = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    return "\\n".join(told).encode(errors="surrogatepass")
"""
NOBODY = "nobody-in-an-example"
EXAMPLES = 5
REFUSED_MAX = 3  # operations that a key may not do: backups are for this machine alone

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


def id_of(key: str) -> str:
    """The part of a key that is no secret."""
    return key.split("_")[1]


async def revoked_by_itself(url: str, key: str) -> list[int]:
    """What a key is answered that revokes itself, and asks again."""
    own = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(url, headers=own) as client:
        async with client.delete(f"/api/v1/keys/{id_of(key)}") as answer:
            first = answer.status
        async with client.get("/api/v1/keys") as answer:
            return [first, answer.status]


async def found(url: str, key: str, folder: Path) -> str:
    """The report on every operation."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli",
        "--config-file", str(folder / "schemathesis.toml"),
        "run", f"{url}/openapi.json", "--checks", "all",
        "--max-examples", str(EXAMPLES), "--exclude-path", "/api/v1/stream",
        "--request-timeout", "30", "--suppress-health-check", "all", "--no-color",
        "-H", f"Authorization: Bearer {key}", cwd=folder,
        env=os.environ | {"SCHEMATHESIS_HOOKS": "contract_hooks", "CONTRACT_KEY_ID": id_of(key)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    report = said.decode(errors="replace")
    assert process.returncode == 0, report[-8_000:]
    return report


async def test_s58_schemathesis_finds_nothing(tmp_path: Path) -> None:
    """S58: "Schemathesis all checks incl. ignored auth, use after free, negative data, missing
    header: 0 failures". All operations in one run, but for the stream, whose answer does not end.
    Asked apart is only that our key revokes itself: no operation behind it would be tried."""
    where = ("--data", str(tmp_path / "data"), "--config", str(tmp_path / "sigmawatch.toml"))
    checks = tmp_path / "schemathesis.toml"
    checks.write_text(CHECKS, "utf-8")
    (tmp_path / "contract_hooks.py").write_text(HOOKS, "utf-8")
    async with Simulator(Config(venues=VENUES, markets_count=10, limited=False)) as double:
        configure(tmp_path, double)
        with (tmp_path / "sigmawatch.toml").open("a") as file:
            file.write("[limits]\n" + "".join(f"{one}_per_minute = {MANY}\n" for one in BUDGETS))
        async with alive(tmp_path) as life:
            await told("user", "add", NOBODY, "--role", "admin", "--password-stdin", *where,
                       given="correct horse battery staple")  # fmt: skip
            key = (await told("key", "add", "tests", "--scope", "admin", *where)).split()[0]
            assert key.startswith("sw_")
            asked = await found(life.url, key, tmp_path)
            refused = re.search(r"Authentication failed: (\d+) operations", asked)
            assert refused is None or int(refused[1]) <= REFUSED_MAX, asked[-8_000:]
            assert await revoked_by_itself(life.url, key) == [204, 401], "it was good to the end"
    tell(Finding(promise="S58", fault="requests that the contract allows, and others",
                 figures={"examples_each": EXAMPLES, "failures": 0}))  # fmt: skip
