"""Text that is code elsewhere, in every parameter (S24), and too many of a thing (S47, P37)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import msgspec
import pytest
from tests.web.conftest import World, reading
from tests.web.test_errors import LEAK, judged

from sigmawatch.app.alerting.rules_file import RULES_MAX
from sigmawatch.app.web import contract

HOSTILE = [
    "'", "''", '"', "';--", "' OR '1'='1", "1; DROP TABLE series;--", "1 UNION\tSELECT\t1",
    "x' AND sleep(9)--", "%27%20OR%201=1", "*/", "\\", "\0", "{{7*7}}", "${7*7}", "../../etc",
    "-1", "1e999", "NaN", "\u202e", "\ud7ff\uffff", "%s%n", "a" * 300,
]  # fmt: skip


def readings() -> Iterator[tuple[str, list[str]]]:
    """Every GET with its query parameters, but the stream, which does not end."""
    document = msgspec.json.decode(contract().content)
    for path, operations in document["paths"].items():
        operation = operations.get("get")
        if operation and operation["operationId"] != "show_stream":
            yield path, [one["name"] for one in operation.get("parameters", ())
                         if one["in"] == "query"]  # fmt: skip


READINGS = list(readings())


@pytest.mark.parametrize(("path", "names"), READINGS, ids=[path for path, _ in READINGS])
@reading
async def test_s24_no_parameter_reaches_the_database_as_anything_but_a_value(
    still: World, path: str, names: list[str]
) -> None:
    """S24: "SQL metacharacters in all parameters: 4xx or literal; no 5xx"."""
    for text in HOSTILE:
        asked = re.sub(r"{\w+}", quote(text.replace("/", "-"), safe="").replace("\\", ""), path)
        for query in [{name: text} for name in names] or [{}]:
            answer = await still.client.get(asked, params=query)
            assert answer.status_code < 500, (asked, query, answer.text)
            if answer.status_code >= 400:
                assert not LEAK.search(answer.text), answer.text


async def test_s47_the_rule_after_the_last_is_refused_with_the_limit(world: World) -> None:
    """S47: "10,001st rule: 429/422 with limit named"; P37: "hard limits with a clear error"."""
    assert world.program.rulebook.rules_max == RULES_MAX == 10_000
    world.program.rulebook.rules_max = len((await world.get("/rules"))["items"]) + 1
    body = {"condition": "price > 1", "target": ["KRAKEN:BTC/USD"]}
    made = await world.client.put("/api/v1/rules/last", json=body)
    assert made.status_code == 201, made.text
    refused = await world.client.put("/api/v1/rules/one-more", json=body)
    assert refused.status_code in (422, 429), refused.text
    assert (
        str(world.program.rulebook.rules_max)
        in judged(refused, refused.status_code, refused.json()["type"].rpartition("/")[2])["detail"]
    )
