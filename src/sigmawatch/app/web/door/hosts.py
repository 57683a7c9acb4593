"""By which names we answer: loopback's and the configured ones (SECURITY.md, Defaults).

A page whose name was pointed at this machine after it was loaded (DNS rebinding) still asks for
its own name, and is told that nobody of that name lives here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sigmawatch.app.web.problems import ProblemError

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(?::[0-9]{1,5})?", re.ASCII)


def host_name(text: str) -> str | None:
    """The name in a Host header or in the configuration, without its port; None where it is none.
    `LOCALHOST.:8000` is `localhost`."""
    found = _HOST.fullmatch(text.lower())
    return None if found is None else found[1]


class Hosts:
    """An allow-list of names."""

    def __init__(self, configured: Iterable[str] = ()) -> None:
        self._names = LOOPBACK_NAMES | frozenset(configured)

    def check(self, host: str) -> None:
        """Raises ProblemError 421 for any other name."""
        if host_name(host) not in self._names:
            raise ProblemError(
                "misdirected",
                f"this server answers as {', '.join(sorted(self._names))} only; others are named "
                "in `hosts` of [access]",
            )
