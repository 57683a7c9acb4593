"""What the venues were asked: for tests of good citizenship."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

_ROUTES_MAX = 256  # further ones are counted as "other"
_MOMENTS_MAX = 10_000  # of the newest requests


@dataclass(slots=True)
class VenueCount:
    """All requests of one venue since the last reset; times are virtual milliseconds. asked_ms: of
    each request, the newest of them."""

    by_route: dict[str, dict[int, int]] = field(default_factory=dict)
    during_ban_count: int = 0
    in_flight_count: int = 0
    in_flight_max: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    asked_ms: deque[int] = field(default_factory=lambda: deque(maxlen=_MOMENTS_MAX))


class Counters:
    """Requests by venue, route and status. Status 0: no answer was sent."""

    def __init__(self, venues: tuple[str, ...]) -> None:
        self._venues = venues
        self._blocked_until_ms: dict[tuple[str, bool], int] = {}
        self._arrived = {venue: asyncio.Event() for venue in venues}
        self.reset()

    def reset(self) -> None:
        """Forget the counts; bans stay in force."""
        self._counts = {venue: VenueCount() for venue in self._venues}
        for event in self._arrived.values():
            event.clear()

    def begin(self, venue: str, now_ms: int, *, stream: bool = False) -> None:
        """A request has come. stream: to the host of its streams, which has bans of its own."""
        count = self._counts[venue]
        self._arrived[venue].set()
        count.in_flight_count += 1
        count.in_flight_max = max(count.in_flight_max, count.in_flight_count)
        count.first_ms = now_ms if count.first_ms is None else count.first_ms
        count.last_ms = now_ms
        count.asked_ms.append(now_ms)
        count.during_ban_count += now_ms < self._blocked_until_ms.get((venue, stream), 0)

    def end(self, venue: str, *, route: str, status: int) -> None:
        """It was answered, or given up (0)."""
        count = self._counts[venue]
        count.in_flight_count = max(0, count.in_flight_count - 1)
        if len(count.by_route) >= _ROUTES_MAX:
            route = route if route in count.by_route else "other"
        statuses = count.by_route.setdefault(route, {})
        statuses[status] = statuses.get(status, 0) + 1

    def blocked(self, venue: str, until_ms: int, *, stream: bool = False) -> None:
        """The venue has asked for silence until then."""
        host = venue, stream
        self._blocked_until_ms[host] = max(until_ms, self._blocked_until_ms.get(host, 0))

    async def arrival(self, venue: str) -> None:
        """Returns once a request has come since the last reset, answered or not."""
        await self._arrived[venue].wait()

    def requests(self, venue: str, *, route: str | None = None, status: int | None = None) -> int:
        """How many answered or given-up requests fit."""
        return sum(
            number
            for name, statuses in self._counts[venue].by_route.items()
            for code, number in statuses.items()
            if route in (None, name) and status in (None, code)
        )

    def of(self, venue: str) -> VenueCount:
        return self._counts[venue]

    def during_ban_count(self, venue: str) -> int:
        """Requests that came while a Retry-After was running."""
        return self._counts[venue].during_ban_count

    def as_json(self) -> dict[str, Any]:
        return {
            venue: {
                "requests": self.requests(venue),
                "routes": {
                    name: {str(code): number for code, number in statuses.items()}
                    for name, statuses in count.by_route.items()
                },
                "during_ban": count.during_ban_count,
                "in_flight_max": count.in_flight_max,
                "first_ms": count.first_ms,
                "last_ms": count.last_ms,
            }
            for venue, count in self._counts.items()
        }
