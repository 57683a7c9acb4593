"""Problems: every error of the API as one shape, RFC 9457 `application/problem+json`.

A problem's `type` is the stable path `/problems/<slug>`, which answers with what it means and what
to do. No stack, SQL or path of this machine is ever in one; `request_id` finds the log line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated, Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Meta, Struct

from sigmawatch.app.problems import ConfigProblems
from sigmawatch.app.problems import Problem as ConfigProblem
from sigmawatch.domain.errors import (
    Busy,
    Conflict,
    Edited,
    Invalid,
    ManyInvalid,
    NotFound,
    NotPermitted,
    NotProven,
    Refused,
    SigmawatchError,
    StorageUnavailable,
    TooSoon,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"
VALUE_CHARS_MAX = 80

log = structlog.get_logger(__name__)


class ProblemKind(Struct, frozen=True, kw_only=True):
    """One kind of problem: what it means and what to do about it."""

    type: Annotated[str, Meta(description="Stable name.", examples=["/problems/unknown-market"])]
    title: Annotated[str, Meta(description="What it is.", examples=["Unknown market"])]
    status: Annotated[int, Meta(description="HTTP status it comes with.", examples=[422])]
    advice: Annotated[str, Meta(description="What to do.", examples=["Use a listed market."])]


def _kinds(*rows: tuple[str, int, str, str]) -> Mapping[str, ProblemKind]:
    return MappingProxyType({
        slug: ProblemKind(type=f"/problems/{slug}", title=title, status=status, advice=advice)
        for slug, status, title, advice in rows
    })  # fmt: skip


KINDS = _kinds(
    ("malformed", 400, "Malformed request", "Send well-formed UTF-8 JSON and HTTP."),
    ("unauthorized", 401, "Who asks?",
     "Send a key as `Authorization: Bearer sw_…`, or log in; docs/how-to/access.md says how."),
    ("forbidden", 403, "Refused for your safety",
     "Unsafe methods are taken from this site's own pages or a program, not from other sites."),
    ("not-permitted", 403, "Not yours to do", "Use a key or a user with the scope it names."),
    ("not-found", 404, "Not found", "GET /api/v1 lists the resources; /docs describes them."),
    ("unknown-series", 404, "Unknown series", "GET /api/v1/metrics lists what is tracked."),
    ("unknown-venue", 404, "Unknown venue", "GET /api/v1/venues lists the venues."),
    ("unknown-market", 422, "Unknown market", "GET /api/v1/markets?q= finds markets."),
    ("unknown-metric", 422, "Unknown metric", "Use a metric that `allowed` names."),
    ("unknown-watchlist", 404, "Unknown watchlist", "GET /api/v1/watchlists lists them."),
    ("unknown-rule", 404, "Unknown rule", "GET /api/v1/rules lists them."),
    ("unknown-channel", 404, "Unknown channel", "GET /api/v1/channels lists them."),
    ("method-not-allowed", 405, "Method not allowed", "The Allow header names what is."),
    ("not-acceptable", 406, "Not written here", "Ask for json, csv or ndjson."),
    ("timed-out", 408, "Not sent in time",
     "Send a head within 5 s, and a body within 30 s at 100 bytes a second or more."),
    ("conflict", 409, "Conflict", "Change it where it is managed, or leave it as it is."),
    ("cursor-expired", 410, "Cursor expired", "Ask for the first page again."),
    ("precondition-failed", 412, "Changed meanwhile", "Read it again, and decide anew."),
    ("too-large", 413, "Body too large", "Send at most 1 MB."),
    ("uri-too-long", 414, "Address too long", "Send at most 8 KB."),
    ("unsupported-type", 415, "Unsupported media type", "Send application/json."),
    ("misdirected", 421, "Unknown host name",
     "Use the address that the program printed, or a loopback name."),
    ("invalid-value", 422, "Invalid value", "Change what `errors` names."),
    ("unknown-parameter", 422, "Unknown parameter", "Use a parameter that `allowed` names."),
    ("unknown-field", 422, "Unknown field", "Use a field that `allowed` names."),
    ("precondition-required", 428, "If-Match is needed",
     "Send the ETag of what you have read as If-Match."),
    ("too-many-streams", 429, "Too many streams",
     "Close one of yours, or try again later; a browser needs one for all its tabs."),
    ("too-many-requests", 429, "Too many requests", "Ask again after Retry-After seconds."),
    ("headers-too-large", 431, "Headers too large", "Send at most 16 KB."),
    ("internal", 500, "Internal error", "Report it with the request id; it is in the log."),
    ("refused", 503, "Refused", "Trying again will not help until somebody changes something."),
    ("unavailable", 503, "Unavailable", "Try again, not before Retry-After where it is given."),
    ("storage", 503, "Nothing can be stored now",
     "GET /api/v1/storage says why; make room or mend it, and try again: nothing was changed."),
    ("too-slow", 503, "Given up",
     "Ask for less: fewer series, a shorter span, a larger step; or later, if it was little."),
    ("not-ready", 503, "Not ready", "Wait; `detail` says what for."),
)  # fmt: skip


class FieldError(Struct, frozen=True, kw_only=True):
    """One field that must change."""

    field: Annotated[str, Meta(description="Its name.", examples=["market"])]
    message: Annotated[str, Meta(description="What is wrong.", examples=["no venue lists X/Y"])]
    allowed: Annotated[
        str | None, Meta(description="What would do.", examples=["KRAKEN:BTC/USD"])
    ] = None
    value: Annotated[
        str | None, Meta(description="What was sent, clipped.", examples=["KRAKEN:X/Y"])
    ] = None
    position: Annotated[
        int | None, Meta(description="Where in a line it is, counted from 0.", examples=[None])
    ] = None


class Problem(Struct, frozen=True, kw_only=True):
    """RFC 9457."""

    type: Annotated[str, Meta(description="Its kind.", examples=["/problems/unknown-market"])]
    title: Annotated[str, Meta(description="The kind in words.", examples=["Unknown market"])]
    status: Annotated[int, Meta(description="HTTP status.", examples=[422])]
    detail: Annotated[str, Meta(description="This case.", examples=["no venue lists KRAKEN:X/Y"])]
    advice: Annotated[
        str, Meta(description="What to do.", examples=["GET /api/v1/markets?q= finds markets."])
    ]
    errors: Annotated[Sequence[FieldError], Meta(description="The fields that must change.")] = ()
    request_id: Annotated[
        str, Meta(description="Finds the log line.", examples=["5f0c1d2e3a4b5c6d"])
    ] = ""


class ProblemError(SigmawatchError):
    """A request that ends as a problem of the kind `slug`."""

    def __init__(
        self, slug: str, detail: str, *, errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        super().__init__(detail)
        self.slug = slug
        self.errors = tuple(errors)
        self.headers = headers


def encode(error: ProblemError, *, request_id: str, status: int | None = None) -> bytes:
    """The document of `error` as JSON."""
    kind = KINDS[error.slug]
    document = Problem(
        type=kind.type, title=kind.title, status=status or kind.status, detail=str(error),
        advice=kind.advice, errors=error.errors, request_id=request_id,
    )  # fmt: skip
    return msgspec.json.encode(document)


def fails(*statuses: int) -> dict[int, ResponseSpec]:
    """What an operation may end as, for its documentation: what any may, and `statuses`."""
    return {
        status: ResponseSpec(
            Problem, generate_examples=False, media_type=MEDIA_TYPE,
            description=" or ".join(k.title for k in KINDS.values() if k.status == status),
        )
        for status in sorted({400, 401, 403, 414, 421, 429, 500, *statuses})
    }  # fmt: skip


def made(shape: type[Struct]) -> dict[int, ResponseSpec]:
    """For the documentation of what answers 200 or 201: the latter, of something new."""
    return {201: ResponseSpec(shape, generate_examples=False, description="Made")}


def stood(shape: type[Struct]) -> dict[int, ResponseSpec]:
    """The same the other way round: 200, of what stood already."""
    return {200: ResponseSpec(shape, generate_examples=False, description="It stood already")}


def clip(value: object) -> str:
    text = str(value)
    return text if len(text) <= VALUE_CHARS_MAX else f"{text[:VALUE_CHARS_MAX]}…"


def answer(request: Request[Any, Any, Any], exc: Exception) -> Response[bytes]:
    """The answer to a request that ended in `exc`; logs what we did not raise on purpose."""
    error = problem_of(request, exc)
    request_id = str(request.scope["state"].get("request_id", ""))
    status = KINDS[error.slug].status
    if isinstance(exc, NotFound) and error.slug.startswith("unknown-"):
        status = 404 if request.scope.get("path_params") else 422
    if status >= 500 and error.slug == "internal":
        log.error("request_failed", request_id=request_id, method=request.method,
                  route=str(request.scope.get("path_template", "")), exc_info=exc)  # fmt: skip
    return Response(
        encode(error, request_id=request_id, status=status),
        status_code=status, media_type=MEDIA_TYPE, headers=dict(error.headers),
    )  # fmt: skip


_UNKNOWN = {
    "id": "unknown-series", "venue": "unknown-venue", "market": "unknown-market",
    "metric": "unknown-metric", "watchlist": "unknown-watchlist", "peers": "unknown-watchlist",
    "rule": "unknown-rule", "episode": "not-found", "silence": "not-found",
    "job": "not-found", "pattern": "not-found", "alias": "not-found",
    "channel": "unknown-channel",
    "number": "not-found", "token": "not-found", "user": "not-found", "key": "not-found",
    "name": "not-found",
}  # fmt: skip


def problem_of(request: Request[Any, Any, Any], exc: Exception) -> ProblemError:
    """As what a request ends that ended in `exc`."""
    match exc:
        case ProblemError():
            return exc
        case Edited():
            return _about_field("precondition-failed", exc)
        case ManyInvalid():
            return ProblemError("invalid-value", str(exc), errors=map(_field_of, exc.problems))
        case Conflict():
            return _about_field("conflict", exc)
        case ConfigProblems():
            return ProblemError("invalid-value", str(exc), errors=map(_field_error, exc.problems))
        case NotFound():
            return _about_field(_UNKNOWN.get(exc.field, "invalid-value"), exc)
        case Invalid():
            return _about_field("invalid-value", exc)
        case NotProven():
            return ProblemError("unauthorized", str(exc), headers={"www-authenticate": "Bearer"})
        case NotPermitted():
            return ProblemError("not-permitted", str(exc))
        case TooSoon():
            return ProblemError("too-many-requests", str(exc), headers=_retry_after(exc))
        case StorageUnavailable():
            return ProblemError("storage", str(exc), headers=_retry_after(exc))
        case Busy() | Unavailable():
            return ProblemError("unavailable", str(exc), headers=_retry_after(exc))
        case Refused():
            log.error("request_refused", reason=repr(exc))
            return ProblemError("refused", "the program cannot do that now; its log says why")
        case HTTPException():
            return _of_status(exc)
        case RecursionError() | UnicodeDecodeError():
            if request.method in {"POST", "PUT"}:
                return ProblemError("malformed", "the body is not JSON that we can read")
    return ProblemError("internal", "something failed on our side")


def _retry_after(exc: Unavailable) -> Mapping[str, str]:
    wait_s = exc.retry_after_s
    return {} if wait_s is None else {"retry-after": str(max(1, round(wait_s)))}


def _field_error(problem: ConfigProblem) -> FieldError:
    return FieldError(field=problem.path, message=problem.rule, allowed=problem.allowed or None,
                      value=clip(problem.value) or None, position=problem.position)  # fmt: skip


def _about_field(slug: str, exc: Invalid) -> ProblemError:
    if not exc.field:
        return ProblemError(slug, str(exc))
    return ProblemError(slug, str(exc), errors=[_field_of(exc)])


def _field_of(exc: Invalid) -> FieldError:
    return FieldError(field=exc.field, message=str(exc), allowed=exc.allowed or None)


_OF_STATUS = {
    400: "malformed", 404: "not-found", 405: "method-not-allowed", 413: "too-large",
    415: "unsupported-type",
}  # fmt: skip


_CUT_OFF = "client disconnected prematurely"  # litestar.connection.Request.stream says so, as 500


def _of_status(exc: HTTPException) -> ProblemError:
    """What the framework refused: 400, 404, 405, 413, 415; and a body that was cut off, which is no
    failure of ours."""
    if exc.detail == _CUT_OFF:
        return ProblemError("malformed", "the request ended before its body")
    slug = _OF_STATUS.get(exc.status_code, "internal")
    detail = {
        "malformed": "the request could not be read: " + _plain(exc.detail),
        "not-found": "nothing is at this address",
        "method-not-allowed": "this address does not take that method",
        "too-large": "the body is larger than 1 MB",
    }.get(slug, HTTPStatus(exc.status_code).phrase)
    return ProblemError(slug, detail, headers=exc.headers or {})


def _plain(text: str) -> str:
    return clip(text.splitlines()[0] if text else "malformed")
