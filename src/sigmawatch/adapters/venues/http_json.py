"""Any JSON on the web as a venue: one address, and where in its answer each number stands.

The operator defines it in the configuration file. It is asked as a webhook is sent: through the
egress guard (SECURITY.md: "custom sources"), so nothing is followed, no proxy is used, and an
answer is at most 64 KB. What is read is JMESPath (jmespath.org): an expression that finds no number
costs that number alone, and is counted with its market. There is no past, no clock and no volume of
a slot to be had.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jmespath
import msgspec

from sigmawatch.adapters.egress.destination import Opening
from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.adapters.egress.http import Request as Sent
from sigmawatch.adapters.egress.line import Patience
from sigmawatch.adapters.venues.answers import Reply, decoded
from sigmawatch.adapters.venues.http import Request, VenueHttp
from sigmawatch.adapters.venues.settings import Limits, VenueFacts, VenueSettings
from sigmawatch.domain.errors import BadAnswer, Invalid, NotFound
from sigmawatch.domain.market import Market, parse_market
from sigmawatch.domain.reading import Candles, Tickers, positive, quantity
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.venue import VenueTraits

_LIMITS = Limits(per_minute=30.0, burst=2.0, reserve=1.0)
_POLL_FLOOR_MS = 5_000
_ATTEMPT_MAX_S = 15.0
_CHECKS = {"volume_24h_base": quantity, "volume_24h_quote": quantity}  # of the others: positive
_BASIS_POINTS = 10_000.0
_ANY = msgspec.json.Decoder(Any)
Readers = Mapping[str, Mapping[str, Any]]  # market id -> metric -> compiled expression


def readers_of(markets: Mapping[str, Mapping[str, str]]) -> Readers:
    """Every expression, ready to search. Raises Invalid that names the market and the metric."""
    return {
        native: {metric: _reader(text, field=f"markets.{native}.{metric}")
                 for metric, text in expressions.items()}
        for native, expressions in markets.items()
    }  # fmt: skip


def _reader(text: str, *, field: str) -> Any:
    try:
        return jmespath.compile(text)
    except ValueError as error:
        raise Invalid(f"is no JMESPath: {error}", field=field) from None


# {"data":{"last":"67284.1","vol":1200}} with price = "data.last" is 67284.1.


def parse_tickers(body: bytes, readers: Readers, *, recv_ms: int) -> Tickers:
    """Every number that is found and keeps its rule, the others by name with why they are missing.
    Raises BadAnswer where the body is no JSON, or none is found."""
    answer = decoded(_ANY, body)
    rows, rejected = dict[str, dict[str, float]](), dict[str, str]()
    for native, row in readers.items():
        rows[native], reasons = _row(answer, row)
        if reasons:
            rejected[native] = "; ".join(reasons)
    if not any(rows.values()):
        raise BadAnswer(f"no number was found: {next(iter(rejected.values()))}")
    metrics = sorted({metric for row in rows.values() for metric in row} | _offered(readers))
    return Tickers(
        natives=tuple(rows),
        columns={
            metric: array("d", [row.get(metric, float("nan")) for row in rows.values()])
            for metric in metrics
        },
        recv_ms=recv_ms,
        derived=frozenset({"spread_bp"} & set(metrics)),
        rejected=rejected,
    )


def _offered(readers: Readers) -> frozenset[str]:
    """Metrics that some market has; the spread where one has both sides."""
    books = any({"bid", "ask"} <= set(row) for row in readers.values())
    return frozenset(metric for row in readers.values() for metric in row) | (
        {"spread_bp"} if books else set()
    )


def _row(answer: object, readers: Mapping[str, Any]) -> tuple[dict[str, float], list[str]]:
    row, reasons = dict[str, float](), list[str]()
    for metric, reader in readers.items():
        try:
            row[metric] = _CHECKS.get(metric, positive)(reader.search(answer))
        except (ValueError, TypeError, ArithmeticError, LookupError, RecursionError) as error:
            reasons.append(f"{metric}: {str(error)[:120]}")
    if {"bid", "ask"} <= set(row):
        bid, ask = row["bid"], row["ask"]
        if ask < bid:
            del row["bid"], row["ask"]
            reasons.append("ask: below the bid")
        else:
            row["spread_bp"] = _BASIS_POINTS * (ask - bid) / (0.5 * (ask + bid))
    return row, reasons


class HttpJsonVenue:
    """A page of numbers as the collector sees it (ports.venue.Venue)."""

    def __init__(
        self, settings: VenueSettings, *, clock: Clock, rng: random.Random,
        egress: Egress | None = None,
    ) -> None:  # fmt: skip
        """egress: the guard that `settings` describe, unless a test brings its own. Raises Invalid
        for an address that may not be asked, an expression that is none."""
        wait_s = min(settings.timeout_s, _ATTEMPT_MAX_S)
        patience = Patience(connect_s=min(wait_s, 5.0), body_s=wait_s, attempt_s=wait_s)
        opened = [Opening(network=network, port=port) for network, port in settings.openings]
        self._egress = egress or Egress(opened, patience=patience)
        self._egress.destination(settings.url)
        self._url = settings.url
        self._headers = _headers(settings)
        self._readers = readers_of(settings.markets)
        self._clock = clock
        facts = VenueFacts(name=settings.name, base_url="", limits=_LIMITS, bare=True)
        self.http = VenueHttp(facts, settings, clock=clock, rng=rng, fetch=self._fetch)
        self.rejected_markets: Mapping[str, str] = {}
        self.traits = VenueTraits(
            name=settings.name, levels=_offered(self._readers), flows=frozenset(),
            candle_spans_ms=(), candle_reach_ms=(), candle_rows_max=0,
            poll_floor_ms=_POLL_FLOOR_MS, requests_per_minute=self.http.limits.per_minute,
            poll_cost=1.0, candle_cost=1.0,
        )  # fmt: skip

    async def markets(self) -> Sequence[Market]:
        """What the operator defined; nobody is asked."""
        return list(_markets(self.traits.name, self._readers))

    async def tickers(self) -> Tickers:
        """One call. Raises Refused where the guard does not let us there."""
        return await self.http.get(
            Request(path="", urgent=True),
            lambda body: parse_tickers(body, self._readers, recv_ms=self._clock.now_ms()),
        )

    async def candles(self, native: str, *, span_ms: int, from_ms: int, to_ms: int) -> Candles:
        """Raises NotFound: there is no past to be asked for."""
        raise NotFound(f"{self.traits.name} keeps no past of {native}", field="market")

    async def time_ms(self) -> int:
        """Our own: it has none."""
        return self._clock.now_ms()

    async def close(self) -> None:
        await self.http.close()

    async def _fetch(self, _: Request) -> Reply:
        reply = await self._egress.send(self._url, Sent(method="GET", headers=self._headers))
        if not reply.whole and 200 <= reply.status < 300:
            raise BadAnswer(f"{self.traits.name} sent a torn answer, or more than 64 KB")
        return Reply(status=reply.status, headers=reply.headers, body=reply.body,
                     recv_ms=self._clock.now_ms())  # fmt: skip


def _headers(settings: VenueSettings) -> Mapping[str, str]:
    name, key = settings.key_header, settings.api_key
    return {name: key} if name and key else {}


def _markets(venue: str, readers: Readers) -> Iterator[Market]:
    for native in readers:
        base, _, quote = parse_market(native).pair.partition("/")
        yield Market(venue=venue, base=base, quote=quote, native=native)
