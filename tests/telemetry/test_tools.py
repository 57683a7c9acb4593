"""`deploy/` and `/metrics` as the tools of others read them: promtool and systemd-analyze, where
they are installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.telemetry.test_metrics import scraped
from tests.web.conftest import World

HERE = Path(__file__).parent
DEPLOY = HERE.parents[1] / "deploy"


def tool(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} here: apt install {package}")
    return found


def passes(*command: str | Path, said: str = "") -> None:
    done = subprocess.run(
        list(map(str, command)), input=said, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr


def test_promtool_takes_the_alert_rules() -> None:
    passes(tool("promtool", "prometheus"), "check", "rules", DEPLOY / "prometheus-alerts.yml")


def test_the_alerts_fire_when_they_are_to_and_not_before() -> None:
    """Issue "promtool-tested Prometheus rules in deploy/ (run too long, partial, last success too
    old, 5xx share, p99, sudden traffic drop, probe failing)"."""
    passes(tool("promtool", "prometheus"), "test", "rules", HERE / "alerts.promtool.yml")


async def test_promtool_finds_nothing_in_what_is_told(moving: World) -> None:
    promtool = tool("promtool", "prometheus")
    passes(promtool, "check", "metrics", said=await scraped(moving))


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """With a program that is there, which this machine's is not."""
    text = (DEPLOY / "sigmawatch.service").read_text("utf-8")
    unit = tmp_path / "sigmawatch.service"
    unit.write_text(text.replace("/opt/sigmawatch/bin/sigmawatch", sys.executable), "utf-8")
    passes(tool("systemd-analyze", "systemd"), "verify", unit)
