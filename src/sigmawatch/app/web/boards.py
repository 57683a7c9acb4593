"""Reading a snapshot: the running slot of a series, the newest closed slot, who is a peer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import numpy as np
from msgspec import Meta, Struct

from sigmawatch.app.web.moments import rfc3339
from sigmawatch.domain.caller import Caller
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import asset, venue_name
from sigmawatch.domain.series import Series, parse_series
from sigmawatch.domain.window import Interval, parse_span
from sigmawatch.engine.geometry import Mask
from sigmawatch.engine.snapshot import Board, Snapshot

if TYPE_CHECKING:
    from sigmawatch.app.web.site import Site

PEERS = "venue:NAME, quote:CURRENCY, watchlist:NAME, or several with commas between"


class Live(Struct, frozen=True, kw_only=True):
    """The newest reading of the running slot."""

    time: Annotated[
        str, Meta(description="Open of the slot.", examples=["2026-11-21T08:00:00.000Z"])
    ]
    value: Annotated[float, Meta(description="As read.", examples=[67290.0])]
    at: Annotated[str, Meta(description="Its receipt.", examples=["2026-11-21T08:00:14.120Z"])]


def newest_slot(snapshot: Snapshot, interval: Interval) -> int | None:
    """The newest closed slot of an interval; None before the first."""
    board = snapshot.boards.get(interval.ms)
    return board.slot if board is not None else None


def live_of(snapshot: Snapshot, series: Series) -> Live | None:
    """The running slot's reading of one series."""
    found = snapshot.find(series.id)
    if found is None:
        return None
    board, row = found
    value, recv_ms = float(board.live_value[row]), int(board.live_ms[row])
    if not np.isfinite(value) or not recv_ms:
        return None
    interval = board.interval
    time_ms = interval.open_ms(interval.slot(recv_ms))
    return Live(time=rfc3339(time_ms), value=value, at=rfc3339(recv_ms))


def parse_window(text: str) -> int:
    """Milliseconds of `24h`. Raises Invalid naming `window`."""
    try:
        return parse_span(text)
    except Invalid as exc:
        raise Invalid(str(exc), field="window", allowed="a span up to 24h, as 6h") from exc


def parse_interval(text: str) -> Interval:
    """The interval that `1m` names. Raises Invalid naming `interval`."""
    try:
        return Interval(parse_span(text))
    except Invalid as exc:
        raise Invalid(str(exc), field="interval", allowed="1s to 1h, as 1m") from exc


def series_named(site: Site, text: str, *, count_max: int) -> Sequence[Series]:
    """The tracked series that ids and names with commas between mean, each once. Raises Invalid,
    NotFound naming `ids`."""
    refs = [parse_series(part) for part in text.split(",") if part.strip()]
    if not 1 <= len(refs) <= count_max:
        raise Invalid(f"{len(refs)} series asked for", field="ids", allowed=f"1 to {count_max}")
    found = [site.program.catalogue.find(ref) for ref in refs]
    return list({series.id: series for series in found}.values())


def check_visible(
    site: Site, caller: Caller, *, watchlist: str | None = None, peers: str | None = None
) -> None:
    """Raises NotFound where a query names a watchlist that does not exist for who asks."""
    if watchlist is not None:
        site.program.watchlists.find(watchlist, by=caller)
    for part in (peers or "").split(","):
        key, _, name = part.strip().partition(":")
        if key == "watchlist":
            site.program.watchlists.find(name, field="peers", by=caller)


def is_everybodys(peers: str | None) -> bool:
    """Whether an answer among these peers is the same for whoever asks: a watchlist may be changed
    between two slots, and is not everybody's."""
    return peers is None or "watchlist" not in peers


def peers_of(board: Board, text: str | None, *, site: Site) -> Mask | None:
    """bool[rows]: the peers that `venue:kraken,quote:USD` names; None for everything tracked.
    Raises Invalid, NotFound for a watchlist that is none."""
    if text is None:
        return None
    mask = np.ones(len(board.series), np.bool_)
    for part in text.split(","):
        key, separator, name = part.strip().partition(":")
        if not separator or not name or key not in _PEERS:
            raise Invalid(f"{part[:40]!r} names no peers", field="peers", allowed=PEERS)
        mask &= _PEERS[key](board, name, site=site)
    return mask


def _of_venue(board: Board, text: str, **_: Site) -> Mask:
    try:
        name = venue_name(text)
    except Invalid as exc:
        raise Invalid(str(exc), field="peers", allowed=PEERS) from exc
    return board.layout.labels.venue.where(name.__eq__)


def _of_quote(board: Board, text: str, **_: Site) -> Mask:
    return board.layout.labels.quote.where(asset(text).__eq__)


def _on_watchlist(board: Board, text: str, *, site: Site) -> Mask:
    return site.program.watchlists.on(board, text, field="peers")


_PEERS = {"venue": _of_venue, "quote": _of_quote, "watchlist": _on_watchlist}
