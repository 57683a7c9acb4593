"""Traces by OTLP over HTTP, for any OpenTelemetry receiver (extra `otel`).

Fulfils ports.tracing. Spans wait in a bounded queue for a thread that sends them every few seconds;
where the receiver is away they are dropped, and that is said once. What we send goes to the one
address of the configuration: no proxy of the environment, no redirect.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Sequence

import requests
import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from sigmawatch import __version__
from sigmawatch.adapters.traces import Receiver
from sigmawatch.ports.tracing import ROOT, Span

TIMEOUT_S = 2.0  # of one attempt, its repetitions included
CLOSE_S = 2.0  # for what is left at the end
QUEUE_SPANS, BATCH_SPANS, EVERY_MS = 4_096, 512, 2_000

log = structlog.get_logger()


class OtlpTraces:
    """One sender."""

    def __init__(self, receiver: Receiver) -> None:
        self._key = receiver.key
        self._exporter = _Exporter(receiver)
        self._ids = _Ids()
        self._provider = TracerProvider(
            sampler=ALWAYS_ON, id_generator=self._ids, shutdown_on_exit=False,
            resource=Resource.create(
                {"service.name": receiver.service, "service.version": __version__}
            ),
        )  # fmt: skip
        self._provider.add_span_processor(BatchSpanProcessor(
            self._exporter, max_queue_size=QUEUE_SPANS, max_export_batch_size=BATCH_SPANS,
            schedule_delay_millis=EVERY_MS,
        ))  # fmt: skip
        self._tracer = self._provider.get_tracer("sigmawatch", __version__)

    def trace_id(self, moment_ms: int) -> str:
        return f"{self._root(moment_ms)[0]:032x}"

    def _root(self, moment_ms: int) -> tuple[int, int]:
        """The ids of a moment's trace and of its first span; never 0, which means none."""
        told = hashlib.blake2b(str(moment_ms).encode(), key=self._key[:64], digest_size=24).digest()
        return int.from_bytes(told[:16]) | 1, int.from_bytes(told[16:]) | 1

    def record(self, span: Span) -> None:
        trace_id, root_id = self._root(span.moment_ms)
        if span.name == ROOT:
            self._ids.given = trace_id, root_id
            context = Context()
        else:
            parent = SpanContext(trace_id, root_id, is_remote=True,
                                 trace_flags=TraceFlags(TraceFlags.SAMPLED))  # fmt: skip
            context = set_span_in_context(NonRecordingSpan(parent), Context())
        attributes = {f"sigmawatch.{name}": value for name, value in span.attributes.items()}
        made = self._tracer.start_span(
            span.name, context, start_time=span.began_ns, attributes=attributes
        )
        if span.fault:
            made.set_status(Status(StatusCode.ERROR, span.fault))
        made.end(span.ended_ns)

    async def close(self) -> None:
        self._exporter.until_s = time.monotonic() + CLOSE_S
        await asyncio.to_thread(self._provider.shutdown)


class _Ids(RandomIdGenerator):
    """Random ids, but for a span whose ids are `given`. In the order in which they are asked for:
    that of the trace, then that of the span."""

    given: tuple[int, int] | None = None

    def generate_trace_id(self) -> int:
        return super().generate_trace_id() if self.given is None else self.given[0]

    def generate_span_id(self) -> int:
        given, self.given = self.given, None
        return super().generate_span_id() if given is None else given[1]

    def is_trace_id_random(self) -> bool:
        return False


class _Exporter(SpanExporter):
    """The library's, which neither follows its own mind nor holds up an end. until_s: on the
    monotonic clock, when nothing more is sent; None while we run."""

    def __init__(self, receiver: Receiver) -> None:
        session = requests.Session()
        session.trust_env = False
        session.max_redirects = 0
        headers = {"Authorization": receiver.authorization} if receiver.authorization else {}
        self._exporter = OTLPSpanExporter(
            endpoint=receiver.url, headers=headers, timeout=TIMEOUT_S, session=session
        )
        _quieten()
        self._failing = False
        self.until_s: float | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self.until_s is not None and time.monotonic() > self.until_s:
            return SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        except requests.RequestException:
            result = SpanExportResult.FAILURE
        failing = result is not SpanExportResult.SUCCESS
        if failing is not self._failing:
            tell = log.warning if failing else log.info
            tell("traces_not_sent" if failing else "traces_sent_again", spans_count=len(spans))
        self._failing = failing
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


def _quieten() -> None:
    """The library tells of every failure, with the address: we tell once, without."""
    for name in ("exporter.otlp", "sdk.trace", "sdk._shared_internal"):
        logging.getLogger(f"opentelemetry.{name}").setLevel(logging.CRITICAL)
