"""The tutorial keeps its promise: every command in it runs, as it stands there."""

from __future__ import annotations

import io
import json
import re
import shlex
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from tests.processes import started

from sigmawatch.app.cli import main

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
COMMAND = [sys.executable, "-c", "from sigmawatch.app.cli import main; main()"]
NEEDS_VENUES = {"collect", "backfill"}  # tested against the double in test_cli


def commands() -> list[list[str]]:
    text = TUTORIAL.read_text("utf-8")
    return [shlex.split(line) for line in re.findall(r"(?m)^ {4}\./sigmawatch (.*)$", text)]


def run(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(out):
        patch.setattr(sys, "argv", ["sigmawatch", *arguments])
        with pytest.raises(SystemExit) as ending:
            main()
    assert isinstance(ending.value.code, int)
    return ending.value.code, out.getvalue()


def test_every_command_of_the_tutorial_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = commands()
    assert ["run", "--demo"] in found
    with started(
        [*COMMAND, "run", "--demo", "--port", "0"], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as program:  # fmt: skip
        assert program.stderr is not None
        while "KRAKEN" not in (line := program.stderr.readline()) or "finished" not in line:
            assert line, "ended before its back-fill"
        while json.loads(run("rank", "--data", "data/demo", "--json")[1])["of"] < 20:
            pass  # a late venue's day is on its way into the next snapshot
        for arguments in found:
            if arguments[0] not in {"run", *NEEDS_VENUES}:
                code, said = run(*arguments)
                assert code == 0, (arguments, said)
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=60)
        assert program.returncode == 0
