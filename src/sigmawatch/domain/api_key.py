"""API keys: what is kept of one, and how it is written.

    sw_3k9x0q2m7p1a_<43 letters and digits>_<6>      a public id, 256 bits, a checksum

The id finds the key, the checksum tells a mistyped or cut-off one apart before anything is looked
up (and lets scanners of leaked secrets tell a real one), the middle is the secret, which nobody
stores. Imports domain.caller, errors, window.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field

from sigmawatch.domain.caller import Scope
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.window import DAY_MS

PREFIX = "sw_"
SECRET_BITS = 256
KEYS_MAX = 10_000
NAME_CHARS_MAX = 64
NETWORKS_MAX = 50
LASTS_MAX_MS = 3_660 * DAY_MS
OVERLAP_MAX_MS = 30 * DAY_MS
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID_CHARS, _SECRET_CHARS, _CHECK_CHARS = 12, 43, 6  # 62^43 > 2^256, 62^6 > 2^32
_TOKEN = re.compile(r"sw_([0-9a-z]{12})_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})", re.ASCII)


def key_name(text: str) -> str:
    """What a key is for, in its maker's words. Raises Invalid."""
    name = text.strip()
    if not 1 <= len(name) <= NAME_CHARS_MAX or not name.isprintable():
        raise Invalid("a key's name is one line", field="name",
                      allowed=f"1 to {NAME_CHARS_MAX} characters")  # fmt: skip
    return name


def written(*, id_number: int, secret_number: int) -> str:
    """A key of random numbers: of the id the lowest 62 bits count, of the secret 256."""
    key_id = _based(id_number, _ID_DIGITS, chars=_ID_CHARS)
    secret = _based(secret_number % (1 << SECRET_BITS), _DIGITS, chars=_SECRET_CHARS)
    stem = f"{PREFIX}{key_id}_{secret}"
    return f"{stem}_{_check(stem)}"


def id_of(text: str) -> str | None:
    """The id of what looks like a key, whole and not mistyped; None for anything else."""
    match = _TOKEN.fullmatch(text)
    if match is None or match[3] != _check(text[: -_CHECK_CHARS - 1]):
        return None
    return match[1]


def _check(stem: str) -> str:
    return _based(zlib.crc32(stem.encode()), _DIGITS, chars=_CHECK_CHARS)


def _based(number: int, digits: str, *, chars: int) -> str:
    """The lowest `chars` digits of a number."""
    found = []
    for _ in range(chars):
        number, rest = divmod(number, len(digits))
        found.append(digits[rest])
    return "".join(reversed(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """digest: HMAC-SHA-256 of the key as written, under the installation's pepper. user_id: whose
    it is, None for the installation's. networks: from where it is good, empty for everywhere.
    exposed_ms: when it was sent where others read it. used_ms: last use, as far as that is
    stored."""

    id: str
    name: str
    user_id: int | None
    digest: bytes = field(repr=False)
    scopes: frozenset[Scope]
    networks: tuple[str, ...] = ()
    made_ms: int
    expires_ms: int | None = None
    revoked_ms: int | None = None
    exposed_ms: int | None = None
    used_ms: int | None = None

    def __post_init__(self) -> None:
        assert self.scopes
        assert self.name == key_name(self.name)
        lasts_ms = None if self.expires_ms is None else self.expires_ms - self.made_ms
        if lasts_ms is not None and not 0 < lasts_ms <= LASTS_MAX_MS:
            raise Invalid("a key's end lies ahead, within ten years", field="expires",
                          allowed="as 90d, or 2027-01-31T18:00:00Z")  # fmt: skip

    def holds(self, now_ms: int) -> bool:
        """Whether it is good at a moment."""
        if self.revoked_ms is not None and now_ms >= self.revoked_ms:
            return False
        return self.expires_ms is None or now_ms < self.expires_ms
