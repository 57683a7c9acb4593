"""`/watchlists`: named lists of markets, series and patterns, to filter and to compare by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Request, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import Meta, Struct

from sigmawatch.app.web.problems import fails, made
from sigmawatch.app.web.site import Site, tagged
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Caller, Scope
from sigmawatch.domain.watchlist import ALLOWED, NAME_ALLOWED, PATTERNS_MAX, Watchlist

Name = Annotated[str, PathParameter(description="a watchlist's name", max_length=32)]
Items = Annotated[
    Sequence[Annotated[str, Meta(max_length=200)]],
    Meta(description=f"1 to {PATTERNS_MAX} of {ALLOWED}", examples=[["*:BTC/*", "kraken:*/EUR"]],
         min_length=1, max_length=PATTERNS_MAX),
]  # fmt: skip


class ShownWatchlist(Struct, frozen=True, kw_only=True):
    """A list and how many are on it now."""

    name: Annotated[str, Meta(description="Its name.", examples=["majors"])]
    items: Annotated[
        Sequence[str], Meta(description="Its patterns.", examples=[["*:BTC/*", "KRAKEN:*/EUR"]])
    ]
    origin: Annotated[
        str, Meta(description="file: managed by the configuration; or api.", examples=["api"])
    ]
    series_count: Annotated[int, Meta(description="Tracked series on it.", examples=[12])]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class WatchlistsPage(Struct, frozen=True, kw_only=True):
    """Every list."""

    items: Annotated[Sequence[ShownWatchlist], Meta(description="By name.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class WatchlistBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a list is to hold."""

    items: Items


class NewWatchlistBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A list to make."""

    name: Annotated[
        str, Meta(description=NAME_ALLOWED, examples=["majors"], min_length=1, max_length=32)
    ]
    items: Items


@get("/watchlists", summary="All watchlists", tags=["watchlists"], responses=fails(),
     opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def list_watchlists(
    request: Request[Any, Any, Any], site: NamedDependency[Site], caller: NamedDependency[Caller]
) -> Response[WatchlistsPage]:
    """What is on a list follows from its patterns: new markets join by themselves."""
    items = [_shown(site, one) for one in site.program.watchlists.visible(caller)]
    return tagged(request, WatchlistsPage(items=items, demo=site.program.demo))


@get("/watchlists/{name:str}", summary="One watchlist", tags=["watchlists"],
     responses=fails(404), opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def show_watchlist(
    request: Request[Any, Any, Any], site: NamedDependency[Site],
    caller: NamedDependency[Caller], name: Name,
) -> Response[ShownWatchlist]:  # fmt: skip
    """Its series: `/metrics?watchlist=`; ranked among themselves: `/ranking?peers=watchlist:`."""
    return tagged(request, _shown(site, site.program.watchlists.find(name, by=caller)))


@post("/watchlists", summary="Make a watchlist", tags=["watchlists"],
      responses=fails(403, 409, 413, 415, 422), opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def add_watchlist(
    site: NamedDependency[Site], actor: NamedDependency[Actor], data: JSONBody[NewWatchlistBody]
) -> Response[ShownWatchlist]:
    """409 where the name is taken."""
    watchlist = Watchlist.of(data.name, map(site.program.names.meant, data.items))
    await site.program.watchlists.add(watchlist, by=actor)
    return _made(site, watchlist, new=True)


@put("/watchlists/{name:str}", summary="Make or replace a watchlist", tags=["watchlists"],
     responses=fails(403, 404, 409, 413, 415, 422) | made(ShownWatchlist),
     opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def put_watchlist(
    site: NamedDependency[Site], actor: NamedDependency[Actor], name: Name,
    data: JSONBody[WatchlistBody],
) -> Response[ShownWatchlist]:  # fmt: skip
    """201 where it is new, 200 where it stood already. What the configuration defines is changed
    there (409)."""
    watchlist = Watchlist.of(name, map(site.program.names.meant, data.items))
    new = await site.program.watchlists.put(watchlist, by=actor)
    return _made(site, watchlist, new=new)


@delete("/watchlists/{name:str}", summary="Remove a watchlist", tags=["watchlists"],
        responses=fails(403, 404, 409), opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def remove_watchlist(
    site: NamedDependency[Site], actor: NamedDependency[Actor], name: Name
) -> None:
    """Its series stay tracked. What the configuration defines is removed there (409)."""
    await site.program.watchlists.remove(name, by=actor)


def _made(site: Site, watchlist: Watchlist, *, new: bool) -> Response[ShownWatchlist]:
    return Response(
        _shown(site, watchlist),
        status_code=HTTP_201_CREATED if new else HTTP_200_OK,
        headers={"location": f"/api/v1/watchlists/{watchlist.name}"},
    )


def _shown(site: Site, watchlist: Watchlist) -> ShownWatchlist:
    boards = site.program.snapshot.boards.values()
    counts = [site.program.watchlists.on(board, watchlist.name).sum() for board in boards]
    return ShownWatchlist(
        name=watchlist.name, items=watchlist.items, origin=watchlist.origin,
        series_count=int(sum(counts)), demo=site.program.demo,
    )  # fmt: skip
