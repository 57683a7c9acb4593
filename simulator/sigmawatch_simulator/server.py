"""The double as an object: one data port per venue, one control port, loopback only.

async with Simulator(Config(markets_count=50)) as simulator:
    base = simulator.base_url("kraken")
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from aiohttp import web

from sigmawatch_simulator.clock import VirtualClock
from sigmawatch_simulator.config import Config
from sigmawatch_simulator.control import control_app
from sigmawatch_simulator.counters import Counters
from sigmawatch_simulator.faults import INSIDE, REPLACING, SENDING, Fault, FaultBoard
from sigmawatch_simulator.hub import StreamHub
from sigmawatch_simulator.minutes import Source
from sigmawatch_simulator.replacing import login_page, replacement
from sigmawatch_simulator.script import ScriptFile
from sigmawatch_simulator.spoiling import Spoiler
from sigmawatch_simulator.synthetic import Synthetic
from sigmawatch_simulator.transport import send
from sigmawatch_simulator.universe import universe
from sigmawatch_simulator.venues.speech import Answer, Question
from sigmawatch_simulator.venues.stage import NAMES, Stage

_HOST = "127.0.0.1"
_SHUTDOWN_S = 0.2
_FROZEN_MAX = 1_000


class Simulator:
    """Venues that behave, until told otherwise. Start and stop in one event loop."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()
        script = None if self.config.script is None else ScriptFile(self.config.script)
        start_ms = self.config.start_ms
        if start_ms is None and script is not None:
            start_ms = script.start_ms
        self.clock = VirtualClock(start_ms, speed=self.config.speed, skew_ms=self.config.skew_ms)
        self.faults = FaultBoard(self.config.seed)
        self.counters = Counters(self.config.venues)
        self.stages = {
            venue: Stage(venue, self._source(venue, script), limited=self.config.limited)
            for venue in self.config.venues
        }
        for fault in self.config.faults:
            self.faults.add(fault)
        self.streams = StreamHub(self)
        self._pumping: asyncio.Task[None] | None = None
        self._frozen: dict[tuple[int, str, str], Answer] = {}
        self._stopping = asyncio.Event()
        self._runners: list[web.AppRunner] = []
        self._ports: dict[str, int] = {}

    async def start(self) -> None:
        """Binds every port. Raises OSError where one is taken."""
        assert not self._runners, "already started"
        self._stopping.clear()
        try:
            for venue in self.stages:
                app = web.Application()
                app.router.add_route("*", "/{tail:.*}", self._handler(venue))
                await self._listen(venue, app)
            await self._listen("control", control_app(self))
        except OSError:
            await self.stop()
            raise
        self._pumping = asyncio.create_task(self.streams.pump_for_ever(), name="pump")

    async def stop(self) -> None:
        """Closes every port and every hanging request."""
        self._stopping.set()
        if self._pumping is not None:
            self._pumping.cancel()
            await asyncio.gather(self._pumping, return_exceptions=True)
            self._pumping = None
        await self.streams.stop()
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()
        self._ports.clear()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def base_url(self, venue: str) -> str:
        """What an adapter is configured with; no slash at the end."""
        return f"http://{_HOST}:{self._ports[venue]}"

    @property
    def control_url(self) -> str:
        return self.base_url("control")

    def venue_now_ms(self, venue: str) -> int:
        """What this venue's clock says."""
        now_ms = self.clock.now_ms()
        return now_ms + self.faults.skew_ms(venue, now_ms)

    def answer(self, venue: str, question: Question) -> tuple[Answer, list[Fault]]:
        """The answer to one request and the faults of its sending; no I/O."""
        if question.path == "/login":
            return login_page(), []
        now_ms = self.clock.now_ms()
        struck = self.faults.strike(venue, question.path, now_ms=now_ms)
        sending = [fault for _, fault in struck if fault.kind in SENDING]
        for _, fault in struck:
            if fault.kind in REPLACING:
                stated_ms = self.venue_now_ms(venue)
                return replacement(fault, venue, now_ms=stated_ms), sending
        answer = self._undisturbed(venue, question)
        for number, fault in struck:
            if fault.kind == "frozen" and answer.status == 200:
                answer = self._first_said((number, venue), question, fresh=answer)
            elif fault.kind in INSIDE and fault.kind != "frozen":
                answer = self._spoiler(venue, fault).spoil(answer)
        return answer, sending

    def _spoils(self, venue: str, path: str) -> bool:
        """Whether a fault stands in the way of a stream's handshake."""
        return any(
            fault.kind in REPLACING or fault.kind in SENDING
            for fault in self.faults.all().values()
            if fault.meets(venue, path, now_ms=self.clock.now_ms())
        )

    def _first_said(self, under: tuple[int, str], question: Question, *, fresh: Answer) -> Answer:
        """The first answer to this question under this fault; full means the oldest goes."""
        asked = f"{question.path} {sorted(question.query.items())}"
        kept = self._frozen.setdefault((*under, asked), fresh)
        while len(self._frozen) > _FROZEN_MAX:
            self._frozen.pop(next(iter(self._frozen)))
        return kept

    def _undisturbed(self, venue: str, question: Question) -> Answer:
        stage, now_ms = self.stages[venue], self.clock.now_ms()
        scene = stage.scene(
            self.venue_now_ms(venue),
            self.faults.changes(venue, now_ms),
            is_maintenance=self.faults.is_maintenance(venue, now_ms),
        )
        return stage.personality.answer(question, scene)

    def _spoiler(self, venue: str, fault: Fault) -> Spoiler:
        pairs = {market.id: market.pair for market in self.stages[venue].markets}
        return Spoiler(fault=fault, venue=venue, seed=self.config.seed, pairs=pairs)

    def _handler(self, venue: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._serve(venue, request)

        return handle

    async def _serve(self, venue: str, request: web.Request) -> web.StreamResponse:
        now_ms, status = self.clock.now_ms(), 0
        question = _question(request)
        stream = self.streams.serves(venue, question.path)
        self.counters.begin(venue, now_ms, stream=stream)
        try:
            if stream and not self._spoils(venue, question.path):
                status = 101
                return await self.streams.serve(venue, request)
            answer, sending = self.answer(venue, question)
            wait_s = answer.headers.get("Retry-After", answer.ban_s)
            if wait_s is not None:
                self.counters.blocked(venue, now_ms + int(wait_s) * 1_000, stream=stream)
            response = await send(request, answer, faults=sending, stopping=self._stopping)
            if not {"hang", "reset"} & {fault.kind for fault in sending}:
                status = response.status
            return response
        finally:
            route = self.stages[venue].personality.route(question.path)
            self.counters.end(venue, route=route, status=status)

    def _source(self, venue: str, script: ScriptFile | None) -> Source:
        if script is not None:
            return script.source(venue, NAMES[venue])
        config = self.config
        made = universe(venue, config.markets_count, seed=config.seed, name=NAMES[venue])
        return Synthetic(made.markets, assets=made.assets, seed=config.seed)

    async def _listen(self, name: str, app: web.Application) -> None:
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_S
        )
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, _HOST, self.config.ports.get(name, 0))
        await site.start()
        self._ports[name] = runner.addresses[0][1]


def _question(request: web.Request) -> Question:
    return Question(
        path=request.path,
        query=dict(request.query),
        headers={name.lower(): value for name, value in request.headers.items()},
        ip=request.remote or "",
    )
