"""The control endpoint: clock, faults, counters and the truth, as JSON, on a port of its own.

GET  /            addresses, markets, clock         GET POST /clock      {"advance_ms": 60000}
GET  /faults      POST a fault or a list            DELETE /faults, /faults/{number}
GET  /counters    DELETE sets them to zero          GET /truth/{venue}/{id}?from_ms=&to_ms=
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from sigmawatch_simulator.arrays import MINUTE_MS
from sigmawatch_simulator.errors import BadRequest
from sigmawatch_simulator.faults import KINDS, parse_faults
from sigmawatch_simulator.past import Past, Span
from sigmawatch_simulator.text import fixed

if TYPE_CHECKING:
    from sigmawatch_simulator.server import Simulator

_DAY_MINUTES = 1_440


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockWish:
    """What POST /clock may ask for; applied in this order."""

    set_ms: int | None = None
    advance_ms: int = 0
    speed: float | None = None
    skew_ms: int | None = None


class Control:
    """The handlers."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def index(self, request: web.Request) -> web.Response:
        simulator = self._simulator
        venues = {
            venue: {
                "base_url": simulator.base_url(venue),
                "markets": len(stage.markets),
                "streams": simulator.streams.open_count(venue),
            }
            for venue, stage in simulator.stages.items()
        }
        return _json({"venues": venues, "clock": self._clock(), "kinds": KINDS})

    async def clock(self, request: web.Request) -> web.Response:
        return _json(self._clock())

    async def set_clock(self, request: web.Request) -> web.Response:
        wish = _decoded(await request.read(), ClockWish)
        clock = self._simulator.clock
        if wish.set_ms is not None:
            clock.set_ms(wish.set_ms)
        clock.advance(wish.advance_ms)
        if wish.speed is not None:
            clock.run_at(wish.speed)
        if wish.skew_ms is not None:
            clock.skew_ms = wish.skew_ms
        return _json(self._clock())

    async def faults(self, request: web.Request) -> web.Response:
        board = self._simulator.faults
        return _json(
            {
                number: {"fault": fault, "hits": board.hits_count(number)}
                for number, fault in board.all().items()
            }
        )

    async def add_faults(self, request: web.Request) -> web.Response:
        found = parse_faults(await request.read())
        return _json({"numbers": [self._simulator.faults.add(fault) for fault in found]})

    async def clear_faults(self, request: web.Request) -> web.Response:
        self._simulator.faults.clear()
        return _json({})

    async def remove_fault(self, request: web.Request) -> web.Response:
        number = request.match_info["number"]
        if not self._simulator.faults.remove(int(number)):
            raise web.HTTPNotFound(text=f"no fault {number}")
        return _json({})

    async def counters(self, request: web.Request) -> web.Response:
        return _json(self._simulator.counters.as_json())

    async def reset_counters(self, request: web.Request) -> web.Response:
        self._simulator.counters.reset()
        return _json({})

    async def truth(self, request: web.Request) -> web.Response:
        """The model's minute candles of one market, by id or BASE/QUOTE; faults play no part."""
        stage = self._simulator.stages.get(request.match_info["venue"])
        name = request.match_info["id"]
        if stage is None:
            raise web.HTTPNotFound(text="no such venue")
        names = [(m.id, m.pair) for m in stage.markets]
        position = next((at for at, known in enumerate(names) if name in known), None)
        if position is None:
            raise web.HTTPNotFound(text=f"no market {name}")
        now_ms = self._simulator.venue_now_ms(stage.venue)
        to_ms = int(request.query.get("to_ms", now_ms))
        from_ms = int(request.query.get("from_ms", to_ms - _DAY_MINUTES * MINUTE_MS))
        span = Span(first_ms=from_ms, end_ms=to_ms, step_ms=MINUTE_MS)
        return _json(_truth(stage.scene(now_ms).past(position), span))

    def _clock(self) -> dict[str, Any]:
        clock = self._simulator.clock
        return {"now_ms": clock.now_ms(), "speed": clock.speed, "skew_ms": clock.skew_ms}


def control_app(simulator: Simulator) -> web.Application:
    control = Control(simulator)
    app = web.Application(middlewares=[_wrong_wishes])
    app.router.add_get("/", control.index)
    app.router.add_get("/clock", control.clock)
    app.router.add_post("/clock", control.set_clock)
    app.router.add_get("/faults", control.faults)
    app.router.add_post("/faults", control.add_faults)
    app.router.add_delete("/faults", control.clear_faults)
    app.router.add_delete(r"/faults/{number:\d+}", control.remove_fault)
    app.router.add_get("/counters", control.counters)
    app.router.add_delete("/counters", control.reset_counters)
    app.router.add_get("/truth/{venue}/{id:.+}", control.truth)
    return app


@web.middleware
async def _wrong_wishes(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except ValueError as exc:  # BadRequest is one
        return web.json_response({"error": str(exc)}, status=400)


def _truth(past: Past, span: Span) -> dict[str, Any]:
    found, market = past.candles(span), past.market
    columns = (found.open, found.high, found.low, found.close)
    return {
        "id": market.id,
        "pair": market.pair,
        "open_ms": found.open_ms.tolist(),
        **{
            name: [fixed(value, market.tick_decimals) for value in column.tolist()]
            for name, column in zip(("open", "high", "low", "close"), columns, strict=True)
        },
        "volume": [fixed(value, market.lot_decimals) for value in found.volume.tolist()],
        "quote": [fixed(value, market.quote_decimals) for value in found.quote.tolist()],
        "count": found.count.tolist(),
    }


def _decoded(text: bytes, kind: type[ClockWish]) -> ClockWish:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError as exc:
        raise BadRequest(str(exc)) from exc


def _json(value: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
