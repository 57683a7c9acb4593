"""The parts of commands: the note, the exit codes, what is printed, how the API is asked."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sigmawatch.app.cli import output, running
from sigmawatch.app.cli.api import ApiClient, in_process
from sigmawatch.app.cli.client import segment
from sigmawatch.app.cli.exits import Exit, exit_of, tell
from sigmawatch.app.problems import ConfigProblems, Problem
from sigmawatch.domain.errors import (
    Conflict,
    InUse,
    Invalid,
    NotFound,
    Refused,
    SigmawatchError,
    StorageNewer,
    Unavailable,
)

NOTE = running.Running(url="http://127.0.0.1:1", pid=os.getpid(), token="t0ken")


def printed() -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, width=output.PLAIN_COLUMNS), stream


# The note


def test_a_running_program_is_found_by_its_note_and_the_note_goes_with_it(tmp_path: Path) -> None:
    with running.announced(tmp_path, NOTE):
        assert running.find(tmp_path) == NOTE
        assert (tmp_path / running.NAME).stat().st_mode & 0o777 == 0o600
    assert running.find(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_note_of_a_dead_process_or_a_torn_one_is_no_note(tmp_path: Path) -> None:
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                           capture_output=True, check=True)  # fmt: skip
    with running.announced(tmp_path, running.Running(url="", pid=int(child.stdout), token="")):
        assert running.find(tmp_path) is None
    for torn in ("", "{", '{"url": 1}', '{"url": "", "pid": -1, "token": ""}',
                 '{"url": "", "pid": 99999999999999999999, "token": ""}'):  # fmt: skip
        (tmp_path / running.NAME).write_text(torn)
        assert running.find(tmp_path) is None


def test_the_token_does_not_print() -> None:
    assert "t0ken" not in repr(NOTE)


# Exit codes and problems


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InUse("x"), 5),
        (Invalid("x"), 2),
        (NotFound("x"), 2),
        (Conflict("x"), 2),
        (Unavailable("x"), 1),
        (Refused("x"), 1),
        (StorageNewer("x"), 1),
    ],
)
def test_the_kind_of_error_decides_the_exit_code(error: SigmawatchError, code: int) -> None:
    assert exit_of(error) == code


def test_a_problem_is_told_in_two_lines_with_what_is_allowed_and_no_markup() -> None:
    console, stream = printed()
    error = NotFound("no venue lists [red]X/Y[/red]", field="market", allowed="KRAKEN:BTC/USD")
    assert tell(error, console) is Exit.USAGE
    assert stream.getvalue() == "no venue lists [red]X/Y[/red]\nallowed: KRAKEN:BTC/USD\n"


def test_every_configuration_problem_has_its_line() -> None:
    console, stream = printed()
    problems = [Problem(path="server.port", rule="is bad", value="1"), Problem(path="x", rule="y")]
    assert tell(ConfigProblems(problems), console) is Exit.USAGE
    assert stream.getvalue().splitlines() == [
        "2 problems in the configuration:", "  server.port: is bad, was 1", "  x: y",
    ]  # fmt: skip


# What is printed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (0.0, "0"), (97_123.4567, "97,123.5"), (1.5, "1.50000"),
        (0.00001234567, "1.23457e-05"), (0.012345678, "0.0123457"), (-12.5, "-12.5000"),
        (1_234_567.0, "1.235M"), (9.9e12, "9.9T"),
    ],
)  # fmt: skip
def test_a_number_prints_short_and_never_guesses(value: float | None, text: str) -> None:
    assert output.number(value) == text


def test_a_strangers_text_cannot_move_the_cursor() -> None:
    assert output.plain("A\x1b[2J\r\nB\u202eC").plain == "A\ufffd[2J\ufffd\ufffdB\ufffdC"


def test_a_table_into_a_pipe_cuts_nothing() -> None:
    console, stream = printed()
    rows = [("x" * 100, 1), ("[b]y", 22)]
    output.print_table(console, {"name": "left", "n": "right"}, rows=rows)
    lines = stream.getvalue().splitlines()
    assert lines[1].split() == ["x" * 100, "1"]
    assert lines[2].split() == ["[b]y", "22"]


def test_json_prints_as_the_api_gave_it() -> None:
    console, stream = printed()
    answer = {"items": [{"name": "[b]" + "y" * 500, "value": 1e-7}], "demo": False}
    output.print_json(console, answer)
    assert json.loads(stream.getvalue()) == answer


# How the API is asked


class Recorder:
    """An ASGI application that answers what it is told to and keeps what it was asked."""

    def __init__(self, *answers: tuple[int, object]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, str, bytes]] = []

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        query = scope["query_string"].decode()
        self.asked.append((scope["method"], scope["path"], query, body))
        status, answer = self.answers.pop(0)
        await send({"type": "http.response.start", "status": status, "headers": []})
        content = b"" if answer is None else json.dumps(answer).encode()
        await send({"type": "http.response.body", "body": content[:3], "more_body": True})
        await send({"type": "http.response.body", "body": content[3:]})


async def test_values_of_a_query_are_quoted_and_none_is_left_out() -> None:
    app = Recorder((200, {"x": 1}))
    client = ApiClient(in_process(app))
    assert await client.get("/ranking", by="a&b", peers=None, tracked=True) == {"x": 1}
    assert app.asked == [("GET", "/api/v1/ranking", "by=a%26b&tracked=true", b"")]


async def test_a_body_is_json_and_an_empty_answer_is_none() -> None:
    app = Recorder((201, {}), (204, None), (200, {}))
    client = ApiClient(in_process(app))
    await client.post("/metrics", {"market": "KRAKEN:SOL/EUR"})
    await client.delete(f"/metrics/{segment('KRAKEN:Ä/%2F')}")
    await client.put("/watchlists/a", {"items": ["*:BTC/*"]})
    assert app.asked[0][3] == b'{"market":"KRAKEN:SOL/EUR"}'
    assert app.asked[1][:2] == ("DELETE", "/api/v1/metrics/KRAKEN:Ä/%2F")
    assert app.asked[2] == ("PUT", "/api/v1/watchlists/a", "", b'{"items":["*:BTC/*"]}')


async def test_all_pages_become_one() -> None:
    pages = [(200, {"items": [1, 2], "next_cursor": "c", "demo": True}),
             (200, {"items": [3], "next_cursor": "d", "demo": True}),
             (200, {"items": [4], "next_cursor": None, "demo": True})]  # fmt: skip
    app = Recorder(*pages)
    answer = await ApiClient(in_process(app)).get_all("/markets", q="x")
    assert answer == {"items": [1, 2, 3, 4], "next_cursor": None, "demo": True}
    assert [query for _, _, query, _ in app.asked] == [
        "q=x&limit=1000", "q=x&limit=1000&cursor=c", "q=x&limit=1000&cursor=d",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, NotFound), (409, Conflict), (422, Invalid), (503, Unavailable), (500, Refused)],
)
async def test_a_refusal_arrives_as_the_error_it_stands_for(
    status: int, kind: type[SigmawatchError]
) -> None:
    problem = {
        "title": "T", "detail": "no venue lists X/Y",
        "errors": [{"field": "market", "message": "m", "allowed": "KRAKEN:BTC/USD"}],
    }  # fmt: skip
    with pytest.raises(kind, match="no venue lists X/Y") as caught:
        await ApiClient(in_process(Recorder((status, problem)))).get("/x")
    assert type(caught.value) is kind
    if isinstance(caught.value, Invalid):
        assert (caught.value.field, caught.value.allowed) == ("market", "KRAKEN:BTC/USD")


async def test_an_unreadable_refusal_is_told_with_its_status() -> None:
    with pytest.raises(Unavailable, match="answered 502"):
        await ApiClient(in_process(Recorder((502, ["no problem document"])))).get("/x")
