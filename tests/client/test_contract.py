"""The client and the contract: nothing is left out, nothing of the server comes with it.

That the generated modules are what the contract says today is looked at with the generated pages
(tests/tooling/test_docs.py)."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import pytest
from scripts.client_contract import LEFT_OUT

from sigmawatch.app.web import contract
from sigmawatch.client import AsyncClient, Client

DOCUMENT = json.loads(contract().content)
OPERATIONS = [one for methods in DOCUMENT["paths"].values() for one in methods.values()]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one["operationId"])
def test_every_operation_has_a_method_in_both_clients_or_a_reason(operation: object) -> None:
    assert isinstance(operation, dict)
    name = operation["operationId"]
    if name in LEFT_OUT:
        assert not hasattr(Client, name)
        return
    assert callable(getattr(Client, name))
    assert inspect.iscoroutinefunction(getattr(AsyncClient, name))


def test_both_clients_have_the_same_methods_with_the_same_parameters() -> None:
    def methods(client: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(found).parameters)
            for name, found in inspect.getmembers(client, callable) if name[0] != "_"
        }  # fmt: skip

    assert methods(Client) == methods(AsyncClient)


LOADED = """
import sys
import sigmawatch.client
print(*sorted(name for name in sys.modules if name.split(".")[0] in {
    "sigmawatch", "litestar", "numpy", "pydantic", "aiohttp", "apsw", "pandas", "polars"}))
"""


def test_importing_the_client_imports_nothing_of_the_server_and_no_large_library() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    others = [name for name in done.stdout.split() if not name.startswith("sigmawatch.client")]
    assert others == ["sigmawatch"]
