"""Every fault test's outcome goes where findings are gathered (tier.py), so that nothing that was
skipped or that failed is missing from the report."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from tests.faults.tier import write_down


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" or not report.passed:
        write_down({
            "test": item.nodeid, "outcome": report.outcome, "took_s": round(report.duration, 1),
            "why": _why(report),
        })  # fmt: skip
    return report


def _why(report: pytest.TestReport) -> str:
    """Why it was skipped or failed, in one line."""
    if report.passed:
        return ""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    crash = getattr(report.longrepr, "reprcrash", None)
    words = str(report.longrepr) if crash is None else crash.message  # without a machine's paths
    return words.splitlines()[0][:300]
