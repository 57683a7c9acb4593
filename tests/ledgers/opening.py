"""A ledger by what names it, a folder or the address of a server; and what to ask meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import psycopg

from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.postgres import PostgresLedger
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.ports.clock import Clock


async def opened(where: str, *, clock: Clock) -> SqlLedger:
    """Open it."""
    if "://" in where:
        return await PostgresLedger.open(where, clock=clock)
    return await SqliteLedger.open(Path(where), clock=clock)


def asked(url: str, statement: str) -> list[tuple[object, ...]]:
    """What the server says to somebody else."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        while cursor.nextset():  # of several statements the last one answers
            pass
        return cursor.fetchall() if cursor.description else []


async def until(holds: Callable[[], bool]) -> None:
    """Let others go on until it holds."""
    for _ in range(10_000):
        if holds():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came to hold")
