"""`/aliases`: other names of markets, and what a market is shown by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Request, Response, delete, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import Meta, Struct

from sigmawatch.app.naming import ALLOWED, Alias
from sigmawatch.app.web.pausing import tracked_market
from sigmawatch.app.web.problems import fails, made
from sigmawatch.app.web.site import Site, tagged
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Scope

Name = Annotated[str, PathParameter(description=ALLOWED, max_length=64)]


class AliasBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a name is to find."""

    market: Annotated[
        Annotated[str, Meta(min_length=1, max_length=200)],
        Meta(
            description="a tracked market, by its name or another one", examples=["KRAKEN:BTC/EUR"]
        ),
    ]
    shown: Annotated[
        bool, Meta(description="whether the market is shown by it", examples=[True])
    ] = False


class ShownAlias(Struct, frozen=True, kw_only=True):
    """Another name of a market."""

    alias: Annotated[str, Meta(description="As it was written.", examples=["my-btc"])]
    market: Annotated[str, Meta(description="What it finds.", examples=["KRAKEN:BTC/EUR"])]
    shown: Annotated[bool, Meta(description="The market is shown by it.", examples=[True])]
    by: Annotated[
        str, Meta(description="Who said so; empty: an id that the venue gave up.",
                  examples=["ann"])
    ]  # fmt: skip
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class Aliases(Struct, frozen=True, kw_only=True):
    """Every other name of a tracked market."""

    items: Annotated[Sequence[ShownAlias], Meta(description="By name.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@get("/aliases", summary="Other names of markets", tags=["venues"], responses=fails(),
     opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def list_aliases(
    request: Request[Any, Any, Any], site: NamedDependency[Site]
) -> Response[Aliases]:
    """A market is found by its public name for ever, whatever it is shown by."""
    items = [_shown(site, alias, market=market.name) for alias, market in site.program.names.all]
    return tagged(request, Aliases(items=items, demo=site.program.demo))


@put("/aliases/{alias:str}", summary="Give a market another name", tags=["venues"],
     responses=fails(403, 404, 409, 413, 415, 422) | made(ShownAlias),
     opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def put_alias(
    site: NamedDependency[Site], actor: NamedDependency[Actor], alias: Name,
    data: JSONBody[AliasBody],
) -> Response[ShownAlias]:  # fmt: skip
    """201 where it is new. It finds the market in any case wherever one is asked for by name: in
    addresses (`my-btc:price`), rules, watchlists. 409 where it is another market's, or names one
    that a venue lists."""
    market = tracked_market(site, data.market)
    one, new = await site.program.names.put(alias, market, shown=data.shown, by=actor)
    return Response(
        _shown(site, one, market=market.name),
        status_code=HTTP_201_CREATED if new else HTTP_200_OK,
        headers={"location": f"/api/v1/aliases/{alias}"},
    )


@delete("/aliases/{alias:str}", summary="Take another name from a market", tags=["venues"],
        responses=fails(403, 404), opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def remove_alias(
    site: NamedDependency[Site], actor: NamedDependency[Actor], alias: Name
) -> None:
    """What was said by it, as the targets of rules, holds public names and stays."""
    await site.program.names.remove(alias, by=actor)


def _shown(site: Site, alias: Alias, *, market: str) -> ShownAlias:
    return ShownAlias(alias=alias.name, market=market, shown=alias.shown, by=alias.by,
                      demo=site.program.demo)  # fmt: skip
