"""An examination of a database on a PostgreSQL server. Its pages are the server's to check
(data_checksums, amcheck); every row of ours is read and verified. Raises Unavailable, Refused."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from sigmawatch.adapters.ledgers.examining import Way, examine
from sigmawatch.adapters.ledgers.migrations import Schema
from sigmawatch.adapters.ledgers.postgres_server import Patience, Server, translated
from sigmawatch.adapters.ledgers.session import value
from sigmawatch.adapters.ledgers.statements import load_migrations, load_statements
from sigmawatch.domain.errors import StorageFailed
from sigmawatch.ports.doctor import Examined


def examine_server(url: str, *, place: str, way: Way) -> Examined:
    """place: the address as it may be shown."""
    sql = load_statements("postgres")
    schema = Schema(migrations=load_migrations("postgres"), sql=sql)
    about = Examined(
        place=place, database="PostgreSQL", schema=0, schema_known=len(schema.migrations), names={}
    )
    server = Server(url, sql=sql, patience=Patience())
    with translated(), closing(server.connect("doctor", read_only=True)) as session:
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        pending = schema.pending(session)
        about = replace(
            about, schema=about.schema_known - len(pending),
            database=f"PostgreSQL {value(session.execute('SHOW server_version'))}",
            size_bytes=value(session.execute("SELECT pg_database_size(current_database())")),
        )  # fmt: skip
        if pending:
            return about
        try:
            return examine(session, sql, way=way).told(about)
        except StorageFailed as exc:
            return replace(about, structure=(str(exc),))
