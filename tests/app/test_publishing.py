"""`publish`: what lies there is what the API says, whole, and of one snapshot."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests import s3
from tests.web.conftest import MOVES, TOKEN, World, a_world

from sigmawatch.adapters.archives.bucket_publication import BucketPublication
from sigmawatch.adapters.archives.opening import publication_at
from sigmawatch.adapters.archives.publication import FolderPublication
from sigmawatch.app.cli.api import ApiClient, in_process
from sigmawatch.app.cli.serving import Stage, publish_slots
from sigmawatch.app.published_page import page_of
from sigmawatch.app.publishing import Publisher, publish_for_ever
from sigmawatch.domain.errors import Unavailable
from sigmawatch.ports.publication import Publication


@pytest.fixture
async def moved(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path / "data") as world:
        await world.pass_slots(12, MOVES)
        yield world


def publisher_of(world: World, publication: Publication) -> Publisher:
    return Publisher(ApiClient(in_process(world.app), key=TOKEN), publication)


def read(path: Path) -> Any:
    return json.loads(path.read_bytes())


async def test_a_folder_holds_what_the_api_says_and_names_it_last(
    moved: World, tmp_path: Path
) -> None:
    """DESIGN.md: "writes each slot's answers and the page as static files"."""
    public = tmp_path / "public"
    done = await publisher_of(moved, FolderPublication(public)).publish()
    metrics = await moved.get("/metrics")
    told = read(public / "metrics.json")
    assert [row["id"] for row in told["items"]] == [row["id"] for row in metrics["items"]]
    ranking = await moved.get("/ranking")
    assert [row["slug"] for row in read(public / "ranking/price.json")["items"]] == [
        row["slug"] for row in ranking["items"]
    ]
    assert read(public / "snapshot/price.json")["total"] == 12
    latest = read(public / "latest.json")
    assert latest["sequence"] == done.sequence == metrics["sequence"]
    files = {str(path.relative_to(public)) for path in public.rglob("*") if path.is_file()}
    assert files == {*latest["files"], "latest.json"}
    for name, said in latest["files"].items():
        content = (public / name).read_bytes()
        assert said == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


async def test_the_next_slot_replaces_every_file_whole(moved: World, tmp_path: Path) -> None:
    publisher = publisher_of(moved, FolderPublication(tmp_path / "public"))
    first = await publisher.publish()
    held = (tmp_path / "public/metrics.json").open("rb")
    await moved.pass_slots(1, MOVES)
    second = await publisher.publish()
    assert second.sequence > first.sequence
    with held:  # who was reading reads the old one to its end
        assert json.loads(held.read())["sequence"] == first.sequence
    assert read(tmp_path / "public/metrics.json")["sequence"] == second.sequence


async def test_it_goes_on_with_every_slot_and_after_a_failure(moved: World, tmp_path: Path) -> None:
    public = tmp_path / "public"
    public.write_text("a file where the folder should be")
    publisher = publisher_of(moved, FolderPublication(public))
    rounds = asyncio.Queue[int]()

    async def closed() -> None:
        rounds.put_nowait(moved.program.snapshot.sequence)
        await moved.program.changed(moved.program.snapshot.sequence)

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        task = group.create_task(publish_for_ever(
            publisher, closed=closed, clock=moved.clock, database_every_ms=None
        ))  # fmt: skip
        await rounds.get()
        await moved.pass_slots(1, MOVES)
        await rounds.get()
        public.unlink()
        await moved.pass_slots(1, MOVES)
        while not (public / "latest.json").exists():
            await rounds.get()
        task.cancel()
    assert read(public / "latest.json")["sequence"] <= moved.program.snapshot.sequence


async def test_run_publishes_what_it_shows_where_the_configuration_says(tmp_path: Path) -> None:
    public = tmp_path / "public"
    async with (
        a_world(tmp_path / "data", publish={"url": str(public)}) as world,
        asyncio.timeout(60),
        asyncio.TaskGroup() as group,
    ):
        stage = Stage(world.program, token=TOKEN)
        task = group.create_task(publish_slots(world.program.config, stage))
        while not (public / "latest.json").exists():
            await world.pass_slots(1, MOVES)
            await asyncio.sleep(0)
        task.cancel()
    assert read(public / "metrics.json")["total"] == 12


async def test_the_database_is_put_beside_it_on_request_for_its_owner_alone(
    moved: World, tmp_path: Path
) -> None:
    publisher = publisher_of(moved, FolderPublication(tmp_path / "public"))
    async with asyncio.timeout(60):
        await publisher.put_database()
    path = tmp_path / "public/sigmawatch.db"
    assert path.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM series").fetchone() == (12,)


async def test_a_place_that_does_not_take_it_is_told(moved: World, tmp_path: Path) -> None:
    (tmp_path / "public").write_text("")
    with pytest.raises(Unavailable, match="could not publish"):
        await publisher_of(moved, FolderPublication(tmp_path / "public")).publish()


class Texts(HTMLParser):
    """The tags of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_the_page_is_inert_whatever_a_market_is_called() -> None:
    """SECURITY.md S18."""
    name = '"><img src=x onerror=alert(1)><script>alert(1)</script>'
    row = dict.fromkeys(
        ("rank", "value", "change_pct", "sigma_rel", "sigma_ret", "sigma_abs", "value_at"), None
    )
    ranking = {"metric": name, "by": "sigma_rel", "window": "24h",
               "items": [{**row, "market": name, "state": "fresh"}]}  # fmt: skip
    metrics = {"demo": True, "as_of": name}
    page = page_of({"metrics.json": metrics, "ranking/price.json": ranking}).decode()
    found = Texts(page)
    assert not found.tags & {"img", "script", "style", "iframe"}
    assert not any(name.startswith("on") or name == "style" for name in found.attributes)
    assert "DEMO" in page
    assert re.search(r"default-src 'none'", page)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3.running() as address:
        yield address


async def test_a_bucket_holds_the_same_with_the_types_of_its_files(
    moved: World, server: str
) -> None:
    settings = s3.new_bucket(server)
    publication = publication_at({
        "bucket": settings.bucket, "prefix": settings.prefix, "endpoint": settings.endpoint,
        "region": None, "access_key": s3.KEY, "secret_key": s3.SECRET,
    })  # fmt: skip
    assert isinstance(publication, BucketPublication)
    assert s3.SECRET not in publication.shown
    done = await publisher_of(moved, publication).publish()
    storage = s3.looking_into(settings)
    with storage.open_input_stream(f"{settings.root}/latest.json") as file:
        assert json.loads(file.read())["sequence"] == done.sequence
    with storage.open_input_stream(f"{settings.root}/index.html") as file:
        told = file.metadata()
    assert told["Content-Type"] == b"text/html; charset=utf-8"
