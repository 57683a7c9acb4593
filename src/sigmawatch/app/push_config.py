"""The table `[push]` of the configuration: series whose readings are pushed in."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from sigmawatch.app.config_table import Table
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import venue_name
from sigmawatch.domain.series import DERIVED


def _own(text: str) -> str:
    name = venue_name(text)
    if name == DERIVED:
        raise Invalid(f"{name} is the venue of formulas", allowed="a name of your own, as push")
    return name.lower()


class PushConfig(Table):
    """What `POST /samples` takes. How to: docs/how-to/push.md."""

    venue: Annotated[str, AfterValidator(_own)] = Field(
        default="push",
        description="The venue that pushed series are at; none that we ask ourselves.",
    )
    series_max: int = Field(
        default=10_000, ge=0, le=1_000_000,
        description="So many series at most come to be tracked by being pushed; each takes some "
        "23 KB of memory with slots of `1m`.",
    )  # fmt: skip

    @property
    def venue_name(self) -> str:
        """The venue as the domain spells it: `PUSH`."""
        return self.venue.upper()
