"""Every metric of `/metrics`, each once: its name, type, labels, and what it says.

Names follow "Metric and label naming" of the Prometheus documentation: `sigmawatch_`, base units
last, `_total` behind what only grows. Labels come from small sets (venues, kinds, states, reasons,
routes by their template), never from what a request or a market brings, but for the tracked values
(VALUES), which are behind a switch and bounded. docs/reference/telemetry.md is written from this.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "sigmawatch_"


class Kind(StrEnum):
    """As Prometheus calls them."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric. edges: upper bounds of a histogram's buckets, in its unit."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        assert self.name.startswith(PREFIX)
        assert self.name.endswith("_total") is (self.kind is Kind.COUNTER)
        assert bool(self.edges) is (self.kind is Kind.HISTOGRAM)


def _counter(name: str, help: str, *labels: str) -> Family:
    return Family(name=PREFIX + name, kind=Kind.COUNTER, help=help, labels=labels)


def _gauge(name: str, help: str, *labels: str) -> Family:
    return Family(name=PREFIX + name, kind=Kind.GAUGE, help=help, labels=labels)


_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0)


def _seconds(
    name: str, help: str, *labels: str, edges: tuple[float, ...] = _QUICK
) -> Family:  # fmt: skip
    return Family(
        name=f"{PREFIX}{name}_seconds", kind=Kind.HISTOGRAM, help=help, labels=labels, edges=edges
    )


BUILD_INFO = _gauge("build_info", "1; which version runs.", "version")
DEMO = _gauge("demo", "1 while an invented market is shown.")
READY = _gauge("ready", "1 while /readyz says yes.")
JOBS = _gauge("jobs_running", "Long jobs under way.", "kind")

VENUE_RUNS = _counter(
    "venue_runs_total", "Collection runs whose record is stored; only complete is a success.",
    "venue", "kind", "outcome",
)  # fmt: skip
VENUE_RUN_DURATION = _seconds(
    "venue_run_duration", "How long a run took.", "venue", "kind", edges=_SLOW
)
VENUE_UPDATED = _counter("venue_series_updated_total", "Series that runs updated.", "venue")
VENUE_FAILED = _counter(
    "venue_series_failed_total", "Series that runs were to update and did not, by why.",
    "venue", "reason",
)  # fmt: skip
VENUE_SKIPPED = _counter(
    "venue_runs_skipped_total", "Runs left out because the one before took too long.", "venue"
)
VENUE_ERRORS = _counter(
    "venue_errors_total", "Polls and market lists that came to nothing, by why.", "venue", "reason"
)
VENUE_REJECTED = _counter(
    "venue_readings_rejected_total", "Readings refused at the edge, by why.", "venue", "reason"
)
STREAM_STATE = _gauge(
    "venue_stream_state", "1 for the state that a venue's stream is in.", "venue", "state"
)
STREAM_SUBSCRIBED = _gauge(
    "venue_stream_subscriptions", "Markets and channels that a stream is asked for, by how far.",
    "venue", "state",
)  # fmt: skip
STREAM_FRAMES = _counter(
    "venue_stream_frames_total", "Frames of a venue's stream; bad ones are none of its protocol.",
    "venue", "kind",
)  # fmt: skip
STREAM_CONNECTIONS = _counter(
    "venue_stream_connections_total", "Connections made to a venue's stream, or tried.", "venue"
)
STREAM_REFUSED = _counter(
    "venue_stream_refused_total", "Subscriptions refused or never answered.", "venue"
)
STREAM_TRADES = _counter(
    "venue_stream_trades_total", "Trades told by a venue's stream; duplicates count once.",
    "venue", "kind",
)  # fmt: skip
STREAM_GAPS = _gauge(
    "venue_stream_gaps", "Runs of trades, by their numbers, that a stream never told.", "venue"
)
VENUE_SERIES = _gauge("venue_series", "Series tracked there.", "venue")
VENUE_STATE = _gauge("venue_state", "1 for the state that a venue is in.", "venue", "state")
VENUE_CIRCUIT = _gauge(
    "venue_circuit_open", "1 while nothing is asked of a venue, since it failed or said so.",
    "venue",
)  # fmt: skip
VENUE_AGE = _gauge(
    "venue_last_success_age_seconds",
    "Time since a venue last answered; since we know it where it never did.", "venue",
)  # fmt: skip
VENUE_SKEW = _gauge(
    "venue_clock_skew_seconds", "How far a venue's clock is ahead of ours.", "venue"
)

SLOT_DURATION = _seconds(
    "slot_close_duration", "What closing a slot took: derive, compute, judge, publish.", "interval"
)
SLOT_LAG = _seconds("slot_close_lag", "From a slot's end to its board.", "interval", edges=_SLOW)
SLOT_AGE = _gauge("slot_age_seconds", "Time since the end of the newest closed slot.", "interval")
SLOT_SERIES = _gauge("slot_series", "Series on the newest board.", "interval")
COMMIT_DURATION = _seconds("commit_duration", "What it took to store a group of readings, synced.")
COMMITTED = _counter("committed_items_total", "Frames, patches and runs that were stored.", "kind")
PUSHED = _counter(
    "pushed_readings_total", "Readings that were pushed in: taken, of those late, or refused.",
    "outcome",
)  # fmt: skip
JUDGING_DURATION = _seconds(
    "judging_duration", "What judging a slot and storing the decisions took.", "interval"
)
WAL = _gauge("wal_size_bytes", "The write-ahead log beside the database; of SQLite alone.")
STORAGE = _gauge("storage_state", "1 for the state that the storage is in.", "state")
DAMAGED = _gauge("storage_damaged_items", "Items met that are not as they were written.")

RULES = _gauge("rules", "Rules in force.")
RULES_FAILING = _gauge("rules_failing", "Rules that could not be judged the last time.")
ALERT_STATES = _gauge("alert_states", "Rule and series pairs, by phase.", "phase")
WITHHELD = _gauge(
    "alert_states_withheld", "States with something to tell that is held back, by why.", "reason"
)
EPISODES = _counter(
    "episodes_total", "Episodes that were opened, reopened, closed.", "event", "severity"
)
NOTICES = _counter("notices_decided_total", "Notices that slots decided on.", "kind")
OUTBOX_OPEN = _gauge("outbox_open_notices", "Notices on their way.")
OUTBOX_AGE = _gauge("outbox_oldest_age_seconds", "Since when the oldest open notice is due.")
SETTLED = _counter("notices_settled_total", "What notices became in the outbox.", "status")
DELIVERIES = _counter(
    "deliveries_total", "Attempts to send, by the kind of channel and what came of it.",
    "service", "answer",
)  # fmt: skip
DELIVERY_DURATION = _seconds("delivery_duration", "How long an attempt took.", "service")

HTTP_REQUESTS = _counter(
    "http_requests_total", "Requests answered, by route template.", "method", "route", "status"
)
HTTP_DURATION = _seconds(
    "http_request_duration", "From a request's head to its answer's end; of a stream to its start.",
    "method", "route",
)  # fmt: skip
STREAMS = _gauge("stream_readers", "Readers of /stream.")

VALUE = _gauge("series_value", "The newest value.", "series", "metric", "interval")
VALUE_AGE = _gauge(
    "series_age_seconds", "Time since the value was last seen to change.",
    "series", "metric", "interval",
)  # fmt: skip
DEVIATION = _gauge(
    "series_deviation_ratio", "Standard deviation over a window, relative to the mean.",
    "series", "metric", "interval", "window",
)  # fmt: skip
RANK = _gauge(
    "series_rank", "Place by that deviation among all series of the metric; 1 is the largest.",
    "series", "metric", "interval", "window",
)  # fmt: skip
VALUES_LEFT_OUT = _gauge("series_left_out", "Tracked series beyond telemetry.values_max.")

VALUES = (VALUE, VALUE_AGE, DEVIATION, RANK, VALUES_LEFT_OUT)
ALL = tuple(one for one in list(globals().values()) if isinstance(one, Family))
EVENTS = (  # counted when they happen; everything else is looked at when it is asked for
    VENUE_RUNS, VENUE_RUN_DURATION, VENUE_UPDATED, VENUE_FAILED, SLOT_DURATION, SLOT_LAG,
    COMMIT_DURATION, COMMITTED, PUSHED, JUDGING_DURATION, EPISODES, NOTICES, SETTLED, DELIVERIES,
    DELIVERY_DURATION, HTTP_REQUESTS, HTTP_DURATION,
)  # fmt: skip
