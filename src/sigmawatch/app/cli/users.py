"""`user`: who may log in; also where nobody can any more, for whoever has the data folder."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmawatch.app.cli import options
from sigmawatch.app.cli.client import segment
from sigmawatch.app.cli.output import plain, print_json, print_table, stdout
from sigmawatch.app.cli.session import ask
from sigmawatch.domain.caller import Role

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client

PANEL = "Access"
commands = typer.Typer()
_group = typer.Typer(no_args_is_help=True, help="Who may log in.")
commands.add_typer(_group, name="user", rich_help_panel=PANEL)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
FromStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from the standard input, one line; "
                 "else it is asked for."),
]  # fmt: skip


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return asked


@_group.command("add")
def add(
    name: Name,
    *,
    role: Annotated[
        Role, typer.Option("--role", help="A reader reads; an editor changes what is their own; an "
                           "admin everything.")
    ] = Role.EDITOR,
    password_stdin: FromStdin = False,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:  # fmt: skip
    """Make a user. The first one is an admin; from then on everybody needs a login or a key."""
    body = {"name": name, "role": str(role), "password": _password(password_stdin)}

    async def added(client: Client) -> Any:
        return await client.post("/users", body)

    _tell(ask(added, file=file, data=data), as_json=as_json)


@_group.command("list")
def list_(
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """List all users."""

    async def listed(client: Client) -> Any:
        return await client.get_all("/users")

    answer = ask(listed, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    columns = dict.fromkeys(("user", "role", "state", "changed"), "left")
    print_table(stdout(), columns, rows=(
        (one["name"], one["role"], "disabled" if one["disabled"] else "", one["changed_at"])
        for one in answer["items"]
    ))  # fmt: skip


@_group.command("disable")
def disable(
    name: Name,
    *,
    enable: Annotated[
        bool, typer.Option("--enable", help="The other way round: they may log in again.")
    ] = False,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Log a user out everywhere and let nobody log in by that name; their keys are good no more."""

    async def disabled(client: Client) -> Any:
        return await client.patch(f"/users/{segment(name)}", {"disabled": not enable})

    _tell(ask(disabled, file=file, data=data), as_json=as_json)


@_group.command("role")
def role(
    name: Name,
    new: Annotated[Role, typer.Argument(metavar="ROLE", help="reader, editor or admin.")],
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Give a user another role; they are logged out everywhere."""

    async def changed(client: Client) -> Any:
        return await client.patch(f"/users/{segment(name)}", {"role": str(new)})

    _tell(ask(changed, file=file, data=data), as_json=as_json)


@_group.command("password")
def password(
    name: Name,
    *,
    password_stdin: FromStdin = False,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Set a user's password; they are logged out everywhere."""
    body = {"password": _password(password_stdin)}

    async def changed(client: Client) -> Any:
        return await client.put(f"/users/{segment(name)}/password", body)

    _tell(ask(changed, file=file, data=data), as_json=as_json)


@_group.command("setup-token")
def setup_token(
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Issue the token anew with which the first admin is made on the page, once, within 30
    minutes. The one before is good no more."""

    async def issued(client: Client) -> Any:
        return await client.post("/setup/token", {})

    answer = ask(issued, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
    else:
        stdout().print(plain(answer["token"]), soft_wrap=True)


def _tell(user: Any, *, as_json: bool) -> None:
    if as_json:
        print_json(stdout(), user)
        return
    state = ", disabled" if user["disabled"] else ""
    stdout().print(plain(f"user {user['name']}: {user['role']}{state}"))
