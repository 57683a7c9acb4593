"""What a channel needs to know: a frozen dataclass per service, read from what somebody wrote.

Everything that is wrong is told at once, by field, and never quotes a value: any of them may be a
secret. What is marked secret is never shown; of the others, too, only host and ending are.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, ClassVar, TypeVar

from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.domain.errors import Invalid, ManyInvalid

TEXT_CHARS_MAX = 2_048
SHOWN_CHARS = 4

_PARTS = re.compile(r"[/?&=#]")

S = TypeVar("S", bound="Settings")


def text(help: str, *, default: str | None = None, secret: bool = False) -> Any:
    """A field that holds text; required where it has no default."""
    metadata = {"help": help, "secret": secret}
    if default is None:
        return field(repr=False, metadata=metadata)
    return field(default=default, repr=False, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Base of the services' own. SERVICE: its name. PER_MINUTE: messages that it takes, as its
    makers say."""

    SERVICE: ClassVar[str] = ""
    PER_MINUTE: ClassVar[float] = 60.0

    per_minute: float = field(
        default=0.0, metadata={"help": "Messages a minute; 0: as many as the service takes."}
    )

    def problems(self, egress: Egress) -> Iterator[Invalid]:
        """What the fields' types do not tell."""
        if url := getattr(self, "url", ""):
            try:
                egress.destination(url)
            except Invalid as problem:
                yield problem

    @property
    def rate(self) -> float:
        """Messages a minute."""
        return self.per_minute or self.PER_MINUTE

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that nobody may see, the longest first: of an address its long parts, too."""
        held = {getattr(self, one.name) for one in fields(self) if one.metadata.get("secret")}
        parts = {part for one in held if "://" in one for part in _PARTS.split(one)[3:]}
        held |= {part for part in parts if len(part) >= 2 * SHOWN_CHARS}
        return tuple(sorted(held - {""}, key=len, reverse=True))

    @property
    def host(self) -> str:
        """Where it goes, as far as anybody may know."""
        return str(getattr(self, "url", "")).partition("//")[2].partition("/")[0].rpartition("@")[2]

    @property
    def shown(self) -> str:
        """Host and the last four characters of its first secret, where that is long enough."""
        secret = next(
            (str(getattr(self, one.name)) for one in fields(self) if one.metadata.get("secret")), ""
        )
        ending = f" …{secret[-SHOWN_CHARS:]}" if len(secret) >= 4 * SHOWN_CHARS else ""
        return f"{self.host}{ending}"


def read_settings(kind: type[S], given: Mapping[str, object], *, egress: Egress) -> S:
    """Raises ManyInvalid."""
    known = {one.name: one for one in fields(kind)}
    problems = [_unknown(name, known) for name in given if name not in known]
    values: dict[str, Any] = {}
    for name, one in known.items():
        if name not in given:
            if one.default is MISSING:
                problems.append(Invalid("is required", field=name, allowed=one.metadata["help"]))
            continue
        try:
            values[name] = _value(one, given[name])
        except Invalid as problem:
            problems.append(problem)
    if problems:
        raise ManyInvalid(problems)
    settings = kind(**values)
    if problems := list(settings.problems(egress)):
        raise ManyInvalid(problems)
    return settings


def _unknown(name: str, known: Mapping[str, object]) -> Invalid:
    close = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    hint = f"; did you mean {close[0]}?" if close else ""
    return Invalid(f"unknown setting{hint}", field=name[:40], allowed=", ".join(known))


def _value(one: Field[Any], given: object) -> str | float | int:
    """By the field's annotation, which is text (PEP 563). In an environment everything is text, and
    in a file a chat's number may stand without quotes."""
    if one.type == "str":
        if isinstance(given, int) and not isinstance(given, bool):
            given = str(given)
        if not isinstance(given, str):
            raise Invalid("must be text", field=one.name)
        if not given.strip() and one.default is MISSING:
            raise Invalid("must not be empty", field=one.name, allowed=one.metadata["help"])
        if len(given) > TEXT_CHARS_MAX or not given.isprintable():
            raise Invalid(f"must be printable, of at most {TEXT_CHARS_MAX:,} characters",
                          field=one.name)  # fmt: skip
        return given.strip()
    number = int if one.type == "int" else float
    try:
        if isinstance(given, bool) or not isinstance(given, int | float | str):
            raise ValueError
        found = number(given)
    except (ValueError, OverflowError):
        raise Invalid("must be a number", field=one.name) from None
    if not 0 <= found <= 65_535:
        raise Invalid("must be 0 to 65535", field=one.name)
    return found


def must_match(pattern: Any, value: str, *, field: str, allowed: str) -> Iterator[Invalid]:
    """A problem where the whole value does not fit."""
    if not pattern.fullmatch(value):
        yield Invalid("is not of the form that it has", field=field, allowed=allowed)
