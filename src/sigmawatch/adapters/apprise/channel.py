"""A channel that Apprise sends for: one process for every message, ended after ATTEMPT_MS."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass
from typing import ClassVar

from sigmawatch.adapters.channels.posting import told
from sigmawatch.adapters.channels.settings import Settings, text
from sigmawatch.adapters.channels.texts import body, visible
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.message import Message
from sigmawatch.ports.channel import ATTEMPT_MS, REPLY_BYTES_MAX, Answer, Sent

_CHILD = "sigmawatch.adapters.apprise.child"
_KINDS = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV", "SSL_CERT_FILE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Apprise(Settings):
    """Only in the configuration file: it may speak to anywhere."""

    SERVICE: ClassVar[str] = "apprise"
    PER_MINUTE: ClassVar[float] = 20.0  # ours: a process each

    address: str = text("An address as Apprise has it: `matrix://…`, `gotify://…`.", secret=True)

    @property
    def host(self) -> str:
        return f"{self.address.partition('://')[0]}://…"


class AppriseChannel:
    """Fulfils ports.channel.Channel. attempt_s: how long one may take."""

    def __init__(
        self, name: str, settings: Apprise, *, attempt_s: float = ATTEMPT_MS / 1_000
    ) -> None:
        self.name = name
        self.per_minute = settings.rate
        self._settings = settings
        self._attempt_s = attempt_s

    async def send(self, message: Message, *, plain: bool = False) -> Sent:
        """Apprise itself puts text into the service's own format."""
        kind = "success" if message.over else _KINDS[message.severity]
        asked = {"address": self._settings.address, "title": visible(message.title),
                 "body": body(message) or visible(message.title), "kind": kind}  # fmt: skip
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", _CHILD, stdin=PIPE, stdout=PIPE, stderr=DEVNULL,
            env=environment, limit=REPLY_BYTES_MAX, start_new_session=True,
        )  # fmt: skip
        try:
            async with asyncio.timeout(self._attempt_s):
                line = await _asked(child, json.dumps(asked).encode() + b"\n")
        except TimeoutError:
            return Sent(answer=Answer.LATER, detail="apprise took too long", unsure=True)
        finally:
            if child.returncode is None:
                child.kill()
            await child.wait()
        return self._read(line)

    def _read(self, line: bytes) -> Sent:
        try:
            said = json.loads(line)
            answer, detail = Answer(said["answer"]), str(said["detail"])
        except (ValueError, KeyError, TypeError):
            return Sent(answer=Answer.LATER, detail="apprise broke off", unsure=True)
        return Sent(answer=answer, detail=told(detail, hiding=self._settings.secrets))


async def _asked(child: Process, question: bytes) -> bytes:
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(question)
        await child.stdin.drain()
        child.stdin.close()
        return await child.stdout.readline()
    except (OSError, ValueError):  # it has gone, or says more than a line may hold
        return b""
