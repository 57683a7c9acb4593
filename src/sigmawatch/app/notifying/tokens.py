"""What proves that a link came from us: HMAC-SHA-256 over its purpose and a subscription.

    token = signer.token("confirm", number, made_ms)
    signer.number("confirm", token, made_ms=...)

A token names its subscription in clear and holds nothing that was not sent to its address.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from enum import StrEnum

_TOKEN = re.compile(r"([1-9][0-9]{0,17})\.([A-Za-z0-9_-]{43})", re.ASCII)
KEY_BYTES_MIN = 32


class Purpose(StrEnum):
    """What a link does."""

    CONFIRM = "confirm"
    UNSUBSCRIBE = "unsubscribe"


class Signer:
    """Makes and checks tokens with one key."""

    def __init__(self, key: bytes) -> None:
        assert len(key) >= KEY_BYTES_MIN
        self._key = key

    def token(self, purpose: Purpose, number: int, *, made_ms: int) -> str:
        """For a subscription by its number; made_ms: when it was made."""
        said = f"{purpose} {number} {made_ms}".encode()
        proof = hmac.digest(self._key, said, hashlib.sha256)
        return f"{number}.{base64.urlsafe_b64encode(proof).decode().rstrip('=')}"

    def holds(self, purpose: Purpose, token: str, *, made_ms: int) -> bool:
        """Whether it is ours, compared in constant time."""
        number = named(token)
        if number is None:
            return False
        return hmac.compare_digest(token, self.token(purpose, number, made_ms=made_ms))


def named(token: str) -> int | None:
    """The subscription that a token names, be it ours or not; None where it is no token."""
    match = _TOKEN.fullmatch(token)
    return None if match is None else int(match[1])
