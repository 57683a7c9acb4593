"""A pytest plug-in: a suite that says at once what failed, and that no hanging test can hold up."""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Iterator
from typing import IO

import pytest

AFTER_ITS_LIMIT_S = 60.0
STACKS = pytest.StashKey[IO[str]]()


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    config.stash[STACKS] = os.fdopen(os.dup(2), "w")  # before output is captured
    if (terminal := config.pluginmanager.get_plugin("terminalreporter")) is not None:
        config.pluginmanager.register(Failures(terminal))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Whether every test ran, for who runs a few once more (scripts/once_more.py)."""
    cache = getattr(session.config, "cache", None)  # none under -p no:cacheprovider
    if cache is not None and not hasattr(session.config, "workerinput"):
        cache.set("sigmawatch/exit", int(exitstatus))


class Failures:
    """What failed is told when it fails, not only at the end: a suite that somebody ends before
    that has said it."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._terminal.ensure_newline()
            self._terminal.section(f"{report.nodeid} ({report.when})", sep="_", red=True)
            self._terminal.line(report.longreprtext)


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[STACKS].close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A test whose end hangs too, after its time was up, ends its process and shows every stack.

    pytest-timeout raises once, in the main thread. What swallows that, or waits for ever while it
    cleans up, would hold the whole suite.
    """
    _watch(item)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(trylast=True)
def pytest_exception_interact(node: pytest.Item | pytest.Collector) -> None:
    """A failure, which somebody might look at in a debugger: pytest and pytest-timeout take their
    clocks off the test, ours with them, and the fixtures are yet to be torn down."""
    if isinstance(node, pytest.Item) and not node.config.getoption("usepdb"):
        _watch(node)


def _watch(item: pytest.Item) -> None:
    marker = item.get_closest_marker("timeout")
    limit_s = float(marker.args[0] if marker else item.config.getini("timeout"))
    faulthandler.dump_traceback_later(
        limit_s + AFTER_ITS_LIMIT_S, exit=True, file=item.config.stash[STACKS]
    )
