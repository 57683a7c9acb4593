"""The vault: AES-256-GCM (NIST SP 800-38D) under a key that is not in the database.

The key is in `secrets.key` of the data folder, mode 0600, made when the first secret is sealed; or
in the environment. A sealed text is a version, the key's mark, a random nonce, and the cipher over
text and owner, so it opens for nobody else. Older keys stand behind the newest until they are let
go. Fulfils ports.channel_store.Vault.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sigmawatch.adapters.keys import read_private, write_private
from sigmawatch.domain.errors import Invalid, Refused

NAME = "secrets.key"
KEY_BYTES = 32
_VERSION = b"\x01"
_MARK_BYTES, _NONCE_BYTES = 4, 12
_HEAD_BYTES = len(_VERSION) + _MARK_BYTES + _NONCE_BYTES


class KeyVault:
    """folder: where the key file is, or is to be. keys: of the environment, the newest first; then
    there is no file."""

    def __init__(self, folder: Path, *, keys: Sequence[bytes] = ()) -> None:
        self._path = folder / NAME
        self._given = bool(keys)
        self._keys: list[bytes] | None = list(keys) or None

    @classmethod
    def of(cls, folder: Path, *, keys: str) -> KeyVault:
        """keys: as somebody wrote them, or nothing. Raises Invalid."""
        return cls(folder, keys=parse_keys(keys))

    def seal(self, text: str, *, owner: str) -> bytes:
        if not self._held():
            self._keep([os.urandom(KEY_BYTES)])
        key, nonce = self._held()[0], os.urandom(_NONCE_BYTES)
        sealed = AESGCM(key).encrypt(nonce, text.encode(), owner.encode())
        return _VERSION + _mark(key) + nonce + sealed

    def open(self, sealed: bytes, *, owner: str) -> str:
        mark = sealed[len(_VERSION) : len(_VERSION) + _MARK_BYTES]
        nonce = sealed[_HEAD_BYTES - _NONCE_BYTES : _HEAD_BYTES]
        if sealed[: len(_VERSION)] != _VERSION or len(sealed) <= _HEAD_BYTES:
            raise Refused("a secret is damaged")
        for key in self._held():
            if _mark(key) == mark:
                try:
                    return AESGCM(key).decrypt(nonce, sealed[_HEAD_BYTES:], owner.encode()).decode()
                except InvalidTag:
                    break
        where = "the environment" if self._given else self._path.name
        raise Refused(
            f"a secret cannot be opened: it was sealed under a key that {where} does not hold, or "
            "it is damaged; bring the key back, or make the channel anew"
        )

    def renew(self) -> None:
        if self._given:
            return  # whoever gives the keys has put a new one before the old ones
        self._keep([os.urandom(KEY_BYTES), *self._held()])

    def forget(self) -> None:
        if not self._given and self._held():
            self._keep(self._held()[:1])

    def _held(self) -> list[bytes]:
        """The newest first; empty where there is none yet."""
        if self._keys is None:
            found = read_private(self._path)
            self._keys = [] if found is None else parse_keys(found.decode("ascii", "replace"))
        return self._keys

    def _keep(self, keys: list[bytes]) -> None:
        lines = b"".join(base64.b64encode(key) + b"\n" for key in keys)
        try:
            write_private(self._path, lines)
        except OSError as exc:
            raise Refused(f"no key can be kept in {self._path} ({exc.strerror})") from exc
        self._keys = keys


def parse_keys(text: str) -> list[bytes]:
    """Keys in base64, between commas or lines. Raises Invalid, which quotes none."""
    keys = []
    for part in text.replace(",", "\n").split():
        try:
            key = base64.b64decode(part, altchars=None, validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY_BYTES:
            raise Invalid(
                "a key is base64 of 32 bytes", field="secrets.key",
                allowed="`openssl rand -base64 32`; older ones after a comma",
            )  # fmt: skip
        keys.append(key)
    return keys


def _mark(key: bytes) -> bytes:
    """Tells keys apart, and tells nothing of one."""
    return hashlib.sha256(b"sigmawatch key mark" + key).digest()[:_MARK_BYTES]
