"""Where traces go, if anywhere: what sends them is imported when somebody wants them."""

from __future__ import annotations

from dataclasses import dataclass, field

from sigmawatch.domain.errors import Refused
from sigmawatch.ports.tracing import Tracer


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """An address that takes OTLP over HTTP. key: what the ids of this installation's traces follow
    from, secret. authorization: the header's value; empty for none."""

    url: str
    service: str
    key: bytes = field(repr=False)
    authorization: str = field(default="", repr=False)


def tracer_to(receiver: Receiver | None) -> Tracer | None:
    """None for nobody. Raises Refused where the extra `otel` is not installed."""
    if receiver is None:
        return None
    try:
        from sigmawatch.adapters.otlp import OtlpTraces  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        raise Refused(f"traces need {exc.name}, which is not installed: "
                      "pip install 'sigmawatch[otel]'") from exc  # fmt: skip
    return OtlpTraces(receiver)
