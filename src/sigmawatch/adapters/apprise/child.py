"""The other process: one message in as a line of JSON, what came of it out as another.

`{"address", "title", "body", "kind"}` on stdin, `{"answer", "detail"}` on stdout. Run as a module
by `channel`, which ends it when it takes too long. The address never stands on a command line.
"""

from __future__ import annotations

import json
import logging
import sys


def main() -> None:
    """Tell one message."""
    asked = json.loads(sys.stdin.readline())
    answer, detail = _told(asked)
    sys.stdout.write(json.dumps({"answer": answer, "detail": detail}) + "\n")


def _told(asked: dict[str, str]) -> tuple[str, str]:
    try:
        import apprise  # noqa: PLC0415 - whether it is installed is part of the answer
    except ImportError:
        return "refused", "apprise is not installed: pip install 'sigmawatch[apprise]'"
    logging.disable(logging.CRITICAL)  # its words may hold the address
    target = apprise.Apprise()
    if not target.add(asked["address"]):
        return "refused", "apprise does not understand the address"
    taken = target.notify(
        title=asked["title"], body=asked["body"], notify_type=asked["kind"],
        body_format=apprise.NotifyFormat.TEXT,
    )  # fmt: skip
    return ("accepted", "apprise: sent") if taken else ("later", "apprise: not sent")


if __name__ == "__main__":
    main()
