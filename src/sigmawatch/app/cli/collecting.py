"""`collect`, `backfill`, `rejected`: one run without a server, for cron, the past, and what was
refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sigmawatch.app.cli import options
from sigmawatch.app.cli.client import segment
from sigmawatch.app.cli.exits import Exit
from sigmawatch.app.cli.output import demo_line, plain, print_json, print_table, stdout
from sigmawatch.app.cli.session import ask

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client

PANEL = "Collect"
commands = typer.Typer()

LOOK_EVERY_S = 0.5
START_PATIENCE_S = 5.0

Job = dict[str, Any]


@commands.command("collect", rich_help_panel=PANEL)
def collect(
    *,
    venue: options.VenueName = None,
    shard: Annotated[
        str,
        typer.Option("--shard", metavar="I/N", help="The I-th of N parts of the series, as 1/4."),
    ] = "1/1",
    file: options.ConfigFile = None,
    data: options.Data = None,
    database: options.Database = None,
    as_json: options.AsJson = False,
) -> None:
    """Poll once, now. Needs no server; a running one is asked to.

    Ends with 0 where everything was updated, 3 where some was, 4 where nothing was.
    """

    async def collected(client: Client) -> Any:
        return await client.post("/collect", {"venue": venue, "shard": shard})

    answer = ask(collected, file=file, data=data, database=database)
    if as_json:
        print_json(stdout(), answer)
    else:
        _print_runs(stdout(), answer)
    raise typer.Exit(_outcome(answer["updated"], answer["expected"]))


def _outcome(done: int, wanted: int) -> Exit:
    if done >= wanted > 0:
        return Exit.OK
    return Exit.PARTIAL if done else Exit.NONE


def _print_runs(console: Console, answer: Any) -> None:
    if line := demo_line(answer):
        console.print(line)
    columns = {"venue": "left", "updated": "right", "expected": "right", "outcome": "left",
               "why not": "left"}  # fmt: skip
    print_table(console, columns, rows=[
        (run["venue"], run["updated"], run["expected"], run["outcome"],
         ", ".join(f"{reason} {count}" for reason, count in run["reasons"].items()))
        for run in answer["runs"]
    ])  # fmt: skip
    if not answer["expected"]:
        console.print("nothing is tracked: no venue has answered yet, or nothing was added")


@commands.command("backfill", rich_help_panel=PANEL)
def backfill(
    *,
    venue: options.VenueName = None,
    file: options.ConfigFile = None,
    data: options.Data = None,
    database: options.Database = None,
    as_json: options.AsJson = False,
) -> None:
    """Fetch what is missing of the last 24 hours, and wait for it.

    Ends with 0 where everything was fetched, 3 where some was, 4 where nothing was.
    """
    console = Console(stderr=True) if as_json else stdout()

    async def filled(client: Client) -> list[Job]:
        before = {job["id"] for job in (await client.get("/jobs"))["items"] if job["finished_at"]}
        await client.post("/jobs", {"kind": "backfill", "venue": venue})
        venues = (await client.get("/venues"))["items"]
        asked = [item for item in venues if venue is None or item["name"] == venue.upper()]
        silent = [item["name"] for item in asked if not item["markets_count"]]
        with _Bars(console) as bars:
            jobs = await _watched(
                client, bars, names={item["name"] for item in asked} - set(silent), before=before
            )
        for name in silent:
            console.print(plain(f"{name}: nothing was fetched (it does not answer)"))
        return [*jobs, *map(_none, silent)]

    jobs = ask(filled, file=file, data=data, database=database)
    if as_json:
        print_json(stdout(), {"items": jobs})
    failed = sum(job["failed"] for job in jobs) + sum(not job["finished_at"] for job in jobs)
    done = sum(job["done"] - job["failed"] for job in jobs)
    raise typer.Exit(_outcome(done, done + failed) if failed else Exit.OK)


@commands.command("rejected", rich_help_panel=PANEL)
def rejected(
    venue: Annotated[str, typer.Argument(metavar="VENUE", help="Which venue, as kraken.")],
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    database: options.Database = None,
    as_json: options.AsJson = False,
) -> None:
    """Show samples of what a venue told and was refused since the start, one a minute at most.

    Nothing of it is stored; how much there was, by reason, is counted at the venue.
    """

    async def listed(client: Client) -> Any:
        return await client.get(f"/venues/{segment(venue)}/rejected")

    answer = ask(listed, file=file, data=data, database=database)
    if as_json:
        print_json(stdout(), answer)
        return
    columns = {"at": "left", "of": "right", "about": "left", "why": "left"}
    print_table(stdout(), columns, rows=(
        (one["at"], one["refused_count"], one["about"], one["reason"]) for one in answer["items"]
    ))  # fmt: skip


class _Bars:
    """One bar a venue on a terminal; one line a venue and tenth elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TextColumn("markets"), TimeRemainingColumn(), console=console,
            disable=not console.is_terminal,
        )  # fmt: skip
        self._tasks: dict[str, Any] = {}
        self._told: dict[str, int] = {}

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, job: Job) -> None:
        """Where a job is now."""
        name, total, done = job["venue"], job["total"], job["done"]
        if self._console.is_terminal:
            if name not in self._tasks:
                self._tasks[name] = self._progress.add_task(name, total=total)
            self._progress.update(self._tasks[name], total=total, completed=done)
            return
        tenth = 10 * done // total if total else 10
        if self._told.get(name) != tenth:
            self._told[name] = tenth
            failed = f", {job['failed']} failed" if job["failed"] else ""
            self._console.print(plain(f"{name}: {done} of {total} markets{failed}"))


async def _watched(client: Client, bars: _Bars, *, names: set[str], before: set[str]) -> list[Job]:
    """Watch the new job of every venue to its end; one that starts none in time is left so."""
    deadline_s = time.monotonic() + START_PATIENCE_S
    while True:
        listed = (await client.get("/jobs"))["items"]
        jobs: Mapping[str, Job] = {
            job["venue"]: job for job in listed if job["venue"] in names and job["id"] not in before
        }
        for job in jobs.values():
            bars.show(job)
        waiting = names - jobs.keys()
        if all(job["finished_at"] for job in jobs.values()) and (
            not waiting or time.monotonic() > deadline_s
        ):
            break
        await asyncio.sleep(LOOK_EVERY_S)
    return [jobs[name] if name in jobs else _none(name) for name in sorted(names)]


def _none(venue: str) -> Job:
    return {"venue": venue, "total": 0, "done": 0, "failed": 0, "finished_at": None}
