"""A pytest plug-in: a suite that keeps every core at work, and collects no garbage in vain."""

from __future__ import annotations

import gc
import os

import pytest

# Thousands of collected tests lie in each worker: a third of its processor's time went to looking
# through them. With (10_000, 10, 50) it is a tenth, at a gigabyte of what nobody needs any more.
THRESHOLDS = (2_000, 10, 10)  # Python's: 700, 10, 10


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """What `-n auto` means: one more than there are cores, since one test in four waits (for a
    slot, for a browser). PYTEST_XDIST_AUTO_NUM_WORKERS says otherwise."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else None


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What was collected stays until the end, and is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
