"""Every system we know how to ask, by the name `--only` takes."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.peers.click import ClickHouse
from benchmarks.peers.duck import Duck, DuckOnDisk
from benchmarks.peers.in_python import Numpy, Pandas, Statistics
from benchmarks.peers.lite import Sqlite
from benchmarks.peers.ours import Durable, Sigmawatch
from benchmarks.peers.postgres import Postgres
from benchmarks.peers.promql import Prometheus, Victoria
from benchmarks.peers.redis import Redis
from benchmarks.peers.system import System

SYSTEMS: Mapping[str, type[System]] = {
    "sigmawatch": Durable,
    "sigmawatch-memory": Sigmawatch,
    "numpy": Numpy,
    "pandas": Pandas,
    "statistics": Statistics,
    "duckdb": Duck,
    "duckdb-disk": DuckOnDisk,
    "clickhouse": ClickHouse,
    "postgres": Postgres,
    "sqlite": Sqlite,
    "prometheus": Prometheus,
    "victoriametrics": Victoria,
    "redis": Redis,
}
