"""What `/metrics/{id}/records` answers: records, pages of them, pages of several series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from sigmawatch.app.web.boards import Live
from sigmawatch.app.web.steps import Aggregate


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One slot, or one coarse span."""

    time: Annotated[
        str, Meta(description="Open of the slot.", examples=["2026-11-21T08:00:00.000Z"])
    ]
    value: Annotated[float | None, Meta(description="Null where missing.", examples=[67284.1])]
    marks: Annotated[
        Sequence[str], Meta(description="Why it is what it is.", examples=[["carried"]])
    ] = ()
    span: Annotated[
        str | None, Meta(description="Coarse: what the value covers.", examples=["5m"])
    ] = None
    source: Annotated[
        str | None,
        Meta(description="Of a fail-over: which market it is of.", examples=["KRAKEN:BTC/USD"]),
    ] = None
    open: Annotated[float | None, Meta(description="First of a step.", examples=[67190.0])] = None
    high: Annotated[float | None, Meta(description="Greatest of it.", examples=[67301.5])] = None
    low: Annotated[float | None, Meta(description="Least of it.", examples=[67188.2])] = None
    close: Annotated[float | None, Meta(description="Last of it.", examples=[67284.1])] = None
    n: Annotated[int | None, Meta(description="Values in a step.", examples=[60])] = None


class Records(Struct, frozen=True, kw_only=True):
    """One page of one series."""

    id: Annotated[int, Meta(description="The series.", examples=[17])]
    name: Annotated[str, Meta(description="Its name.", examples=["KRAKEN:BTC/USD:price"])]
    slug: Annotated[str, Meta(description="For addresses.", examples=["KRAKEN:BTC-USD:price"])]
    metric: Annotated[str, Meta(description="What is measured.", examples=["price"])]
    kind: Annotated[str, Meta(description="level or flow.", examples=["level"])]
    unit: Annotated[str, Meta(description="What it counts.", examples=["quote_per_base"])]
    interval: Annotated[str, Meta(description="Width of a slot.", examples=["1m"])]
    step: Annotated[str, Meta(description="Width of a record.", examples=["1m"])]
    tier: Annotated[
        str,
        Meta(description="What it was made of: slots, or runs of 5m or 1h.", examples=["slots"]),
    ]
    agg: Annotated[
        Aggregate | None,
        Meta(description="What is told of a step; null for slots.", examples=[None]),
    ]
    begin: Annotated[
        str, Meta(description="First moment told.", examples=["2026-11-20T08:00:00.000Z"])
    ]
    end: Annotated[
        str, Meta(description="First moment not told.", examples=["2026-11-21T08:00:00.000Z"])
    ]
    items: Annotated[Sequence[Record], Meta(description="Oldest first.")]
    running: Annotated[Live | None, Meta(description="The running slot, in no statistic.")]
    next_cursor: Annotated[
        str | None, Meta(description="For the next page; null on the last.", examples=[None])
    ]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class RecordsOfSeveral(Struct, frozen=True, kw_only=True):
    """First pages of several series; their cursors continue at each one's own records."""

    items: Annotated[Sequence[Records], Meta(description="In the order asked for.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]
