"""Redis: a ring of doubles a series in a string, a script that works them out, a sorted set a σ."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.peers.answers import COLUMNS, RANKS, Answer
from benchmarks.peers.system import System, folder_bytes
from benchmarks.peers.tape import HOUR, Column, Task, log_returns

PART = 500  # series a call of the script, some 100 ms: others get their turn in between
OUT = ("n", "mean", "sigma_abs", "sigma_ret", "n_1h", "mean_1h", "sigma_1h", "broke_out")
SCRIPT = """
local day, at, hour = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local first, count, news = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local format = '<' .. string.rep('d', 120)
local function moments(all, from, to, step)
  local n, sum, m2 = 0, 0, 0
  for j = from, to, step do local v = all[j]; if v == v then n = n + 1; sum = sum + v end end
  local mean = sum / n
  for j = from, to, step do
    local v = all[j]; if v == v then m2 = m2 + (v - mean) * (v - mean) end
  end
  return n, mean, math.sqrt(m2 / n)
end
local out = {}
for i = 0, count - 1 do
  local id = first + i
  redis.call('SETRANGE', 'v:' .. id, at * 16, string.sub(news, i * 16 + 1, i * 16 + 16))
  local ring, all = redis.call('GET', 'v:' .. id), {}
  for part = 0, day / 60 - 1 do
    local some = {struct.unpack(format, ring, part * 960 + 1)}
    for j = 1, 120 do all[part * 120 + j] = some[j] end
  end
  local last = {}
  for back = hour, 0, -1 do last[#last + 1] = all[((at - back) % day) * 2 + 1] end
  all[((at + 1) % day) * 2 + 2] = 0 / 0
  local n, mean, sigma = moments(all, 1, day * 2, 2)
  local _, _, sigma_ret = moments(all, 2, day * 2, 2)
  local n_1h, mean_1h, sigma_1h = moments(last, 2, hour + 1, 1)
  local _, before, _ = moments(last, 1, hour, 1)
  sigma_ret = sigma_ret * math.sqrt(day)
  redis.call('ZADD', 'sigma_abs', sigma, id)
  redis.call('ZADD', 'sigma_rel', sigma / math.abs(mean), id)
  redis.call('ZADD', 'sigma_ret', sigma_ret, id)
  local broke_out = last[hour + 1] > 3 * before and 1 or 0
  out[#out + 1] = struct.pack('<dddddddd', n, mean, sigma, sigma_ret, n_1h, mean_1h, sigma_1h,
                              broke_out)
end
return table.concat(out)
"""


class Redis(System):
    title = "Redis"
    durable = True
    note = (
        "a script over a ring a series, ranks from sorted sets (ties stand one below the other), "
        "appendfsync always"
    )
    programs = ("redis-server",)
    count_max = 10_000

    def __init__(self, folder: Path, task: Task) -> None:
        super().__init__(folder, task)
        where = str(folder / "socket")
        self._server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", where, "--dir", str(folder),
             "--appendonly", "yes", "--appendfsync", "always", "--save", ""],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        self._client = Client(where)
        self._script = self._client.ask("SCRIPT", "LOAD", SCRIPT)

    def version(self) -> str:
        said: bytes = self._client.ask("INFO", "server")
        return said.partition(b"redis_version:")[2].split()[0].decode()

    def load(self, rows: Iterable[tuple[int, Column]]) -> None:
        """A ring lies in the order of slot modulo day."""
        held = list(rows)
        values = np.array([row for _, row in held])
        returns = np.array([log_returns(None, values[0]), *map(log_returns, values, values[1:])])
        order = np.argsort([slot % self.task.day for slot, _ in held])
        rings = np.stack([values[order], returns[order]], axis=2).transpose(1, 0, 2)
        for start in range(0, self.task.count, PART):
            part = range(start, min(start + PART, self.task.count))
            list(self._client.all(("SET", f"v:{i}", rings[i].tobytes()) for i in part))
        self._before = held[-1][1]

    def slot(self, slot: int, values: Column) -> Answer:
        news = np.stack([values, log_returns(self._before, values)], axis=1)
        self._before = values
        day, count = self.task.day, self.task.count
        calls = (
            ("EVALSHA", self._script, 0, day, slot % day, HOUR, start, min(PART, count - start),
             news[start : start + PART].tobytes())
            for start in range(0, count, PART)
        )  # fmt: skip
        found = np.frombuffer(b"".join(self._client.all(calls))).reshape(count, len(OUT))
        columns: dict[str, Any] = dict(zip(OUT, found.T, strict=True))
        columns["sigma_rel"] = columns["sigma_abs"] / np.abs(columns["mean"])
        for name, key in RANKS.items():
            columns[name] = np.empty(count, np.int64)
            falling = np.array(self._client.ask("ZREVRANGE", key, 0, -1), np.int64)
            columns[name][falling] = np.arange(1, count + 1)
        return Answer(
            columns={name: columns[name] for name in COLUMNS},
            breakouts=np.flatnonzero(columns["broke_out"]),
        )

    def stored_bytes(self) -> int:
        return folder_bytes(self.folder)

    def server_pids(self) -> Sequence[int]:
        return (self._server.pid,)

    def close(self) -> None:
        self._client.close()
        self._server.terminate()
        self._server.wait(30)


class Client:
    """Redis' protocol (RESP 2, redis.io/docs/latest/develop/reference/protocol-spec) over a Unix
    socket, as far as it is needed."""

    def __init__(self, where: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + 30
        while self._socket.connect_ex(where):
            if time.monotonic() > deadline:
                raise TimeoutError("redis-server does not listen")
            time.sleep(0.05)
        self._answers = self._socket.makefile("rb")

    def ask(self, *words: object) -> Any:
        return next(self.all([words]))

    def all(self, calls: Iterable[Sequence[object]]) -> Iterator[Any]:
        """Sent together, answered in turn."""
        sent = [_encoded(words) for words in calls]
        self._socket.sendall(b"".join(sent))
        for _ in sent:
            yield self._answer()

    def _answer(self) -> Any:
        line = self._answers.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"$":
            return self._answers.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self._answer() for _ in range(int(rest))]
        return rest

    def close(self) -> None:
        self._answers.close()
        self._socket.close()


def _encoded(words: Sequence[object]) -> bytes:
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    bulk = b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
    return b"*%d\r\n%b" % (len(parts), bulk)
