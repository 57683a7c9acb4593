"""What every table of the configuration file has in common. Used by app.config and its parts."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from sigmawatch.domain.errors import Invalid


class Table(BaseModel):
    """A frozen value; unknown keys are errors, and no value is quoted where it is refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True,
        validate_by_name=True, validate_by_alias=True,
    )  # fmt: skip


def filled(items: tuple[str, ...]) -> tuple[str, ...]:
    """What must hold something. Raises Invalid."""
    if not items:
        raise Invalid("must not be empty")
    return items
