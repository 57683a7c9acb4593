"""Where the archive is, as people write it: a folder, or `s3://bucket/prefix?endpoint=…`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from sigmawatch.domain.errors import Invalid

ALLOWED = "a folder, or s3://bucket/prefix?endpoint=https://host:port&region=name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Objects below `prefix`. endpoint: of another service than Amazon's."""

    bucket: str
    prefix: str
    endpoint: str | None = None
    region: str | None = None


def parse_place(text: str) -> Path | Bucket:
    """Raises Invalid. Keys have no place in it: it is printed and logged."""
    if "://" not in text:
        return Path(text)
    parts = urlsplit(text)
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    sound = parts.scheme == "s3" and parts.netloc and "@" not in parts.netloc
    if not sound or parts.fragment or not asked.keys() <= {"endpoint", "region"}:
        raise Invalid("no place for an archive", allowed=ALLOWED)
    endpoint = asked.get("endpoint")
    if endpoint is not None and not _is_endpoint(endpoint):
        raise Invalid("must name a server without a login or a path", allowed=ALLOWED)
    return Bucket(bucket=parts.netloc, prefix=parts.path.strip("/"), endpoint=endpoint,
                  region=asked.get("region"))  # fmt: skip


def _is_endpoint(text: str) -> bool:
    parts = urlsplit(text)
    bare = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and bare
