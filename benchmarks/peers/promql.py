"""Prometheus and VictoriaMetrics: remote write in, eight PromQL queries out, ranked by the client.

Neither has a rank. Both are told prices and log returns as two metrics.
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import time
import urllib.parse
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import msgspec
import numpy as np
from benchmarks.peers.answers import RANKS, Answer, ranks_of
from benchmarks.peers.system import System, folder_bytes
from benchmarks.peers.tape import HOUR, Column, Task, log_returns

MINUTE_MS = 60_000
AT_ONCE = 2_000_000  # values a request, at most
SAMPLE = np.dtype([("head", "V3"), ("value", "<f8"), ("tag", "V1"), ("ts", "V6")])
Rows = Sequence[tuple[int, Column]]


class Sample(msgspec.Struct):
    metric: dict[str, str]
    value: tuple[float, str]


class Data(msgspec.Struct):
    result: list[Sample]


class Reply(msgspec.Struct):
    data: Data


class PromQl(System):
    days: ClassVar = {100_000: 180}

    def __init__(self, folder: Path, task: Task) -> None:
        super().__init__(folder, task)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = int(free.getsockname()[1])
        self._before: Column | None = None
        with (folder / "log").open("wb") as log:
            self._server = subprocess.Popen(self._command(), stdout=log, stderr=log)
        self._http = answering("127.0.0.1", self._port)
        ids = range(task.count)
        self._labels = [[labels(metric, index) for index in ids] for metric in ("price", "ret")]

    @abstractmethod
    def _command(self) -> Sequence[str]: ...

    def load(self, rows: Iterable[tuple[int, Column]]) -> None:
        coming = iter(rows)
        while held := list(islice(coming, max(AT_ONCE // self.task.count, 1))):
            self._write(held)

    def _write(self, rows: Rows) -> None:
        returns = []
        for slot, values in rows:
            returns.append((slot, log_returns(self._before, values)))
            self._before = values
        parts = zip(self._labels, (rows, returns), strict=True)
        body = b"".join(one for known, part in parts for one in timeseries(known, part))
        self._ask("POST", "/api/v1/write", literally(body), {
            "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        })  # fmt: skip

    def slot(self, slot: int, values: Column) -> Answer:
        self._write([(slot, values)])
        day, hour, moves = (f"[{n - 1}m30s]" for n in (self.task.day, HOUR, self.task.day - 1))
        queries = {
            "n": f"count_over_time(price{day})",
            "n_1h": f"count_over_time(price{hour})",
            "mean": f"avg_over_time(price{day})",
            "sigma_abs": f"stddev_over_time(price{day})",
            "sigma_ret": f"stddev_over_time(ret{moves})",
            "mean_1h": f"avg_over_time(price{hour})",
            "sigma_1h": f"stddev_over_time(price{hour})",
        }
        columns: dict[str, Any] = {
            name: self._column(query, slot) for name, query in queries.items()
        }
        columns["sigma_rel"] = columns["sigma_abs"] / np.abs(columns["mean"])
        columns["sigma_ret"] *= np.sqrt(self.task.day)
        columns |= {name: ranks_of(columns[key]) for name, key in RANKS.items()}
        above = f"last_over_time(price[30s]) > 3 * avg_over_time(price{hour} offset 1m)"
        return Answer(columns=columns, breakouts=np.flatnonzero(self._column(above, slot) > 0.0))

    def _column(self, query: str, slot: int) -> Column:
        """What a query says of each series; NaN where nothing."""
        asked = urllib.parse.urlencode({"query": query, "time": slot * MINUTE_MS // 1_000})
        said = self._ask("GET", f"/api/v1/query?{asked}")
        column = np.full(self.task.count, np.nan)
        for one in msgspec.json.decode(said, type=Reply).data.result:
            column[int(one.metric["id"])] = float(one.value[1])
        return column

    def _ask(
        self, method: str, path: str, body: bytes = b"", headers: Any = MappingProxyType({})
    ) -> bytes:
        self._http.request(method, path, body=body, headers=headers)
        reply = self._http.getresponse()
        said = reply.read()
        if reply.status >= 300:
            raise RuntimeError(f"{path[:60]}: {reply.status} {said[:200]!r}")
        return said

    def stored_bytes(self) -> int:
        return folder_bytes(self.folder)

    def server_pids(self) -> Sequence[int]:
        return (self._server.pid,)

    def close(self) -> None:
        self._http.close()
        self._server.terminate()
        self._server.wait(30)


class Prometheus(PromQl):
    title = "Prometheus"
    note = "remote write, eight queries; ranked by the client; bytes with the log of what is recent"
    programs = ("prometheus",)

    def _command(self) -> Sequence[str]:
        config = self.folder / "prometheus.yml"
        config.write_text("global: {}\n", "ascii")
        return [
            "prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}", "--web.enable-remote-write-receiver",
            "--query.max-samples=1000000000", "--query.timeout=10m",
        ]  # fmt: skip

    def version(self) -> str:
        said = json.loads(self._ask("GET", "/api/v1/status/buildinfo"))
        return str(said["data"]["version"])


class Victoria(PromQl):
    title = "VictoriaMetrics"
    note = "remote write, flushed, eight queries; ranked by the client"
    programs = ("victoria-metrics",)

    def _command(self) -> Sequence[str]:
        return [
            "victoria-metrics", f"-storageDataPath={self.folder / 'data'}",
            f"-httpListenAddr=127.0.0.1:{self._port}", "-retentionPeriod=100y",
            "-search.maxQueryDuration=10m", "-search.maxUniqueTimeseries=1000000",
            "-maxInsertRequestSize=1GB",
        ]  # fmt: skip

    def _write(self, rows: Rows) -> None:
        super()._write(rows)
        self._ask("GET", "/internal/force_flush")

    def stored_bytes(self) -> int:
        """A snapshot brings to disk what is only in memory."""
        self._ask("GET", "/snapshot/create")
        return super().stored_bytes()

    def version(self) -> str:
        said = self._ask("GET", "/metrics").partition(b'vm_app_version{version="')[2]
        return said.partition(b'"')[0].decode()


def answering(host: str, port: int) -> http.client.HTTPConnection:
    """A connection, once the server listens and says it is well."""
    deadline = time.monotonic() + 30
    while True:
        connection = http.client.HTTPConnection(host, port, timeout=600)
        try:
            connection.request("GET", "/-/ready")
            if connection.getresponse().read() and connection.sock is not None:
                return connection
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody answers at {host}:{port}")
        time.sleep(0.1)


# The remote write protocol 1.0 (prometheus.io/docs/specs/prw/remote_write_spec): a protobuf
# WriteRequest, compressed by snappy's block format.


def timeseries(known: Sequence[bytes], rows: Rows) -> Iterator[bytes]:
    """TimeSeries of the request, one for each series with a value in `rows`."""
    values = np.array([row for _, row in rows]).T
    present = ~np.isnan(values)
    samples = np.empty(values.shape, SAMPLE)
    samples["head"] = np.void(bytes([0x12, 16, 0x09]))
    samples["value"], samples["tag"] = values, np.void(b"\x10")
    samples["ts"] = [np.void(varint(slot * MINUTE_MS)) for slot, _ in rows]
    for labelled, mine, here in zip(known, samples, present, strict=True):
        told = mine[here].tobytes()
        if told:
            yield b"\x0a" + varint(len(labelled) + len(told)) + labelled + told


def labels(metric: str, index: int) -> bytes:
    return label("__name__", metric) + label("id", str(index))


def label(name: str, value: str) -> bytes:
    pair = b"\x0a%c%b\x12%c%b" % (len(name), name.encode(), len(value), value.encode())
    return b"\x0a%c%b" % (len(pair), pair)


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def literally(body: bytes) -> bytes:
    """A valid snappy block that repeats nothing: its length, then one literal."""
    return varint(len(body)) + b"\xfc" + (len(body) - 1).to_bytes(4, "little") + body
