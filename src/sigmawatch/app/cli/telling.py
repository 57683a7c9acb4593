"""What nearly every verb does with its answer: print it as JSON, or say it in words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sigmawatch.app.cli.output import demo_line, plain, print_json, print_table, stdout
from sigmawatch.app.cli.session import ask

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client

Question = Callable[["Client"], Awaitable[Any]]


def tell(
    question: Question, say: Callable[[Any], None], *, file: Path | None, data: Path | None,
    as_json: bool = False,
) -> None:  # fmt: skip
    """Ask; then print the answer as it came, or have `say` say it, after the line that says that
    it is of an invented market."""
    answer = ask(question, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    if isinstance(answer, dict) and (line := demo_line(answer)):
        stdout().print(line)
    say(answer)


def getting(path: str) -> Question:
    """What a path of the API says."""

    async def got(client: Client) -> Any:
        return await client.get(path)

    return got


def table(
    columns: Mapping[str, str], row: Callable[[Any], Sequence[object]]
) -> Callable[[Any], None]:  # fmt: skip
    """Says the items of an answer as a table. columns: heading -> "left" or "right"; row: of an
    item, a cell a column."""

    def say(answer: Any) -> None:
        print_table(stdout(), columns, rows=map(row, answer["items"]))

    return say


def line(text: str) -> None:
    """One line, nothing in it understood as markup."""
    stdout().print(plain(text))
