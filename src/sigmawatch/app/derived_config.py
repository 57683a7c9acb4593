"""`[[derived]]` and `[[failover]]` of the file: series that are computed from others."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from sigmawatch.app.config_table import Table, filled
from sigmawatch.app.definitions import Definition, derived_market, derived_metric, fail_over_of
from sigmawatch.app.interval_config import EveryInterval, MetricName
from sigmawatch.app.tracked import parsed
from sigmawatch.domain.metric import FORMULA
from sigmawatch.domain.window import MINUTE_MS, Interval


class Derived(Table):
    """A series that is computed from others by a formula."""

    name: Annotated[str, AfterValidator(lambda text: derived_market(text).pair)] = Field(
        description="How it is called: BASE/QUOTE, as `GOLD/BTC`; it is at the venue `DERIVED`."
    )
    every: EveryInterval = Field(
        default=Interval(MINUTE_MS),
        description="How long a slot is; without it, the `interval` of the whole file.",
    )
    formula: str = Field(description="What it is, as `KRAKEN:XAU/USD / KRAKEN:BTC/USD`.")
    metric: Annotated[str, AfterValidator(derived_metric)] = Field(
        default=FORMULA, description="What its numbers are: `formula`, or `price` and the like."
    )

    @field_validator("formula")
    @classmethod
    def _readable(cls, formula: str, info: ValidationInfo) -> str:
        parsed(formula, info.data.get("every", Interval(MINUTE_MS)))
        return formula

    def definition(self) -> Definition:
        return Definition.of(self.name, self.formula, metric=self.metric, interval=self.every)


class FailOverConfig(Table):
    """A market that is shown from another venue while its own does not answer."""

    every: EveryInterval = Field(
        default=Interval(MINUTE_MS),
        description="How long a slot is; without it, the `interval` of the whole file.",
    )
    market: str = Field(description="Which, as `kraken:BTC/USD`; it is tracked by a `[[track]]`.")
    metrics: Annotated[tuple[MetricName, ...], AfterValidator(filled)] = Field(
        default=("price",), description="What of it, levels alone."
    )
    name: str = Field(
        default="", description="How it is called at the venue `DERIVED`; default: as the pair."
    )
    backups: Annotated[tuple[str, ...], AfterValidator(filled)] = Field(
        description="Where else, the first choice first: the same pair, as `coinbase:BTC/USD`."
    )

    @field_validator("backups")
    @classmethod
    def _fit(cls, backups: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        told = info.data
        if "market" in told and "metrics" in told:
            for metric in told["metrics"]:
                fail_over_of([told["market"], *backups], metric, name=told.get("name", ""),
                             interval=told.get("every", Interval(MINUTE_MS)))  # fmt: skip
        return backups

    def definitions(self) -> list[Definition]:
        """One for each metric."""
        markets = [self.market, *self.backups]
        return [fail_over_of(markets, metric, name=self.name, interval=self.every)
                for metric in self.metrics]  # fmt: skip
