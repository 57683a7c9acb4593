"""A line to a PostgreSQL server that breaks on demand: a socket in front of the server's own.

It looks for COMMIT in what the client sends, and cuts the line before the server gets it, or after
the server has answered and before the client hears of it.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit

LONG_BYTES = 1_000
DROP_BYTES, DROP_S = 4_096, 0.02
_NAME = ".s.PGSQL.5432"  # https://www.postgresql.org/docs/current/runtime-config-connection.html


class Line:
    """cut: "before" or "after" the next COMMIT, once; "within" the next long message, which the
    server gets half of and waits for the rest; "open" passes everything on. cuts_count: how often
    the line was cut. closed: nobody gets through at all; turned_away_count: who tried."""

    def __init__(self, folder: Path, url: str) -> None:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        self._server = Path(query["host"][0]) / _NAME
        query["host"] = [str(folder)]
        self.url = parts._replace(query=urlencode(query, doseq=True, quote_via=quote)).geturl()
        self.cut = "open"
        self.cuts_count = 0
        self.closed = False
        self.dripping = False
        self.turned_away_count = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / _NAME))
        self._listener.listen()
        self._ends: list[socket.socket] = []  # a client, its server, the next client
        self._orphans: list[socket.socket] = []
        self._forgotten: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._start(self._accept)

    def _start(self, work: object, *arguments: socket.socket) -> None:
        assert callable(work)
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.closed:
                    self.turned_away_count += 1
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._server))
                with self._lock:
                    self._ends += [client, server]
                self._start(self._to_server, client, server)
                self._start(self._to_client, client, server)

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(DROP_BYTES if self.dripping else 65_536):
                time.sleep(DROP_S if self.dripping else 0)
                if self.cut == "before" and b"COMMIT\0" in data:
                    break
                if self.cut == "within" and len(data) > LONG_BYTES:
                    self._forgotten.add(client)
                    self.cut, self.cuts_count = "open", self.cuts_count + 1
                    server.sendall(data[: len(data) // 2])
                elif client not in self._forgotten:
                    server.sendall(data)
        self.hang_up(client, server)

    def _to_client(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65_536):
                if self.cut == "after" and b"COMMIT\0" in data:  # CommandComplete
                    break
                if client not in self._forgotten:
                    client.sendall(data)
        self.hang_up(client, server)

    def hang_up(self, *ends: socket.socket) -> None:
        """Cut a client and its server, or everybody."""
        with self._lock:
            cut = [end for end in ends or tuple(self._ends) if end in self._ends]
            for end in cut:
                self._ends.remove(end)
                self.cuts_count += 1
                self.cut = "open"
        for end in cut:
            _close(end)

    def forget(self) -> None:
        """Those that stand stay open, and carry nothing any more."""
        with self._lock:
            self._forgotten |= set(self._ends[::2])

    def lose(self) -> None:
        """As where a cable is pulled: our side finds out, the server does not."""
        with self._lock:
            clients, self._orphans = self._ends[::2], self._ends[1::2]
            self._ends.clear()
        for client in clients:
            _close(client)

    def close(self) -> None:
        _close(self._listener)
        self.hang_up()
        for server in self._orphans:
            _close(server)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
