"""`key`: keys for programs that ask. A key is printed once, when it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmawatch.app.cli import options
from sigmawatch.app.cli.client import segment
from sigmawatch.app.cli.output import plain, print_json, print_table, stderr, stdout
from sigmawatch.app.cli.session import ask
from sigmawatch.domain.caller import Scope

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client

PANEL = "Access"
commands = typer.Typer()
_group = typer.Typer(no_args_is_help=True, help="Keys for programs.")
commands.add_typer(_group, name="key", rich_help_panel=PANEL)

KeyId = Annotated[
    str, typer.Argument(metavar="ID", help="Its public id, as `key list` and the key itself say.")
]


@_group.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    *,
    scope: Annotated[
        list[Scope] | None,
        typer.Option("--scope", help="What it may; more than once for more. Default: "
                     "read:metrics.", show_default=False),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="TIME", help="As 90d, or 2027-01-31T18:00:00Z.",
                     show_default="never"),
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="NETWORK", help="An address or network from which it is "
                     "good; more than once for more.", show_default="anywhere"),
    ] = None,
    user: Annotated[
        str | None,
        typer.Option("--user", metavar="NAME", help="Whose it is: it sees what they see, and may "
                     "no more.", show_default="the installation's"),
    ] = None,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:  # fmt: skip
    """Make a key and print it; it is not shown again."""
    body = {"name": name, "scopes": [str(one) for one in scope or [Scope.READ_METRICS]],
            "expires": expires, "networks": network or [], "user": user}  # fmt: skip

    async def added(client: Client) -> Any:
        return await client.post("/keys", body)

    _tell(ask(added, file=file, data=data), as_json=as_json)


@_group.command("list")
def list_(
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """List all keys, the newest first."""

    async def listed(client: Client) -> Any:
        return await client.get_all("/keys")

    answer = ask(listed, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    columns = dict.fromkeys(("id", "name", "user", "scopes", "state", "expires", "used"), "left")
    print_table(stdout(), columns, rows=(
        (one["id"], one["name"], one["user"], " ".join(one["scopes"]), _state(one),
         one["expires_at"], one["used_at"])
        for one in answer["items"]
    ))  # fmt: skip


@_group.command("revoke")
def revoke(
    key: KeyId,
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
) -> None:
    """Let a key be good no more, at once; what it holds open is cut within 5 seconds."""

    async def revoked(client: Client) -> None:
        await client.delete(f"/keys/{segment(_id(key))}")

    ask(revoked, file=file, data=data)
    stdout().print(plain(f"key {_id(key)}: revoked"))


@_group.command("rotate")
def rotate(
    key: KeyId,
    *,
    overlap: Annotated[
        str, typer.Option("--overlap", metavar="SPAN", help="How long the old one is still good.")
    ] = "1d",
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Make a key that may the same and print it; the old one ends after a while."""

    async def rotated(client: Client) -> Any:
        return await client.post(f"/keys/{segment(_id(key))}/rotate", {"overlap": overlap})

    _tell(ask(rotated, file=file, data=data), as_json=as_json)


def _id(text: str) -> str:
    """Who gives the whole key means its id; the rest of it goes nowhere."""
    parts = text.strip().split("_")
    return parts[1] if len(parts) > 1 and parts[0] == "sw" else text.strip()


def _state(key: Any) -> str:
    return f"{key['state']}, exposed" if key["exposed"] else str(key["state"])


def _tell(told: Any, *, as_json: bool) -> None:
    if as_json:
        print_json(stdout(), told)
        return
    about = told["about"]
    stdout().print(plain(told["key"]), soft_wrap=True)
    ends = f" until {about['expires_at']}" if about["expires_at"] else ""
    stderr().print(plain(f"key {about['id']} ({about['name']}): {' '.join(about['scopes'])}{ends}; "
                         "it is not shown again"))  # fmt: skip
