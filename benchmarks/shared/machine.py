"""The machine a figure was measured on, and what processes took of it, as Linux counts them."""

from __future__ import annotations

import os
import platform
import resource
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def described() -> Mapping[str, str]:
    """What a reader needs to judge the figures: when, on what, with what."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": _first("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory_bytes() / 1e9:.0f} GB",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "sigmawatch": _version("sigmawatch"),
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "a checkout"


def _first(path: str, key: str) -> str:
    """The first `key: value` of a file of the kernel's, empty without one."""
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except OSError:
        return ""
    found = (line.partition(":")[2].strip() for line in lines if line.startswith(key))
    return next(found, "")


def _kilobytes(path: str, key: str) -> int:
    """A size the kernel gives in kB, in bytes; 0 where it does not say."""
    words = _first(path, key).split()
    return 1_024 * int(words[0]) if words else 0


def memory_bytes() -> int:
    return _kilobytes("/proc/meminfo", "MemTotal")


def free_bytes() -> int:
    """What programs may still take without swapping; 0 where nobody says."""
    return _kilobytes("/proc/meminfo", "MemAvailable")


def resident_bytes(pid: int | str = "self") -> int:
    return _kilobytes(f"/proc/{pid}/status", "VmRSS")


def peak_bytes_of(pid: int) -> int:
    """The most one process ever held."""
    return _kilobytes(f"/proc/{pid}/status", "VmHWM")


def peak_bytes(pids: Iterable[int] = ()) -> int:
    """The most this process ever held, and what each process below `pids` holds now, memory they
    share with others counted once among them."""
    own = 1_024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return own + sum(map(proportional_bytes, trees(pids)))


def proportional_bytes(pid: int) -> int:
    """What one process holds, of what it shares with others its part."""
    return _kilobytes(f"/proc/{pid}/smaps_rollup", "Pss")


def cpu_s(pids: Iterable[int] = ()) -> float:
    """Processor time of this process and of all below `pids` that still live."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime + sum(map(cpu_s_of, trees(pids)))


def cpu_s_of(pid: int) -> float:
    """Processor time of one process, its threads included."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / TICKS


def our_threads() -> list[int]:
    """The kernel's ids of this process' threads; none where it does not say."""
    return [int(task.name) for task in Path("/proc/self/task").glob("*")]


def queued_s(threads: Iterable[int]) -> float:
    """How long threads of ours, by their kernel ids, were ready to run and others had the
    processor (/proc/…/schedstat, the second number); 0 where the kernel does not say."""
    return 1e-9 * sum(map(_queued_ns, threads))


def _queued_ns(thread: int) -> int:
    try:
        return int(Path(f"/proc/self/task/{thread}/schedstat").read_text("ascii").split()[1])
    except OSError:
        return 0


def trees(pids: Iterable[int]) -> list[int]:
    """`pids` and everything they started."""
    found = list(pids)
    for pid in found:  # grows as we go
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            found += [int(word) for word in children.read_text("ascii").split()]
    return found
