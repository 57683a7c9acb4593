"""How often: token buckets, kept as the one moment at which each would be full again.

A bucket holds `burst` tokens and gets them back evenly over `window_s`; a request takes one. That
is the virtual scheduling of GCRA (ITU-T I.371): one number a bucket, no timer. At most `size_max`
buckets are kept, the longest unused goes first: who has that many addresses has as many budgets
anyway, and what they may do together is a budget of its own (app.web.door.guard).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

BUCKETS_MAX = 20_000  # about 4 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """`burst` requests at once, and as many within `window_s` from then on."""

    name: str
    burst: int
    window_s: int = 60

    def __post_init__(self) -> None:
        assert self.burst > 0
        assert self.window_s > 0

    @property
    def policy(self) -> str:
        """An item of RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10, section 3)."""
        return f'"{self.name}";q={self.burst};w={self.window_s}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What came of asking a bucket for a token. full_in_ms: until it has all of its tokens;
    wait_ms: until it has one, 0 where there was one."""

    quota: Quota
    remaining_count: int
    full_in_ms: float
    wait_ms: float = 0.0

    @property
    def limit(self) -> str:
        """An item of RateLimit (the same draft, section 4)."""
        reset_s = math.ceil(self.full_in_ms / 1_000)
        return f'"{self.quota.name}";r={self.remaining_count};t={reset_s}'


class Buckets:
    """Buckets by whose and which quota. Time is the caller's, milliseconds that never go back."""

    def __init__(self, *, size_max: int = BUCKETS_MAX) -> None:
        assert size_max > 0
        self._size_max = size_max
        self._full_at_ms: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at_ms)

    def draw(self, whose: Hashable, quota: Quota, *, now_ms: float) -> Draw:
        """Take a token where there is one."""
        key = (quota.name, whose)
        token_ms = quota.window_s * 1_000 / quota.burst
        full_in_ms = max(self._full_at_ms.get(key, now_ms) - now_ms, 0.0)
        wait_ms = full_in_ms + token_ms - quota.window_s * 1_000
        if wait_ms > 1e-6:  # tokens are fractions: what rounding left is no debt
            return Draw(quota=quota, remaining_count=0, full_in_ms=full_in_ms, wait_ms=wait_ms)
        full_in_ms += token_ms
        self._full_at_ms[key] = now_ms + full_in_ms
        self._full_at_ms.move_to_end(key)
        if len(self._full_at_ms) > self._size_max:
            self._full_at_ms.popitem(last=False)
        left = quota.burst - full_in_ms / token_ms
        return Draw(quota=quota, remaining_count=max(0, math.floor(left + 1e-6)),
                    full_in_ms=full_in_ms)  # fmt: skip


def headers_of(draws: Iterable[Draw]) -> list[tuple[bytes, bytes]]:
    """RateLimit-Policy and RateLimit of every quota that a request drew on."""
    drawn = list(draws)
    if not drawn:
        return []
    policy = ", ".join(one.quota.policy for one in drawn)
    limit = ", ".join(one.limit for one in drawn)
    return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", limit.encode())]
