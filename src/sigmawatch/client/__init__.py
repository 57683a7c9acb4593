"""The Python client of the API: `Client` blocks, `AsyncClient` awaits, both have a method for every
operation of the contract (docs/reference/client.md).

    with Client("https://sigma.example", key="sw_…") as client:
        for row in client.iter_metrics(venue="kraken", sort="-sigma_rel"):
            print(row.name, row.value)

Imports nothing of the server. What is named here and in `models` is what stays as it is; `v1` is
written from the contract (scripts/client.py).
"""

from sigmawatch.client.awaiting import AsyncClient
from sigmawatch.client.blocking import Client
from sigmawatch.client.conversation import Cache, Retry
from sigmawatch.client.errors import (
    ClientError,
    FieldProblem,
    MissingLibrary,
    Problem,
    Unreachable,
    Unreadable,
)
from sigmawatch.client.events import Event, Lost, Unknown
from sigmawatch.client.frames import to_pandas, to_polars
from sigmawatch.client.http_blocking import BlockingHttp
from sigmawatch.client.model import Page, Table
from sigmawatch.client.v1 import models

__all__ = [
    "AsyncClient", "BlockingHttp", "Cache", "Client", "ClientError", "Event", "FieldProblem",
    "Lost", "MissingLibrary", "Page", "Problem", "Retry", "Table", "Unknown", "Unreachable",
    "Unreadable", "models", "to_pandas", "to_polars",
]  # fmt: skip
