"""`rules`: what is alerted on. `rules test` and the like are app.cli.trying's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmawatch.app.cli import options, trying
from sigmawatch.app.cli.client import segment
from sigmawatch.app.cli.output import demo_line, plain, print_json, print_table, stderr, stdout
from sigmawatch.app.cli.session import ask
from sigmawatch.app.problems import ConfigProblems
from sigmawatch.domain.errors import Conflict, NotFound

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client

PANEL = "Alerts"
commands = typer.Typer()
_group = typer.Typer(no_args_is_help=True, help="What is alerted on.")
_group.add_typer(trying.commands)
commands.add_typer(_group, name="rules", rich_help_panel=PANEL)

_SET = "The rule"
Name = Annotated[str, typer.Argument(metavar="NAME", help="How it is called, as hot.")]
Condition = Annotated[
    str, typer.Argument(metavar="CONDITION", help="As 'price > 3 * mean(1h) for 2m'.")
]


def _text(flag: str, metavar: str, *, says: str) -> Any:
    return typer.Option(flag, metavar=metavar, help=says, rich_help_panel=_SET)


Targets = Annotated[
    list[str] | None,
    _text("--target", "SERIES", says="Of what: kraken:*/USD, watchlist:majors; several times."),
]
Clear = Annotated[str | None, _text("--clear", "CONDITION", says="When it is over.")]
ClearFor = Annotated[str | None, _text("--clear-for", "SPAN", says="How long that must hold.")]
Cooldown = Annotated[
    str | None, _text("--cooldown", "SPAN", says="Silence after the end, as 15m; 0s.")
]
Reminder = Annotated[str | None, _text("--reminder", "SPAN", says="How often it is said again.")]
NoData = Annotated[str | None, _text("--no-data", "WHAT", says="keep, alert or ok.")]
NoDataFor = Annotated[str | None, _text("--no-data-for", "SPAN", says="After how long.")]
Severity = Annotated[str | None, _text("--severity", "HOW", says="info, warning or critical.")]
Channels = Annotated[
    list[str] | None,
    _text("--channel", "NAME", says="Who is told; several times. Else the routes."),
]
Mutes = Annotated[
    list[str] | None,
    _text("--mute", "WINDOW", says="When nobody is, as 'mon-fri 22:00-07:00 Europe/Berlin'."),
]
MaxTriggers = Annotated[
    int | None, _text("--max-triggers", "N", says="Episodes each series may open.")
]
ValidUntil = Annotated[str | None, _text("--valid-until", "TIME", says="As 2027-01-31T18:00:00Z.")]
Resolved = Annotated[
    bool | None,
    typer.Option("--resolved/--no-resolved", help="Whether the end is told.",
                 rich_help_panel=_SET),
]  # fmt: skip
On = Annotated[str | None, _text("--on", "WHEN", says="slot, when it has closed.")]
Note = Annotated[str | None, _text("--note", "TEXT", says="Your own words, in every notice.")]
_FLAGS = {"targets": "target", "resolved": "notify_resolved", "mutes": "mute"}


@_group.command("list")
def list_(
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """List them, and what is wrong with the file that defines some."""

    async def listed(client: Client) -> Any:
        return await client.get_all("/rules")

    answer = ask(listed, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    _say_demo(answer)
    columns = dict.fromkeys(("name", "on", "severity", "defined by", "condition", "of"), "left")
    print_table(stdout(), columns, rows=[
        (item["name"], "yes" if item["enabled"] else "no", item["severity"],
         answer["file"] if item["origin"] == "file" else item["origin"], item["condition"],
         ", ".join(item["target"]))
        for item in answer["items"]
    ])  # fmt: skip
    for problem in answer["file_problems"]:
        _warn(f"{answer['file']}: {problem['path']}: {problem['message']}")
    if answer["file_problems_count"] > len(answer["file_problems"]):
        _warn(f"{answer['file']}: {answer['file_problems_count']} problems in all")
    for item in answer["items"]:
        _warn_of(item)


@_group.command("show")
def show(
    name: Name,
    *,
    versions: Annotated[
        bool, typer.Option("--versions", help="Everything it was, the newest first.")
    ] = False,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Show all of one."""

    async def shown(client: Client) -> Any:
        path = f"/rules/{segment(name)}"
        if versions:
            return await client.get(f"{path}/versions")
        return {"items": [await client.get(path)]}

    answer = ask(shown, file=file, data=data)
    if as_json:
        print_json(stdout(), answer if versions else answer["items"][0])
        return
    for item in answer["items"]:
        _say_demo(item)
        _print(item)


@_group.command("add")
def add(
    name: Name,
    condition: Condition,
    *,
    targets: Targets = None,
    clear: Clear = None,
    clear_for: ClearFor = None,
    cooldown: Cooldown = None,
    reminder: Reminder = None,
    no_data: NoData = None,
    no_data_for: NoDataFor = None,
    severity: Severity = None,
    channels: Channels = None,
    mutes: Mutes = None,
    max_triggers: MaxTriggers = None,
    valid_until: ValidUntil = None,
    resolved: Resolved = None,
    on: On = None,
    note: Note = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would be; save nothing.")
    ] = False,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Make a rule. It is judged from the next slot on."""
    body = {"target": ["*:*/*"], **_given(locals()), "condition": condition}
    lines = {"condition": condition, "clear": clear}

    async def made(client: Client) -> Any:
        if dry_run:
            return await client.post("/rules/check", {**body, "name": name})
        if await _known(client, name):
            raise Conflict(f"there is a rule {name} already; `rules edit {name}` changes it")
        return await client.put(f"/rules/{segment(name)}", body)

    _say_changed(_pointed(lambda: ask(made, file=file, data=data), lines), as_json=as_json)


@_group.command("edit")
def edit(
    name: Name,
    *,
    condition: Annotated[
        str | None, _text("--condition", "CONDITION", says="When it fires.")
    ] = None,
    targets: Targets = None,
    clear: Clear = None,
    clear_for: ClearFor = None,
    cooldown: Cooldown = None,
    reminder: Reminder = None,
    no_data: NoData = None,
    no_data_for: NoDataFor = None,
    severity: Severity = None,
    channels: Channels = None,
    mutes: Mutes = None,
    max_triggers: MaxTriggers = None,
    valid_until: ValidUntil = None,
    resolved: Resolved = None,
    on: On = None,
    note: Note = None,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Change what is said, and leave the rest. An empty text goes back to the default."""
    given = _given(locals())
    lines = {"condition": condition, "clear": clear}

    async def edited(client: Client) -> Any:
        path = f"/rules/{segment(name)}"
        stands = await client.get(path)
        body = {key: value for key, value in {**_keys(stands), **given}.items()
                if value not in ("", [""])}  # fmt: skip
        return await client.put(path, body, if_match=stands["etag"])

    _say_changed(_pointed(lambda: ask(edited, file=file, data=data), lines), as_json=as_json)


@_group.command("enable")
def enable(
    name: Name,
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Judge it from the next slot on."""

    async def enabled(client: Client) -> Any:
        return await client.post(f"/rules/{segment(name)}/enable", {})

    _say_changed(ask(enabled, file=file, data=data), as_json=as_json)


@_group.command("disable")
def disable(
    name: Name,
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Judge it no more; what is open under it closes. It can be enabled again."""

    async def disabled(client: Client) -> Any:
        return await client.post(f"/rules/{segment(name)}/disable", {})

    _say_changed(ask(disabled, file=file, data=data), as_json=as_json)


@_group.command("remove")
def remove(
    name: Name, *, file: options.ConfigFile = None, data: options.Data = None
) -> None:  # fmt: skip
    """Remove one. What is open under it closes; its episodes stay."""

    async def removed(client: Client) -> None:
        path = f"/rules/{segment(name)}"
        stands = await client.get(path)
        await client.delete(path, if_match=stands["etag"])

    ask(removed, file=file, data=data)
    stdout().print(plain(f"no rule {name} any more"))


@_group.command("export")
def export(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Which; all without a name.")
    ] = None,
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Print rules as the text of a rules file, which may take them over as they stand."""

    async def found(client: Client) -> Any:
        if names:
            return [await client.get(f"/rules/{segment(name)}") for name in names]
        return (await client.get_all("/rules"))["items"]

    rules = ask(found, file=file, data=data)
    if as_json:
        print_json(stdout(), {"rules": {rule["name"]: _keys(rule) for rule in rules}})
        return
    # As in app.cli.session: they take long to import.
    from sigmawatch.app.alerting.definition import unspoken  # noqa: PLC0415
    from sigmawatch.app.alerting.rules_file import write_rules  # noqa: PLC0415

    text = write_rules((rule["name"], unspoken(_keys(rule))) for rule in rules)
    typer.echo(text, nl=False)


def _given(options_: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a rule that were said, of a command's arguments."""
    apart = {"name", "file", "data", "as_json", "dry_run", "lines", "given"}
    return {_FLAGS.get(key, key): value for key, value in options_.items()
            if key not in apart and value is not None}  # fmt: skip


def _keys(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a rule, of how the API shows it."""
    # As in app.cli.session: it takes long to import.
    from sigmawatch.app.alerting.definition import RuleTable  # noqa: PLC0415

    return {key: shown[key] for key in RuleTable.model_fields}


async def _known(client: Client, name: str) -> bool:
    try:
        await client.get(f"/rules/{segment(name)}")
    except NotFound:
        return False
    return True


def _pointed(work: Callable[[], Any], lines: Mapping[str, str | None]) -> Any:
    """`work`, and where it refuses a line, a caret below the place."""
    try:
        return work()
    except ConfigProblems as error:
        for problem in error.problems:
            line = lines.get(problem.path)
            if line and problem.position is not None:
                stderr().print(plain(line), soft_wrap=True)
                stderr().print(plain(" " * problem.position + "^"), soft_wrap=True)
        raise


def _say_changed(answer: Any, *, as_json: bool) -> None:
    if as_json:
        print_json(stdout(), answer)
        return
    _say_demo(answer)
    if "name" not in answer:  # only checked
        stdout().print(plain(f"{answer['condition']}, of {answer['series_count']} series"))
        stdout().print(plain(f"over when {answer['clears_when']}"))
        for warning in answer["warnings"]:
            _warn(f"{warning['path']}: {warning['message']}")
        return
    state = "on" if answer["enabled"] else "off"
    text = f"{answer['name']} (version {answer['version']}, {state}): {answer['condition']}"
    stdout().print(plain(text))
    _warn_of(answer)


def _print(item: Mapping[str, Any]) -> None:
    shown = {"": f"{item['name']}, version {item['version']} of {item['changed_at']}"}
    for key, value in _keys(item).items():
        shown[key] = _said(value)
    shown["clear"] = item["clears_when"]
    for key, value in shown.items():
        if value not in (None, ""):
            stdout().print(plain(f"{key:16}{value}" if key else str(value)))
    _warn_of(item)


def _said(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else value


def _warn_of(item: Mapping[str, Any]) -> None:
    for problem in item["problems"]:
        _warn(f"{item['name']}: {problem['path']}: {problem['message']}")


def _warn(text: str) -> None:
    stderr().print(plain(f"warning: {text}"), soft_wrap=True)


def _say_demo(answer: Any) -> None:
    if line := demo_line(answer):
        stdout().print(line)
