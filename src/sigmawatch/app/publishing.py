"""Publishing: every slot's answers and a page as plain files, for a file server or a CDN.

Each file is put whole; `latest.json` is put last and names them with their digests, so that who
needs them to belong together can tell. All answers are of one snapshot.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog

from sigmawatch.app.published_page import STYLE, page_of
from sigmawatch.domain.errors import SigmawatchError, Unavailable
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.publication import Publication

TRIES = 3  # a slot may close between two answers
LOOK_EVERY_S = 0.2
DATABASE = "sigmawatch.db"
_TYPES = {"json": "application/json", "html": "text/html; charset=utf-8", "css": "text/css"}

log = structlog.get_logger()


class Answers(Protocol):
    """The API, below its version."""

    async def get(self, path: str, **query: object) -> Any: ...

    async def get_all(self, path: str, **query: object) -> Any: ...

    async def post(self, path: str, body: Mapping[str, object]) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was put: of which snapshot, how many files, and how large they are together."""

    sequence: int
    files_count: int
    size_bytes: int


class Publisher:
    """answers: of a program. publication: where to."""

    def __init__(self, answers: Answers, publication: Publication) -> None:
        self._answers, self._publication = answers, publication

    async def publish(self) -> Published:
        """The newest snapshot. Raises Unavailable, and what the program refuses."""
        told = await self._told()
        sequence = int(told["metrics.json"]["sequence"])
        files = {name: msgspec.json.encode(document) for name, document in told.items()}
        files |= {"index.html": page_of(told), "style.css": STYLE}
        for name, content in files.items():
            await self._put(name, content)
        listed = {
            name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in files.items()
        }
        as_of, demo = told["metrics.json"]["as_of"], told["metrics.json"]["demo"]
        latest = {"sequence": sequence, "as_of": as_of, "files": listed, "demo": demo}
        await self._put("latest.json", msgspec.json.encode(latest))
        return Published(sequence=sequence, files_count=len(files) + 1,
                         size_bytes=sum(map(len, files.values())))  # fmt: skip

    async def _put(self, name: str, content: bytes) -> None:
        media_type = _TYPES[name.rpartition(".")[2]]
        await self._publication.put(name, content, media_type=media_type)

    async def _told(self) -> dict[str, Any]:
        """Name -> answer, all of one snapshot."""
        for _ in range(TRIES):
            metrics = await self._answers.get_all("/metrics")
            told: dict[str, Any] = {"metrics.json": metrics}
            for metric in dict.fromkeys(row["metric"] for row in metrics["items"]):
                ranking = await self._answers.get_all("/ranking", metric=metric)
                told[f"ranking/{metric}.json"] = ranking
            if len({document["sequence"] for document in told.values()}) == 1:
                return await self._with_tables(told)
        raise Unavailable("slots close faster than they can be published")

    async def _with_tables(self, told: dict[str, Any]) -> dict[str, Any]:
        for name in [name for name in told if name != "metrics.json"]:
            metric = told[name]["metric"]
            table = await self._answers.get("/snapshot", metric=metric)
            told[f"snapshot/{metric}.json"] = table
            for page in range(2, table["pages"] + 1):
                more = await self._answers.get("/snapshot", metric=metric, page=page)
                told[f"snapshot/{metric}.{page}.json"] = more
        return told

    async def put_database(self) -> None:
        """A backup of the database, beside the answers. Raises Unavailable, Refused."""
        with tempfile.TemporaryDirectory(prefix="sigmawatch-publish-") as folder:
            path = Path(folder) / DATABASE
            begun = await self._answers.post("/backups", {"target": str(path)})
            while True:
                items = (await self._answers.get("/backups"))["items"]
                made = next(item for item in items if item["id"] == begun["id"])
                if made["finished_at"] is not None:
                    break
                await asyncio.sleep(LOOK_EVERY_S)
            if made["problem"] is not None:
                raise Unavailable(made["problem"])
            await self._publication.put_file(DATABASE, str(path))


async def publish_for_ever(
    publisher: Publisher, *, closed: Callable[[], Awaitable[object]], clock: Clock,
    database_every_ms: int | None,
) -> None:  # fmt: skip
    """Publish after every slot, and the database now and then; ends by cancellation. What could
    not be published is tried again with the next slot. closed: returns when a slot has closed."""
    due_ms = clock.now_ms()
    while True:
        await closed()
        try:
            done = await publisher.publish()
            log.info("published", sequence=done.sequence, files_count=done.files_count)
            if database_every_ms is not None and clock.now_ms() >= due_ms:
                await publisher.put_database()
                due_ms = clock.now_ms() + database_every_ms
        except SigmawatchError as exc:
            log.warning("publish_failed", reason=repr(exc))
