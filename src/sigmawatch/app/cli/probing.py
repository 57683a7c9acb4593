"""`probe`: is a tracker well, seen from outside? One line, and an exit code for scripts."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
import typer

from sigmawatch.app.cli import options
from sigmawatch.app.cli.exits import Exit
from sigmawatch.app.cli.output import plain, print_json, stdout
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.window import parse_span

PANEL = "Start"
ANSWER_BYTES_MAX = 65_536
commands = typer.Typer()


class Outcome(StrEnum):
    """What a probe found."""

    READY = "ready"
    NOT_READY = "not_ready"
    STALE = "stale"
    SILENT = "silent"

    @property
    def exit(self) -> Exit:
        """What the command ends with."""
        if self is Outcome.READY:
            return Exit.OK
        return Exit.FAILED if self is Outcome.SILENT else Exit.PARTIAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """One look. slot_age_s: since the end of the newest closed slot, as far as it was told."""

    url: str
    outcome: Outcome
    reason: str = ""
    slot_age_s: float | None = None
    took_s: float = 0.0

    def __str__(self) -> str:
        told = f": {self.reason}" if self.reason else ""
        age = "" if self.slot_age_s is None else f", newest slot ended {self.slot_age_s:.0f} s ago"
        return f"{self.outcome.replace('_', ' ')}{told}{age} ({1_000 * self.took_s:.0f} ms)"


class _Ready(msgspec.Struct):
    slot_age_s: float | None = None


class _Problem(msgspec.Struct):
    detail: str = ""


@commands.command("probe", rich_help_panel=PANEL)
def probe(
    *,
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Where the tracker is, as http://127.0.0.1:8000.")
    ],
    max_age: Annotated[
        str | None,
        typer.Option("--max-age", metavar="SPAN", show_default="any",
                     help="How long ago its newest slot may have ended, as 5m."),
    ] = None,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="SPAN", help="How long it may take to answer.")
    ] = "10s",
    as_json: options.AsJson = False,
) -> None:  # fmt: skip
    """Ask a tracker whether it can be relied on. No key is needed, nothing is changed.

    Ends with 0 where it is ready, 3 where it is not or its newest slot is too old, 1 where it does
    not answer.
    """
    max_age_s = math.inf if max_age is None else parse_span(max_age) / 1_000
    found = asyncio.run(
        look(_base(url), timeout_s=parse_span(timeout) / 1_000, max_age_s=max_age_s)
    )
    if as_json:
        print_json(stdout(), {"url": found.url, "outcome": found.outcome, "reason": found.reason,
                              "slot_age_s": found.slot_age_s, "took_s": found.took_s})  # fmt: skip
    else:
        stdout().print(plain(found), soft_wrap=True)
    raise typer.Exit(found.outcome.exit)


def _base(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise Invalid(f"{url[:80]!r} is no address of a tracker", field="URL",
                      allowed="http://127.0.0.1:8000, https://markets.example.org")  # fmt: skip
    return url.rstrip("/").removesuffix("/readyz")


async def look(base: str, *, timeout_s: float, max_age_s: float = math.inf) -> Probed:
    """Ask `/readyz` below `base` once; whatever happens is what was found."""
    began_s = time.perf_counter()
    status, body = await _asked(f"{base}/readyz", timeout_s=timeout_s)
    took_s = time.perf_counter() - began_s
    if status is None:
        return Probed(url=base, outcome=Outcome.SILENT, reason=body.decode(), took_s=took_s)
    try:
        if status != 200:
            problem = msgspec.json.decode(body, type=_Problem)
            reason = problem.detail or f"it answered {status}"
            return Probed(url=base, outcome=Outcome.NOT_READY, reason=reason, took_s=took_s)
        age_s = msgspec.json.decode(body, type=_Ready).slot_age_s
    except (msgspec.DecodeError, UnicodeDecodeError):
        reason = f"it answered {status} in a way that is no tracker's"
        return Probed(url=base, outcome=Outcome.NOT_READY, reason=reason, took_s=took_s)
    if max_age_s < math.inf and (age_s is None or age_s > max_age_s):
        reason = "no slot has closed yet" if age_s is None else f"older than {max_age_s:.0f} s"
        return Probed(
            url=base, outcome=Outcome.STALE, reason=reason, slot_age_s=age_s, took_s=took_s
        )
    return Probed(url=base, outcome=Outcome.READY, slot_age_s=age_s, took_s=took_s)


async def _asked(url: str, *, timeout_s: float) -> tuple[int | None, bytes]:
    """Status and body; None and why where there was no answer."""
    import aiohttp  # noqa: PLC0415 - longer than `--help` takes altogether

    timeout = aiohttp.ClientTimeout(total=timeout_s)
    headers = {"Accept": "application/json"}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            return answer.status, await answer.content.read(ANSWER_BYTES_MAX)
    except TimeoutError:
        return None, f"no answer within {timeout_s:g} s".encode()
    except (aiohttp.ClientError, ValueError) as exc:
        return None, f"no answer: {exc}".encode()
