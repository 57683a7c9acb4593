"""The running program and what is printed of it: live, or the demo market until a venue answers.

The web server stays while what it shows changes from demo to live, so an address that was opened
stays good.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sigmawatch.app.cli.api import ApiClient, in_process
from sigmawatch.app.cli.judging import workable
from sigmawatch.app.cli.lines import Lines
from sigmawatch.app.cli.listening import Listening, listening, refuse_exposed
from sigmawatch.app.cli.replay_bar import ReplayBar
from sigmawatch.app.cli.running import Running, announced
from sigmawatch.app.cli.signals import until_signalled
from sigmawatch.app.config import Config
from sigmawatch.app.demo import Facts, Mode, next_mode
from sigmawatch.app.long_lived import starting
from sigmawatch.app.program import Program
from sigmawatch.app.publishing import Publisher, publish_for_ever
from sigmawatch.app.replay import Replay
from sigmawatch.app.web import create_app
from sigmawatch.app.wiring import build, demo_program, publication
from sigmawatch.app.wiring_replay import replaying
from sigmawatch.domain.errors import Conflict

if TYPE_CHECKING:
    from sigmawatch.app.web.heads import Head

LOOK_EVERY_MS = 250
DATABASE = "sigmawatch.db"


class Stage:
    """The ASGI application of whichever program is shown; who may see it the first one knows."""

    def __init__(self, program: Program, *, token: str) -> None:
        self.token = token
        self._kept = program.access
        self.program = program
        self.show(program)

    def show(self, program: Program) -> None:
        """From the next request on, `program` answers; who reads a stream comes again."""
        self.program.streaming.send_away()
        self.program = program
        self._app = create_app(program, token=self.token, kept=self._kept)

    def leave(self) -> None:
        """Say good-bye to who reads a stream."""
        self.program.streaming.close()

    async def closed(self) -> None:
        """Returns when a slot has closed since, or something else is shown."""
        program, sequence = self.program, self.program.snapshot.sequence
        while self.program is program:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_MS / 1_000):
                    await program.changed(sequence)
                    return

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)

    def at_once(self, scope: Any, head: Head) -> bytes | None:
        """As app.web.at_once.Prompt."""
        return self._app.at_once(scope, head)


async def serve(config: Config, *, demo: bool, lines: Lines) -> None:
    """Run everything until a signal. Raises InUse, ConfigProblems, StorageNewer, Refused."""
    for warning in () if demo else workable(config).warnings:
        lines.say(f"warning: {warning}")
    await until_signalled(_serve(config, demo=demo, lines=lines))


async def _serve(config: Config, *, demo: bool, lines: Lines) -> None:
    async with AsyncExitStack() as stack:
        place = stack.enter_context(listening(config))
        with starting():
            built = demo_program(config) if demo else build(config)
            program = await stack.enter_async_context(built)
        refuse_exposed(config, guarded=program.access.book.guarded)
        stage = Stage(program, token=secrets.token_urlsafe(32))
        stack.enter_context(announced(program.config.data, _note(place, stage.token)))
        lines.started(program, place.url)
        if not (demo or program.access.book.guarded):
            lines.may_be_set_up(program.access.setup.standing())
        async with asyncio.TaskGroup() as group:
            group.create_task(place.serve(stage, leaving=stage.leave), name="web")
            group.create_task(program.serve_until_cancelled(), name="program")
            group.create_task(lines.follow(stage), name="lines")
            group.create_task(publish_slots(config, stage), name="publishing")
            if not demo:
                group.create_task(fall_back(config, program, stage=stage, lines=lines), name="demo")


async def publish_slots(config: Config, stage: Stage) -> None:
    """Publish what is shown after every slot, where the configuration says where to."""
    if (place := config.publish.place) is None:
        return
    answers = ApiClient(in_process(stage), key=stage.token)
    await publish_for_ever(
        Publisher(answers, publication(config, place)), closed=stage.closed,
        clock=stage.program.clock, database_every_ms=config.publish.database_every_ms,
    )  # fmt: skip


async def serve_replay(
    config: Config, source: Path, *, folder: Path, speed: float | None, bar: ReplayBar
) -> None:
    """Play `source` through the real program and serve it, then serve on until a signal.

    Raises InUse, Invalid, Conflict.
    """
    if (folder / DATABASE).exists():
        raise Conflict(f"{folder} holds data already; name another folder with --data")
    await until_signalled(_serve_replay(config, source, folder=folder, speed=speed, bar=bar))


async def _serve_replay(
    config: Config, source: Path, *, folder: Path, speed: float | None, bar: ReplayBar
) -> None:
    async with AsyncExitStack() as stack:
        place = stack.enter_context(listening(config))
        replay = await stack.enter_async_context(replaying(config, source, folder=folder))
        refuse_exposed(config, guarded=replay.program.access.book.guarded)
        token = secrets.token_urlsafe(32)
        stack.enter_context(announced(folder, _note(place, token)))
        async with asyncio.TaskGroup() as group:
            app, leave = create_app(replay.program, token=token), replay.program.streaming.close
            web = group.create_task(place.serve(app, leaving=leave))
            telling = replay.program.notifying.deliver_for_ever(replay.program.changed)
            told = group.create_task(telling, name="delivery")
            heard = group.create_task(replay.listen_for_ever(), name="streams")
            with bar.begun(replay, url=place.url, folder=folder):
                await _play(replay, bar, speed=speed)
            for task in (web, told, heard) if bar.ends else ():
                task.cancel()


async def _play(replay: Replay, bar: ReplayBar, *, speed: float | None) -> None:
    async for slot in replay.slots(speed=speed):
        bar.closed(replay.interval.open_ms(slot + 1))


def _note(place: Listening, token: str) -> Running:
    return Running(url=place.url, pid=os.getpid(), token=token, fingerprint=place.fingerprint)


async def fall_back(config: Config, live: Program, *, stage: Stage, lines: Lines) -> None:
    """Show the demo market where SEMANTICS.md 5 says so, until a venue answers."""
    given = config.source is not None or config.model_fields_set & {"track", "venues"}
    holds_live = await live.live_since_ms() is not None
    started_ms = live.clock.monotonic_ms()

    async def left(mode: Mode) -> Mode:
        while True:
            facts = Facts(
                asked=False, holds_live=holds_live, configured=bool(given),
                answered=live.stations.answered(),
                failures=tuple(live.stations.failures().values()),
                elapsed_ms=live.clock.monotonic_ms() - started_ms,
            )  # fmt: skip
            if (following := next_mode(mode, facts)) is not mode:
                return following
            await live.clock.sleep_until_ms(live.clock.now_ms() + LOOK_EVERY_MS)

    if await left(Mode.WAIT) is Mode.LIVE:
        return
    async with demo_program(config) as demo, asyncio.TaskGroup() as group:
        serving = group.create_task(demo.serve_until_cancelled(), name="demo")
        stage.show(demo)
        lines.say("no venue answers: showing the DEMO market, an invented one, until one does")
        await left(Mode.DEMO)
        stage.show(live)
        serving.cancel()
    lines.say("a venue answers: showing live markets from now on")
