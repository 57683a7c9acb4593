"""How an answer is written: JSON, or its rows alone as CSV, NDJSON, Parquet or Arrow.

`format=` says so, before `Accept`; `fields=` chooses columns. Tables come as attachments and have
no room for `next_cursor`: a `Link` header leads to the next page in every format (RFC 8288).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import msgspec
from litestar import Request, Response
from msgspec import Struct

from sigmawatch.app.web import tables
from sigmawatch.app.web.asked import AskedTable, Format
from sigmawatch.app.web.problems import FieldError, ProblemError
from sigmawatch.app.web.site import digest, not_modified, unchanged
from sigmawatch.app.wiring import table_bytes
from sigmawatch.domain.errors import Invalid, Refused
from sigmawatch.ports.table import Table

_Q = re.compile(r"q=([01](?:\.[0-9]{0,3})?)", re.ASCII)


MEDIA_TYPES: Mapping[Format, str] = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv; header=present",
    Format.NDJSON: "application/x-ndjson",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.ARROW: "application/vnd.apache.arrow.file",
}
_BY_TYPE = {text.partition(";")[0]: form for form, text in MEDIA_TYPES.items()}
_ENCODERS: Mapping[Format, Callable[[Table], bytes]] = {
    Format.CSV: tables.csv_of,
    Format.NDJSON: tables.ndjson_of,
    Format.PARQUET: lambda table: table_bytes(table, kind=Format.PARQUET),
    Format.ARROW: lambda table: table_bytes(table, kind=Format.ARROW),
}


class Page(Protocol):
    """What holds rows: a struct with `items`."""

    @property
    def items(self) -> Any: ...


def format_asked(request: Request[Any, Any, Any], asked: AskedTable) -> Format:
    """What `format=` says; else the one that Accept likes best, JSON where it names none."""
    if asked.written is not None:
        return asked.written
    liked: dict[Format, float] = {}
    for part in request.headers.get("accept", "").split(","):
        name, _, rest = part.partition(";")
        form = _BY_TYPE.get(name.strip().lower())
        quality = _Q.search(rest)
        if form is not None:
            liked.setdefault(form, float(quality[1]) if quality else 1.0)
    best = max(liked, key=liked.__getitem__, default=Format.JSON)
    return best if liked.get(best, 1.0) > 0.0 else Format.JSON


def chosen(asked: AskedTable, row: type[Struct]) -> tuple[str, ...] | None:
    """The columns that `fields=` names; None for all. Raises Invalid."""
    if asked.fields is None:
        return None
    known = tables.kinds_of(row)
    names = tuple(dict.fromkeys(name.strip() for name in asked.fields.split(",")))
    for name in names:
        if name not in known:
            raise Invalid(f"there is no column {name[:40]!r}", field="fields",
                          allowed=", ".join(known))  # fmt: skip
    return names


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """An answer that holds rows. row: their type. name: of a file of them. tag: of what the answer
    follows from, with the format in it; else the digest of its bytes. table: what makes the rows,
    where they are not the items of the page."""

    page: Page
    row: type[Struct]
    name: str
    tag: str | None = None
    table: Callable[[tuple[str, ...] | None], Table] | None = None

    def as_table(self, fields: tuple[str, ...] | None) -> Table:
        if self.table is not None:
            return self.table(fields)
        names = fields or tuple(tables.kinds_of(self.row))
        return tables.table_of(self.page.items, self.row, names=names)


async def written(
    request: Request[Any, Any, Any], listing: Listing, *, asked: AskedTable
) -> Response[Any]:
    """The listing as it was asked for. Raises Invalid for an unknown column, ProblemError for a
    format that this installation cannot write."""
    form, fields = format_asked(request, asked), chosen(asked, listing.row)
    if form is Format.JSON:
        content: Any = listing.page
        if fields is not None:
            content = _narrowed(msgspec.to_builtins(content), fields)
        body = msgspec.json.encode(content)
    else:
        try:
            body = await asyncio.to_thread(lambda: _ENCODERS[form](listing.as_table(fields)))
        except Refused as exc:
            raise _not_here(exc, asked) from exc
    tag = listing.tag or digest(body)
    if unchanged(request, tag):
        return not_modified(tag)
    headers = {"etag": tag, "vary": "accept", **next_link(request, listing.page)}
    if form is not Format.JSON:
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", listing.name)
        headers["content-disposition"] = f'attachment; filename="{plain}.{form}"'
    return Response(body, media_type=MEDIA_TYPES[form], headers=headers)


def _narrowed(document: Any, fields: tuple[str, ...]) -> Any:
    """Only these columns of every row, also where the items hold rows themselves."""
    return {**document, "items": [
        _narrowed(one, fields) if "items" in one else {n: one[n] for n in fields if n in one}
        for one in document["items"]
    ]}  # fmt: skip


def next_link(request: Request[Any, Any, Any], page: Page) -> Mapping[str, str]:
    """The header that leads to the page after `page`, if there is one."""
    for name, parameter in (("next_cursor", "cursor"), ("next_before", "before")):
        if (place := getattr(page, name, None)) is not None:
            query = urlencode({**request.query_params, parameter: place})
            path = quote(request.scope["path"], safe="/:-._~")
            return {"link": f'<{path}?{query}>; rel="next"'}
    return {}


def _not_here(exc: Refused, asked: AskedTable) -> ProblemError:
    """What is missing, by the way it was asked for."""
    if asked.written is None:
        return ProblemError("not-acceptable", str(exc))
    error = FieldError(field="format", message=str(exc), allowed="json, csv, ndjson")
    return ProblemError("invalid-value", str(exc), errors=[error])
