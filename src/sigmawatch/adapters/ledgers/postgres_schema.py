"""How a PostgreSQL database gets its schema: one program at a time, nobody writing meanwhile.

No copy is made first: that is the operator's, with the server's own tools (docs/decisions/0009).
"""

from __future__ import annotations

import structlog

from sigmawatch.adapters.ledgers.migrations import Schema
from sigmawatch.adapters.ledgers.postgres_server import PostgresSession

log = structlog.get_logger()


def migrate(schema: Schema, session: PostgresSession, *, now_ms: int) -> int:
    """Run what has not run yet; how many ran in all. A program of the older version that still
    runs finds out at its next transaction, and stops. Raises StorageNewer, StorageFailed."""
    if not schema.pending(session):
        return len(schema.migrations)
    session.execute(schema.sql["lock_migrations"])
    try:
        for migration in schema.pending(session):  # another program may have been first
            log.info("database_migrates", number=migration.number, name=migration.name)
            session.execute("BEGIN")
            if migration.number > 1:
                session.execute(schema.sql["lock_commits"])
            schema.run(session, migration, now_ms=now_ms)
            session.commit()
    except BaseException:
        session.close()  # with it go the transaction and the lock
        raise
    session.execute(schema.sql["unlock_migrations"])
    return len(schema.migrations)
