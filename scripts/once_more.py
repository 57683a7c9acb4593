"""Runs the tests that failed once more, each alone in a process, and says which of them are flaky.

For CI (docs/decisions/0029). Its exit code is 0 only if every one passes alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CACHE = Path(".pytest_cache", "v")
SOME_FAILED = 1  # pytest's exit code: every test ran to its end
MOST = 6  # one in a thousand; more is no accident


def main() -> int:
    """In the folder of the suite. Returns pytest's exit code, or 1 where a second look proves
    nothing."""
    try:
        code = json.loads((CACHE / "sigmawatch" / "exit").read_text())
        tests = list(json.loads((CACHE / "cache" / "lastfailed").read_text()))
    except FileNotFoundError:
        code, tests = None, []
    if code != SOME_FAILED:
        print(f"once more: the suite did not run to its end (exit code {code})")
        return 1
    if not tests or len(tests) > MOST:
        print(f"once more: {len(tests)} tests failed; only 1 to {MOST} may be accidents")
        return 1
    for test in tests:
        print(f"once more, alone: {test}", flush=True)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", test]
        if code := subprocess.run(command, check=False).returncode:
            return code
    for test in tests:
        print(f"FLAKY, to be mended: {test}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
