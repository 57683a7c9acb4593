"""Request limits, in virtual time. Each object is the state of one venue for all callers."""

from dataclasses import dataclass


class TokenBucket:
    """`burst` requests at once, `per_s` a second in the long run; one bucket per key."""

    def __init__(self, *, burst: float, per_s: float) -> None:
        assert burst >= 1.0
        assert per_s > 0.0
        self._burst = burst
        self._per_s = per_s
        self._state: dict[str, tuple[float, int]] = {}

    def admits(self, key: str, now_ms: int) -> bool:
        """Takes a token where one is left."""
        level, at_ms = self._state.get(key, (self._burst, now_ms))
        level = min(self._burst, level + max(0, now_ms - at_ms) / 1_000.0 * self._per_s)
        allowed = level >= 1.0
        self._state[key] = (level - 1.0 if allowed else level, now_ms)
        return allowed


class Lockout:
    """A bucket whose overflow shuts the caller out for `ban_s`; asking meanwhile prolongs it."""

    def __init__(self, *, burst: float, per_s: float, ban_s: int) -> None:
        self._bucket = TokenBucket(burst=burst, per_s=per_s)
        self._ban_ms = 1_000 * ban_s
        self._until_ms: dict[str, int] = {}

    def admits(self, key: str, now_ms: int) -> bool:
        shut_out = now_ms < self._until_ms.get(key, now_ms)
        if shut_out or not self._bucket.admits(key, now_ms):
            self._until_ms[key] = now_ms + self._ban_ms
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the weight ledger says about one request."""

    status: int  # 200, 429 or 418
    used: int
    retry_after_s: int = 0
    banned_until_ms: int = 0


class WeightWindow:
    """Weights per clock minute; who goes on after 429 is banned, each time for longer."""

    def __init__(self, *, weight_max: int, patience: int = 10, ban_s: int = 120) -> None:
        self._weight_max = weight_max
        self._patience = patience
        self._ban_s = ban_s
        self._callers: dict[str, _Caller] = {}

    def charge(self, key: str, weight: int, *, now_ms: int) -> Verdict:
        caller = self._callers.setdefault(key, _Caller())
        if now_ms < caller.banned_until_ms:
            return self._banned(caller, now_ms)
        minute = now_ms // 60_000
        if minute != caller.minute:
            caller.minute, caller.used, caller.refused_count = minute, 0, 0
        caller.used += weight
        if caller.used <= self._weight_max:
            return Verdict(status=200, used=caller.used)
        caller.refused_count += 1
        if caller.refused_count > self._patience:
            caller.bans_count += 1
            caller.banned_until_ms = now_ms + self._ban_s * 1_000 * 2 ** (caller.bans_count - 1)
            return self._banned(caller, now_ms)
        wait_s = -(-((minute + 1) * 60_000 - now_ms) // 1_000)
        return Verdict(status=429, used=caller.used, retry_after_s=wait_s)

    def _banned(self, caller: "_Caller", now_ms: int) -> Verdict:
        return Verdict(
            status=418,
            used=caller.used,
            retry_after_s=-(-(caller.banned_until_ms - now_ms) // 1_000),
            banned_until_ms=caller.banned_until_ms,
        )


@dataclass(slots=True)
class _Caller:
    minute: int = -1
    used: int = 0
    refused_count: int = 0
    bans_count: int = 0
    banned_until_ms: int = 0
