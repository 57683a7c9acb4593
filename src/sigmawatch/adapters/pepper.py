"""The pepper: what API keys are hashed with beside themselves, so that whoever has the database, or
a backup of it, can neither make a key nor try any.

It is in `pepper.key` of the data folder, mode 0600, made with the first key; or in the environment,
where several programs share a database. Keys are as random as it is, so there is no need to change
it. Fulfils ports.access.Pepper.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

from sigmawatch.adapters.keys import read_private, write_private
from sigmawatch.adapters.vault import parse_keys
from sigmawatch.domain.errors import Refused

NAME = "pepper.key"
PEPPER_BYTES = 32
GIVEN_BY = "SIGMAWATCH_SECRETS__PEPPER"
MARK_BYTES = 7  # so that it is a number in either database
_MARKED = "sigmawatch pepper mark"  # no key looks like that


class FolderPepper:
    """folder: where its file is, or is to be. given: of the environment; then there is no file."""

    def __init__(self, folder: Path, *, given: str = "") -> None:
        """Raises Invalid, Refused."""
        self._path = folder / NAME
        self._given = bool(given)
        keys = parse_keys(given)
        self._pepper = keys[0] if keys else self._read()

    @property
    def place(self) -> str:
        return GIVEN_BY if self._given else str(self._path)

    @property
    def mark(self) -> int:
        found = self.digest(_MARKED)
        return 0 if found is None else int.from_bytes(found[:MARK_BYTES]) or 1

    def digest(self, key: str) -> bytes | None:
        if self._pepper is None:
            return None
        return hmac.digest(self._pepper, key.encode(), hashlib.sha256)

    def new_digest(self, key: str) -> bytes:
        if self._pepper is None:
            made = os.urandom(PEPPER_BYTES)
            try:
                write_private(self._path, made)
            except OSError as exc:
                raise Refused(f"no pepper can be kept in {self._path} ({exc.strerror})") from exc
            self._pepper = made
        found = self.digest(key)
        assert found is not None
        return found

    def _read(self) -> bytes | None:
        found = read_private(self._path)
        if found is not None and len(found) != PEPPER_BYTES:
            raise Refused(f"{self._path} is no pepper of ours: bring it back from where it was "
                          "kept, or move it away, and make the keys anew")  # fmt: skip
        return found
