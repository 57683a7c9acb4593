"""A PostgreSQL server: how we reach it, how we speak to it, and what its errors mean to us.

Always holds: a commit is on the server's disk when it has returned (synchronous_commit is never
off); a connection that died, or is not answered any more, is noticed within ten seconds; no message
tells a password. Foreign errors are translated here and by who works with sessions, nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial

import psycopg
import structlog
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.numeric import Int8BinaryDumper

from sigmawatch.adapters.ledgers.postgres_attention import SILENCE_S, AttentiveConnection
from sigmawatch.adapters.ledgers.session import Bindings, Fetched, value
from sigmawatch.domain.errors import Busy, Refused, StorageFailed, Unavailable

log = structlog.get_logger()

VERSION_MIN = 15
ASKING_S = 2  # the smallest that libpq knows
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS; what the address
# says itself comes first.
_DEFAULTS: Mapping[str, str | int] = {
    "connect_timeout": 3,
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 8_000,
    "target_session_attrs": "read-write",
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html: trying again on a new connection
# may help after a lost connection, a shut-down or start of the server, a server without room for
# data or connections, an idle transaction that the server ended, a server that became read-only, a
# deadlock.
_AWAY = ("08", "57P", "53", "25P03", "25006", "40")
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long what is waited for. reads_s: a server that is away, for a read. silence_s: a server
    that says nothing, until another connection asks whether it works at all. frozen_s: a program
    that stands still in a transaction, until the server ends that."""

    reads_s: float = 10.0
    silence_s: float = SILENCE_S
    frozen_s: float = 10.0


class Server:
    """A database at an address, `postgresql://user:password@host:port/name`."""

    def __init__(self, url: str, *, sql: Mapping[str, str], patience: Patience) -> None:
        """Raises Refused for what is no address."""
        self._patience = patience
        try:
            self._address = {**_DEFAULTS, **conninfo_to_dict(url)}
        except psycopg.Error:
            raise Refused("the address of the database is not understood: "
                          "postgresql://user:password@host:5432/name") from None  # fmt: skip
        self._sql = sql
        self._warned = False

    def connect(self, name: str, *, read_only: bool = False) -> PostgresSession:
        """A connection, known to the server as `name`. Raises psycopg's errors, Refused."""
        options = (
            f"{self._address.get('options') or ''} "
            f"-c idle_in_transaction_session_timeout={1_000 * self._patience.frozen_s:.0f} "
            "-c statement_timeout=0 -c lock_timeout=0"  # AttentiveConnection knows better
        )
        own: dict[str, str | int] = {"application_name": name, "options": options}
        if read_only:
            own["options"] = f"{options} -c default_transaction_read_only=on"
            own["target_session_attrs"] = "any"
        session = self._session(own)
        session.connection.silence_s = self._patience.silence_s
        session.connection.vouched = partial(self._works_for, name)
        try:
            self._make_durable(session)
        except BaseException:
            session.close()
            raise
        return session

    def _session(self, own: Mapping[str, str | int]) -> PostgresSession:
        conninfo = make_conninfo("", **{**self._address, **own})
        return PostgresSession(AttentiveConnection.connect(conninfo, autocommit=True))

    def _works_for(self, name: str) -> bool:
        """Whether the server says that it works on a statement of the connection `name`."""
        own: dict[str, str | int] = {
            "application_name": "sigmawatch asks", "connect_timeout": ASKING_S,
            "target_session_attrs": "any",
        }  # fmt: skip
        try:
            with closing(self._session(own)) as session:
                return bool(value(session.execute(self._sql["works_for"], {"name": name})))
        except psycopg.Error as exc:
            log.info("database_silent", reason=reason(exc))
            return False

    def _make_durable(self, session: PostgresSession) -> None:
        [(version, *durable)] = session.execute(self._sql["describe_server"])
        if version < VERSION_MIN * 10_000:
            raise Refused(
                f"PostgreSQL {VERSION_MIN} or newer is needed, the server has {version // 10_000}"
            )
        if durable[0] == "off":
            session.execute("SET synchronous_commit = on")
        if "off" in durable[1:] and not self._warned:
            self._warned = True
            log.warning(
                "database_not_durable", reason="fsync or full_page_writes is off on the server: "
                "a power cut there may cost everything",
            )  # fmt: skip


class PostgresSession:
    """A connection as work sees it; answers are read whole."""

    def __init__(self, connection: AttentiveConnection) -> None:
        self.connection = connection
        connection.adapters.register_dumper(int, Int8BinaryDumper)  # one type, one prepared plan

    def execute(self, statement: str, bindings: Bindings | None = None, /) -> Fetched:
        """Without bindings several statements may stand in one text."""
        if bindings is None:
            cursor = self.connection.execute(statement.encode())
        else:
            cursor = self.connection.execute(_native(statement), bindings, binary=True)
        return Fetched(cursor.fetchall() if cursor.description else [])

    def executemany(self, statement: str, rows: Iterable[Bindings], /) -> Fetched:
        """All on their way before the first answer is read: one turn for 98 frames."""
        cursor = self.connection.cursor(binary=True)
        cursor.executemany(_native(statement), rows, returning=True)
        return Fetched([
            row for result in cursor.results() if result.description for row in result.fetchall()
        ])  # fmt: skip

    def together(self, *statements: str) -> list[Fetched]:
        """Statements without bindings, in one turn."""
        with self.connection.pipeline():
            cursors = [self.connection.execute(one.encode(), binary=True) for one in statements]
        return [Fetched(one.fetchall() if one.description else []) for one in cursors]

    def commit(self) -> None:
        """Raises StorageFailed where the server rolled back instead, as it does without an error
        after a statement that failed."""
        if self.connection.execute("COMMIT", prepare=False).statusmessage != "COMMIT":
            raise StorageFailed("the transaction was not kept: a statement of it had failed")

    @property
    def in_transaction(self) -> bool:
        """Whether one stands, or its outcome is not known because the connection is lost."""
        return self.connection.info.transaction_status is not psycopg.pq.TransactionStatus.IDLE

    def cancel(self) -> None:
        """Make the statement that runs fail; from another thread."""
        try:
            self.connection.cancel_safe(timeout=1.0)
        except psycopg.Error as exc:
            log.info("cancel_failed", reason=reason(exc))

    def close(self) -> None:
        self.connection.close()


@lru_cache(maxsize=256)
def _native(statement: str) -> bytes:
    """`:name` as psycopg wants it; `::type` stays."""
    return _PARAMETER.sub(r"%(\1)s", statement.replace("%", "%%")).encode()


def is_away(exc: psycopg.Error) -> bool:
    """Whether the server cannot be spoken to for now, or the connection is gone."""
    if exc.sqlstate is None:
        return isinstance(exc, psycopg.OperationalError)
    return exc.sqlstate.startswith(_AWAY)


def reason(exc: psycopg.Error) -> str:
    """What went wrong, in one line without the statement; no password is ever in it."""
    whole = isinstance(exc, psycopg.OperationalError)  # of which host, and what to look at
    lines = str(exc).splitlines() or [type(exc).__name__]
    return " ".join(line.strip() for line in (lines if whole else lines[:1]))


@contextmanager
def translated() -> Iterator[None]:
    """Turn psycopg's errors into ours."""
    try:
        yield
    except psycopg.errors.QueryCanceled as exc:
        raise Busy("the database did not answer in time") from exc
    except psycopg.Error as exc:
        if is_away(exc):
            raise Unavailable(f"the database cannot be reached: {reason(exc)}") from exc
        raise StorageFailed(
            f"the database failed ({type(exc).__name__}: {reason(exc)}): see the server's log"
        ) from exc
