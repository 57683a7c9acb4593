"""`rules test`, `rules preview`, `rules course`: rules tried before anybody is told, and what they
said of one series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmawatch.app.cli import options
from sigmawatch.app.cli.client import segment
from sigmawatch.app.cli.exits import Exit
from sigmawatch.app.cli.output import demo_line, number, plain, print_json, print_table, stdout
from sigmawatch.app.cli.session import ask
from sigmawatch.domain.errors import ExpressionInvalid, Invalid, NotFound
from sigmawatch.domain.rule_reader import read_condition

if TYPE_CHECKING:
    from sigmawatch.app.alerting.script_run import Ran
    from sigmawatch.app.cli.client import Client

EPISODES_SHOWN = 20
SERIES_SHOWN = 10

commands = typer.Typer()

Scripts = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Scripts, docs/reference/rules-test.md.")
]


@commands.command("test")
def run_scripts(files: Scripts, *, as_json: options.AsJson = False) -> None:
    """Run scripts: series, rules, and what is expected of them when. Nothing is asked or stored."""
    ran = [_ran(file) for file in files]
    if as_json:
        print_json(stdout(), {"items": [_shown(one) for one in ran]})
    else:
        for one in ran:
            _print(one)
    if not all(one.passed for one in ran):
        raise typer.Exit(Exit.FAILED)


def _ran(file: Path) -> Ran:
    # As in app.cli.session: NumPy and the adapters, which other commands do not wait for.
    from sigmawatch.app.alerting.script import ScriptInvalid  # noqa: PLC0415
    from sigmawatch.app.alerting.script_reader import read_script  # noqa: PLC0415
    from sigmawatch.app.alerting.script_run import run_script  # noqa: PLC0415
    from sigmawatch.app.wiring import iana_zones  # noqa: PLC0415

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(f"{file} cannot be read: {error}", field="FILE") from None
    try:
        return run_script(read_script(text, name=str(file)), zones=iana_zones())
    except ScriptInvalid as error:
        raise Invalid(f"{file}, {error}", field="FILE", allowed=error.allowed) from None


def _shown(ran: Ran) -> dict[str, object]:
    return {
        "file": ran.name,
        "passed": ran.passed,
        "expected_count": ran.expected_count,
        "failures": [
            {"line": one.line, "text": one.text, "found": list(one.found)} for one in ran.failures
        ],
    }


def _print(ran: Ran) -> None:
    held = ran.expected_count - len(ran.failures)
    lines = [f"{ran.name}: {held} of {ran.expected_count} hold"]
    for one in ran.failures:
        lines += [f"  line {one.line}: {one.text}", *_found(one.found)]
    for line in lines:
        stdout().print(plain(line), soft_wrap=True)


def _found(found: Sequence[str]) -> list[str]:
    first, *rest = found
    return [f"    found {first}", *(f"          {line}" for line in rest)]


# What it would have said


def _text(flag: str, metavar: str, *, says: str) -> Any:
    return typer.Option(flag, metavar=metavar, help=says)


@commands.command("preview")
def preview(
    condition: Annotated[
        str, typer.Argument(metavar="CONDITION", help="As 'price > 3 * mean(1h) for 2m'.")
    ],
    *,
    target: Annotated[
        list[str] | None, _text("--target", "SERIES", says="Of what: kraken:*/USD; several times.")
    ] = None,
    over: Annotated[str, _text("--over", "SPAN", says="How much of the past.")] = "24h",
    clear: Annotated[str | None, _text("--clear", "CONDITION", says="When it is over.")] = None,
    clear_for: Annotated[
        str | None, _text("--clear-for", "SPAN", says="How long that must hold.")
    ] = None,
    cooldown: Annotated[
        str | None, _text("--cooldown", "SPAN", says="Silence after the end, as 15m; 0s.")
    ] = None,
    reminder: Annotated[
        str | None, _text("--reminder", "SPAN", says="How often it is said again.")
    ] = None,
    mute: Annotated[
        list[str] | None, _text("--mute", "WINDOW", says="As 'mon-fri 22:00-07:00 Europe/Berlin'.")
    ] = None,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Say what a rule would have said: how often, when, for which series, how many notices a day.

    Judged over stored history by the code that judges live. Nothing is saved, nobody is told.
    """
    _check_line(condition)
    told = {
        "condition": condition, "target": target or ["*"], "over": over, "clear": clear,
        "clear_for": clear_for, "cooldown": cooldown, "reminder": reminder, "mute": mute,
    }  # fmt: skip
    body = {key: value for key, value in told.items() if value is not None}

    async def previewed(client: Client) -> Any:
        return await client.post("/rules/preview", body)

    answer = ask(previewed, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    _print_preview(answer)


def _check_line(line: str) -> None:
    """Refuse a line that cannot be read before anybody is asked, with a caret below the place."""
    try:
        read_condition(line)
    except ExpressionInvalid as error:
        raise Invalid(f"{error}\n{error.caret}", field="CONDITION", allowed=error.allowed) from None


def _print_preview(answer: Any) -> None:
    console = stdout()
    if line := demo_line(answer):
        console.print(line)
    kinds = ", ".join(f"{count} {kind}" for kind, count in answer["notices_by_kind"].items())
    span = f"{_minute(answer['from_at'])} to {_minute(answer['to_at'])} UTC"
    a_day = f"{answer['notices_a_day']:.3g} a day" + (f": {kinds}" if kinds else "")
    lines = [
        f"{answer['condition']}, clears when {answer['clears_when']}",
        f"{answer['series_count']} series, {span}",
        f"{answer['episodes_count']} episodes of {len(answer['series'])} series",
        f"{answer['notices_count']} notices, {a_day}",
    ]
    if answer["almost_count"]:
        lines.append(f"{answer['almost_count']} times true, but not for long enough")
    if answer["unknown_share"]:
        lines.append(f"{100 * answer['unknown_share']:.3g} % of it could not be judged")
    for line in lines:
        console.print(plain(line), soft_wrap=True)
    _print_parts(answer)


def _print_parts(answer: Any) -> None:
    console = stdout()
    if len(answer["days"]) > 1:
        print_table(console, {"day": "left", "episodes": "right", "notices": "right"}, rows=[
            (day["day"][:10], day["episodes_count"], day["notices_count"])
            for day in answer["days"]
        ])  # fmt: skip
    if answer["series"]:
        print_table(console, {"series": "left", "episodes": "right"}, rows=[
            (one["series"], one["episodes_count"]) for one in answer["series"][:SERIES_SHOWN]
        ])  # fmt: skip
        print_table(console, {"from": "left", "to": "left", "series": "left"}, rows=[
            (_minute(one["opened_at"]), _minute(one["closed_at"]), one["series"])
            for one in answer["episodes"][-EPISODES_SHOWN:]
        ])  # fmt: skip


def _minute(moment: str | None) -> str:
    return moment.replace("T", " ").removesuffix("Z")[:19] if moment else ""


@commands.command("course")
def course(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A saved rule.")],
    series: Annotated[str, typer.Argument(metavar="SERIES", help="As KRAKEN:BTC/USD:price.")],
    *,
    at: Annotated[str, _text("--at", "TIME", says="The last slot, as -1h.")] = "now",
    slots: Annotated[int, typer.Option("--slots", min=1, max=1_440, help="How many.")] = 30,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Show what a rule said of a series, slot by slot, and why it did or did not fire."""

    async def shown(client: Client) -> Any:
        path = f"/rules/{segment(name)}/course"
        return await client.get(path, series=series, at=at, slots=slots)

    answer = ask(shown, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    columns = {"slot": "left", "state": "left", "why": "left", "numbers": "left"}
    print_table(stdout(), columns, rows=[
        (_minute(one["at"]), one["phase"], one["why"], "; ".join(map(_compared, one["compared"])))
        for one in answer["items"]
    ])  # fmt: skip


def _compared(one: Any) -> str:
    left, right = (
        "unknown" if one[side] is None else number(one[side]) for side in ("left", "right")
    )
    return f"{left} {one['relation']} {right}"
