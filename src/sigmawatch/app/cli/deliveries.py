"""`deliveries`, `inbox` and `subscriptions`: what was told, and to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmawatch.app.cli import options
from sigmawatch.app.cli.client import segment
from sigmawatch.app.cli.output import demo_line, plain, print_json, print_table, stdout
from sigmawatch.app.cli.session import ask

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client

PANEL = "Alerts"
commands = typer.Typer()
_deliveries = typer.Typer(no_args_is_help=True, help="What was sent, and what could not be.")
_subscriptions = typer.Typer(no_args_is_help=True, help="Who is told by mail.")
commands.add_typer(_deliveries, name="deliveries", rich_help_panel=PANEL)
commands.add_typer(_subscriptions, name="subscriptions", rich_help_panel=PANEL)

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="As the list shows it.")]
Rows = Annotated[int, typer.Option("--limit", min=1, max=1_000, help="How many, newest first.")]


@_deliveries.command("list")
def list_deliveries(
    *,
    status: Annotated[
        str | None, typer.Option("--status", help="As dead, expired, retry_wait, delivered.")
    ] = None,
    limit: Rows = 50,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """List notices, newest first, and how far each is."""

    async def listed(client: Client) -> Any:
        return await client.get("/deliveries", status=status, limit=limit)

    answer = ask(listed, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    _say_demo(answer)
    columns = dict.fromkeys(("number", "decided", "kind", "channel", "status", "attempts"), "left")
    print_table(stdout(), {**columns, "came to": "left", "about": "left"}, rows=[
        (item["number"], item["decided_at"], item["kind"], item["channel"], item["status"],
         item["attempts"], item["detail"], item["episode"])
        for item in answer["items"]
    ])  # fmt: skip
    counted = ", ".join(f"{count} {name}" for name, count in sorted(answer["counts"].items()))
    unsure = f", {answer['unsure']} attempts unsure" if answer["unsure"] else ""
    stdout().print(plain(f"in all: {counted or 'none'}{unsure}"))


@_deliveries.command("show")
def show_delivery(
    number: Number,
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Show one."""

    async def shown(client: Client) -> Any:
        return await client.get(f"/deliveries/{number}")

    _print_one(ask(shown, file=file, data=data), as_json=as_json)


@_deliveries.command("resend")
def resend_delivery(
    number: Number,
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Send a dead letter again; it has another 24 hours."""

    async def sent(client: Client) -> Any:
        return await client.post(f"/deliveries/{number}/resend", {})

    _print_one(ask(sent, file=file, data=data), as_json=as_json)


@commands.command("inbox", rich_help_panel=PANEL)
def inbox(
    *,
    unread: Annotated[bool, typer.Option("--unread", help="Only what is unread.")] = False,
    read: Annotated[bool, typer.Option("--read", help="Mark what is shown as read.")] = False,
    limit: Rows = 20,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:  # fmt: skip
    """Show what the program told, newest first."""

    async def shown(client: Client) -> Any:
        answer = await client.get("/inbox", unread=unread, limit=limit)
        if read and answer["items"]:
            await client.post("/inbox/read", {"through": answer["items"][0]["number"]})
        return answer

    answer = ask(shown, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    _say_demo(answer)
    for item in answer["items"]:
        mark = " " if item["read_at"] else "*"
        stdout().print(plain(f"{mark} {item['came_at']}  {item['title']}"))
        for line in item["lines"]:
            stdout().print(plain(f"    {line}"))
    stdout().print(plain(f"{answer['unread']} unread"))


@_subscriptions.command("list")
def list_subscriptions(
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """List who follows what."""

    async def listed(client: Client) -> Any:
        return await client.get("/subscriptions")

    answer = ask(listed, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    _say_demo(answer)
    columns = dict.fromkeys(("number", "address", "follows", "from", "mute", "confirmed"), "left")
    print_table(stdout(), columns, rows=[
        (item["number"], item["address"], item["target"], item["severity"],
         ", ".join(item["mute"]), item["confirmed_at"] or "not yet")
        for item in answer["items"]
    ])  # fmt: skip


@_subscriptions.command("add")
def add_subscription(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="A mail address.")],
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="As rule:hot, watchlist:majors, pattern:kraken:*/USD."
        ),
    ],
    *,
    severity: Annotated[
        str, typer.Option("--from", help="The least to be told: info, warning, critical.")
    ] = "info",
    mute: Annotated[
        list[str] | None,
        typer.Option("--mute", metavar="WINDOW", help="As '22:00-07:00 Europe/Berlin'."),
    ] = None,
    file: options.ConfigFile = None,
    data: options.Data = None,
) -> None:
    """Ask an address whether it wants to be told; it is told once it says yes."""

    async def made(client: Client) -> Any:
        body = {"address": address, "target": target, "severity": severity, "mute": mute or []}
        return await client.post("/subscriptions", body)

    answer = ask(made, file=file, data=data)
    stdout().print(plain(f"{answer['address']} is asked about {answer['target']}: "
                         f"subscription {answer['number']}"))  # fmt: skip


@_subscriptions.command("confirm")
def confirm_subscription(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="What the link in the mail holds.")],
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
) -> None:
    """Say yes for an address, as its link does."""

    async def confirmed(client: Client) -> Any:
        return await client.post(f"/subscriptions/confirm?token={segment(token)}", {})

    answer = ask(confirmed, file=file, data=data)
    stdout().print(plain(f"{answer['address']} follows {answer['target']}"))


@_subscriptions.command("end")
def end_subscription(
    number: Number, *, file: options.ConfigFile = None, data: options.Data = None
) -> None:  # fmt: skip
    """End one: nothing more is sent by it."""

    async def ended(client: Client) -> None:
        await client.delete(f"/subscriptions/{number}")

    ask(ended, file=file, data=data)
    stdout().print(plain(f"no subscription {number} any more"))


def _print_one(answer: Any, *, as_json: bool) -> None:
    if as_json:
        print_json(stdout(), answer)
        return
    for name, value in answer.items():
        stdout().print(plain(f"{name}: {'' if value is None else value}"))


def _say_demo(answer: Any) -> None:
    if line := demo_line(answer):
        stdout().print(line)
