"""`channels`: where notices go."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmawatch.app.cli import options
from sigmawatch.app.cli.client import segment
from sigmawatch.app.cli.exits import Exit
from sigmawatch.app.cli.output import demo_line, plain, print_json, print_table, stdout
from sigmawatch.app.cli.session import ask
from sigmawatch.domain.errors import Invalid

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client

PANEL = "Alerts"
commands = typer.Typer()
_group = typer.Typer(no_args_is_help=True, help="Where notices go: Slack, mail, a webhook …")
commands.add_typer(_group, name="channels", rich_help_panel=PANEL)

Name = Annotated[str, typer.Argument(metavar="NAME", help="How it is called, as ops.")]


@_group.command("list")
def list_(
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """List them. Of an address the host is shown, of a secret its last four characters."""

    async def listed(client: Client) -> Any:
        return await client.get("/channels")

    answer = ask(listed, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    if line := demo_line(answer):
        stdout().print(line)
    columns = dict.fromkeys(("name", "service", "defined by", "address", "state", "why"), "left")
    print_table(stdout(), columns, rows=[
        (item["name"], item["service"], item["origin"], item["address"], item["state"],
         item["reason"])
        for item in answer["items"]
    ])  # fmt: skip


@_group.command("add")
def add(
    name: Name,
    service: Annotated[
        str, typer.Argument(metavar="SERVICE", help="As slack, ntfy, webhook, smtp.")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SETTING=VALUE...",
            help="What the service needs. SETTING@=FILE reads the value from a file; SETTING=- "
            "asks for it, so that it stands in no history.",
        ),
    ] = None,
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Make one. Its settings are encrypted and never shown again; test it next."""
    given = dict(_setting(text) for text in settings or ())

    async def made(client: Client) -> Any:
        body = {"name": name, "service": service, "settings": given}
        return await client.post("/channels", body)

    answer = ask(made, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    text = f"{answer['name']}: {answer['service']}, {answer['address']}"
    stdout().print(plain(f"{text}; try it: sigmawatch channels test {answer['name']}"))


@_group.command("remove")
def remove(
    name: Name, *, file: options.ConfigFile = None, data: options.Data = None
) -> None:  # fmt: skip
    """Remove one, and its secret."""

    async def removed(client: Client) -> None:
        path = f"/channels/{segment(name)}"
        stands = await client.get(path)
        await client.delete(path, if_match=stands["etag"])

    ask(removed, file=file, data=data)
    stdout().print(plain(f"no channel {name} any more"))


@_group.command("test")
def try_(
    name: Name,
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Send a real message and say what came. Ends with 1 where it was not taken."""

    async def tested(client: Client) -> Any:
        return await client.post(f"/channels/{segment(name)}/test", {})

    answer = ask(tested, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
    else:
        word = "delivered" if answer["delivered"] else f"not delivered ({answer['answer']})"
        stdout().print(plain(f"{answer['name']}: {word} in {answer['took_ms']} ms, "
                             f"{answer['detail']}"))  # fmt: skip
    if not answer["delivered"]:
        raise typer.Exit(Exit.FAILED)


@_group.command("enable")
def enable(
    name: Name, *, file: options.ConfigFile = None, data: options.Data = None
) -> None:  # fmt: skip
    """Send to one again that was disabled because its service said that nobody is there."""

    async def enabled(client: Client) -> Any:
        return await client.post(f"/channels/{segment(name)}/enable", {})

    answer = ask(enabled, file=file, data=data)
    stdout().print(plain(f"{answer['name']}: {answer['state']}"))


@_group.command("rekey")
def rekey(*, file: options.ConfigFile = None, data: options.Data = None) -> None:
    """Encrypt every stored secret under a new key, and let the older keys go."""

    async def rekeyed(client: Client) -> Any:
        return await client.post("/channels/rekey", {})

    answer = ask(rekeyed, file=file, data=data)
    stdout().print(plain(f"{answer['count']} channels encrypted under a new key"))


def _setting(text: str) -> tuple[str, str]:
    """One `name=value`. Raises Invalid, which quotes no value."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise Invalid("a setting is NAME=VALUE", field="settings", allowed="as topic=my-topic")
    if value == "-":
        if not sys.stdin.isatty():
            return name, sys.stdin.readline().strip()
        return name, str(typer.prompt(name, hide_input=True))
    if name.endswith("@"):
        name = name.removesuffix("@")
        try:
            return name, Path(value).expanduser().read_text("utf-8").strip()
        except (OSError, ValueError) as exc:
            reason = getattr(exc, "strerror", None) or "not text"
            raise Invalid(f"{name}: the file cannot be read ({reason})", field=name) from None
    return name, value
