"""Configuration: one frozen value, read once (app.sources) and passed as arguments.

The defaults here work with no file at all: twenty liquid pairs on three venues. Unknown keys are
errors, secrets never print. What only a venue's adapter knows (budgets, offered metrics) is judged
by `check` (app.forecast). docs/reference/configuration.md is generated from these classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from sigmawatch.app.access_config import AccessConfig, LimitsConfig, listenable
from sigmawatch.app.backup_config import BackupConfig
from sigmawatch.app.channel_config import Channels, EgressConfig, SecretsConfig
from sigmawatch.app.config_table import Table, filled
from sigmawatch.app.database import DatabaseAddress, shown
from sigmawatch.app.definitions import Definition
from sigmawatch.app.derived_config import Derived, FailOverConfig
from sigmawatch.app.history_config import ArchiveConfig, HistoryConfig
from sigmawatch.app.interval_config import (
    NO_INTERVALS,
    EveryInterval,
    Intervals,
    MetricName,
    Widths,
    of_sources,
    widths_of,
)
from sigmawatch.app.notify_config import NotifyConfig, Routes
from sigmawatch.app.publish_config import PublishConfig
from sigmawatch.app.push_config import PushConfig
from sigmawatch.app.telemetry_config import TelemetryConfig
from sigmawatch.app.venue_config import VenueConfig
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.fail_over import PATIENCE, Patience
from sigmawatch.domain.following import (
    PATTERN_METRICS,
    MarketPattern,
    is_pattern,
    parse_market_pattern,
)
from sigmawatch.domain.market import asset, parse_market, venue_name
from sigmawatch.domain.metric import with_sources
from sigmawatch.domain.watchlist import NAME_ALLOWED, parse_pattern, watchlist_name
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS, Interval, parse_span

WINDOWS_MAX = 8


def _span(raw: object) -> object:
    return parse_span(raw) if isinstance(raw, str) else raw


def _market(text: str) -> str:
    if is_pattern(text):
        parse_market_pattern(text if ":" in text else f"any:{text}")
    else:
        parse_market(text)
    return text


def _currency(text: str) -> str:
    code = asset(text)
    if not code.isalnum():
        raise Invalid("must be the code of a currency", allowed="as USD or EUR")
    return code


VenueKey = Annotated[str, AfterValidator(lambda text: venue_name(text).lower())]
_Market = Annotated[str, AfterValidator(_market)]
Markets = Annotated[tuple[_Market, ...], AfterValidator(filled)]
Metrics = Annotated[tuple[MetricName, ...], AfterValidator(filled)]
_Pattern = Annotated[str, AfterValidator(lambda text: str(parse_pattern(text)))]


DEFAULT_METRICS = ("price", "volume_24h_quote", "volume_24h_ref", "traded_quote", "traded_ref")


class Track(Table):
    """Markets of one venue and what to measure of each."""

    venue: VenueKey = Field(
        description="Where: `kraken`, `coinbase`, `binance`, `okx`, `bybit` or `bitstamp`."
    )
    markets: Markets = Field(
        description="Which pairs, as `BTC/USD`; the venue's own id works too, and a pattern that "
        "follows its listings: `*/EUR`, `*/EUR top 50 by volume_24h_quote`."
    )
    metrics: Metrics = Field(
        default=DEFAULT_METRICS,
        description="What to measure of each market; a `_ref` metric brings the one it is "
        f"computed from. Of patterns, where nothing is said: {', '.join(PATTERN_METRICS)}.",
    )
    every: EveryInterval = Field(
        default=Interval(MINUTE_MS),
        description="How long a slot is; without it, as `[venues.NAME]` or the `interval` of the "
        "whole file says.",
    )
    intervals: Intervals = Field(
        default_factory=lambda: NO_INTERVALS,
        description='Slots of single metrics, where they differ: `{ volume_24h_quote = "5m" }`. A '
        "`_ref` metric has those of what it is computed from.",
    )

    @property
    def venue_name(self) -> str:
        """The venue as the domain spells it: `KRAKEN`."""
        return self.venue.upper()

    @property
    def measured(self) -> tuple[str, ...]:
        """`metrics`, and what they are computed from."""
        return with_sources(self.metrics)

    @property
    def named(self) -> tuple[str, ...]:
        """`markets` without the patterns."""
        return tuple(text for text in self.markets if not is_pattern(text))

    @property
    def patterns(self) -> tuple[MarketPattern, ...]:
        """What of `markets` follows a venue's list."""
        return tuple(
            parse_market_pattern(text if ":" in text else f"{self.venue}:{text}")
            for text in self.markets if is_pattern(text)
        )  # fmt: skip

    @property
    def pattern_metrics(self) -> tuple[str, ...]:
        """What is measured of a pattern's markets."""
        return self.metrics if "metrics" in self.model_fields_set else PATTERN_METRICS

    @property
    def parts(self) -> tuple[Track, ...]:
        """The same as entries whose metrics all have slots of one length, and which name markets,
        or patterns."""
        patterns = tuple(text for text in self.markets if is_pattern(text))
        return tuple(
            self.model_copy(update={
                "markets": markets, "metrics": names, "every": every, "intervals": NO_INTERVALS,
            })
            for markets, metrics in ((self.named, self.metrics), (patterns, self.pattern_metrics))
            if markets
            for every, names in widths_of(
                metrics, every=self.every, intervals=self.intervals
            ).items()
        )  # fmt: skip

    @field_validator("markets")
    @classmethod
    def _of_this_venue(cls, markets: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        venue = str(info.data.get("venue", "")).upper()
        for text in markets:
            named = text.partition(":")[0].strip().upper() if ":" in text else None
            if venue and named not in {None, venue}:
                raise Invalid(f"{text} is a market of {named}, this entry is of {venue}")
        return markets


class Server(Table):
    """Where the page and the API listen."""

    host: Annotated[str, AfterValidator(listenable)] = Field(
        default="127.0.0.1",
        description="Address to listen on; beyond this machine only as [access] says.",
    )
    port: int = Field(
        default=8000, ge=0, le=65535, description="Port to listen on; 0 takes any free one."
    )


class BackfillConfig(Table):
    """What is fetched of the past on start and after a gap."""

    enabled: bool = Field(
        default=True, description="`false`: never fetch the past; history starts when we do."
    )


DEFAULT_TRACK = (
    Track(venue="kraken", markets=("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD",
                                   "BTC/EUR", "ETH/EUR")),
    Track(venue="coinbase", markets=("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "DOGE/USD",
                                     "LTC/USD")),
    Track(venue="binance", markets=("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "BNB/USDT",
                                    "DOGE/USDT", "ADA/USDT")),
)  # fmt: skip


class WatchlistConfig(Table):
    """A named list of markets, series and patterns."""

    name: Annotated[str, AfterValidator(watchlist_name)] = Field(
        description=f"How it is called: {NAME_ALLOWED}."
    )
    items: Annotated[tuple[_Pattern, ...], AfterValidator(filled)] = Field(
        description="What is on it, as `kraken:*/USD`, `KRAKEN:BTC/USD` or `*:BTC/*:price`."
    )


class Config(Table):
    """The whole configuration."""

    data: Path = Field(default=Path("data"), description="Folder of the database.")
    database: DatabaseAddress = Field(
        default=SecretStr(""),
        description="A PostgreSQL database instead of the file in `data`: "
        "`postgresql://user:password@host:5432/name`. Better set in the environment.",
    )
    interval: EveryInterval = Field(
        default=Interval(MINUTE_MS),
        description="How long a slot is where nothing else is said: a divisor of a day, 1s to 1h. "
        "Of slots of `1s` to `6s` that divide a minute 2 h are at hand one by one, and a day of "
        "whole minutes: a longer window starts on a whole minute, and `median`, windows of "
        "expressions and the pace by which a market is called quiet or frozen reach back 2 h.",
    )
    windows_ms: tuple[Annotated[int, BeforeValidator(_span)], ...] = Field(
        default=(DAY_MS, HOUR_MS), validation_alias="windows",
        description="Windows whose statistics are always at hand; others are built when asked.",
    )  # fmt: skip
    reference_currency: Annotated[str, AfterValidator(_currency)] = Field(
        default="USD", description="What `_ref` metrics are counted in: `USD`, `EUR`, `BTC`."
    )
    rules_file: Path | None = Field(
        default=None,
        description="The file that defines rules; default: `rules.toml` beside this one.",
    )
    server: Server = Server()
    access: AccessConfig = AccessConfig()
    limits: LimitsConfig = LimitsConfig()
    history: HistoryConfig = HistoryConfig()
    archive: ArchiveConfig = ArchiveConfig()
    backfill: BackfillConfig = BackfillConfig()
    backup: BackupConfig = BackupConfig()
    publish: PublishConfig = PublishConfig()
    push: PushConfig = PushConfig()
    telemetry: TelemetryConfig = TelemetryConfig()
    notify: NotifyConfig = NotifyConfig()
    routes: Routes = Routes()
    channels: Channels = Field(default_factory=lambda: MappingProxyType({}))
    egress: EgressConfig = EgressConfig()
    secrets: SecretsConfig = SecretsConfig()
    venues: Annotated[Mapping[VenueKey, VenueConfig], AfterValidator(MappingProxyType)] = Field(
        default_factory=lambda: MappingProxyType({})
    )
    track: tuple[Track, ...] = Field(default_factory=lambda: DEFAULT_TRACK)
    derived: tuple[Derived, ...] = ()
    failover: tuple[FailOverConfig, ...] = ()
    failover_after_slots: int = Field(
        default=PATIENCE.after_slots, ge=1, le=60,
        description="Slots in a row in which a fail-over's venue is not read, and another one is, "
        "before that one is shown.",
    )  # fmt: skip
    failover_back_slots: int = Field(
        default=PATIENCE.back_slots, ge=1, le=240,
        description="Slots in a row in which an earlier venue is read before it is shown again; "
        "no fewer than `failover_after_slots`.",
    )  # fmt: skip
    watchlists: tuple[WatchlistConfig, ...] = ()

    _source: Path | None = PrivateAttr(default=None)

    @property
    def source(self) -> Path | None:
        """The file this came from; None where there was none."""
        return self._source

    @property
    def rules_path(self) -> Path | None:
        """Where rules may be defined; None without any file of ours, as in the demo."""
        beside = self._source.with_name("rules.toml") if self._source else None
        return self.rules_file or beside

    @property
    def place(self) -> str:
        """Where everything is kept, in a word or two."""
        return shown(self.database) if self.database.get_secret_value() else str(self.data)

    def widths(
        self,
        venue: str,
        metrics: Iterable[str],
        *,
        every: Interval | None = None,
        intervals: Mapping[str, Interval] = NO_INTERVALS,
    ) -> Widths:
        """Metrics of a market of a venue by the length of their slots: every, and intervals for
        single ones, where they are said, else what the file says for the venue. Raises Invalid."""
        told = self.venue(venue)
        single = of_sources(intervals)
        if every is None:
            single = {**told.intervals, **single}
        return widths_of(metrics, every=every or told.every or self.interval, intervals=single)

    def definitions(self) -> list[Definition]:
        """Every formula of the file, fail-overs last."""
        found = [one.definition() for one in self.derived]
        return found + [each for one in self.failover for each in one.definitions()]

    @property
    def patience(self) -> Patience:
        """Of fail-over."""
        return Patience(after_slots=self.failover_after_slots,
                        back_slots=self.failover_back_slots)  # fmt: skip

    def venue(self, name: str) -> VenueConfig:
        """Settings of one venue, by either spelling; the defaults where the file is silent."""
        return self.venues.get(name.lower(), VenueConfig())

    @field_validator("windows_ms")
    @classmethod
    def _fit_a_day(cls, windows_ms: tuple[int, ...]) -> tuple[int, ...]:
        if not 1 <= len(windows_ms) <= WINDOWS_MAX:
            raise Invalid(f"must be 1 to {WINDOWS_MAX} windows, were {len(windows_ms)}")
        for window_ms in windows_ms:
            if not MINUTE_MS <= window_ms <= DAY_MS or window_ms % MINUTE_MS:
                raise Invalid("a window is whole minutes", allowed="1m to 24h")
        return tuple(sorted(set(windows_ms), reverse=True))

    @field_validator("watchlists")
    @classmethod
    def _each_name_once(
        cls, watchlists: tuple[WatchlistConfig, ...]
    ) -> tuple[WatchlistConfig, ...]:
        counted = Counter(one.name for one in watchlists)
        if twice := [name for name, count in counted.items() if count > 1]:
            raise Invalid(f"defined twice: {', '.join(twice)}", allowed="each watchlist once")
        return watchlists

    @field_validator("derived")
    @classmethod
    def _each_formula_once(cls, derived: tuple[Derived, ...]) -> tuple[Derived, ...]:
        counted = Counter(f"{one.name}:{one.metric} every {one.every}" for one in derived)
        if twice := [name for name, count in counted.items() if count > 1]:
            raise Invalid(f"defined twice: {', '.join(twice)}", allowed="each formula once")
        return derived

    @field_validator("failover_back_slots")
    @classmethod
    def _no_sooner_back(cls, back_slots: int, info: ValidationInfo) -> int:
        if back_slots < info.data.get("failover_after_slots", back_slots):
            raise Invalid("a venue is not back sooner than it is gone",
                          allowed="failover_after_slots or more")  # fmt: skip
        return back_slots

    @field_validator("track")
    @classmethod
    def _each_series_once(cls, track: tuple[Track, ...]) -> tuple[Track, ...]:
        repeated = _repeated(track)
        if repeated:
            raise Invalid(f"tracked twice: {', '.join(repeated)}", allowed="each series once")
        return track


def _repeated(track: Iterable[Track]) -> list[str]:
    parts = [part for one in track for part in one.parts]
    keys = Counter(
        f"{entry.venue_name}:{parse_market(text).pair}:{metric} every {entry.every}"
        for entry in parts
        for text in entry.named
        for metric in entry.metrics
    )
    keys.update(f"{one} every {entry.every}" for entry in parts for one in entry.patterns)
    return [key for key, count in keys.items() if count > 1]
