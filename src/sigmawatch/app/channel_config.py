"""The tables `[channels.NAME]`, `[egress]` and `[secrets]` of the configuration.

What a channel needs only its service's adapter knows, so a channel stands here as it was written;
`check` and the start ask the adapter. None of it prints: any of it may be a secret.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf, SecretStr

from sigmawatch.app.config_table import Table
from sigmawatch.app.problems import Problem
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.notice import INBOX
from sigmawatch.domain.rule_settings import channel_name

CONSOLE = "console"
TAKEN = frozenset({INBOX, CONSOLE})  # always there
SECRET_BYTES_MAX = 4_096

Given = Mapping[str, object]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelConfig:
    """One channel as it was written. given: the settings of its service."""

    service: str
    given: Given = field(repr=False)


def _channel(raw: object) -> object:
    if not isinstance(raw, Mapping):
        return raw
    service = raw.get("service")
    if not isinstance(service, str):
        raise Invalid("needs a service", allowed='service = "slack", and what that service needs')
    given = {key: value for key, value in raw.items() if key != "service"}
    return ChannelConfig(service=service, given=MappingProxyType(given))


def free_name(text: str) -> str:
    """A channel's name. Raises Invalid where it is none, or belongs to a channel of our own."""
    try:
        name = channel_name(text)
    except Invalid as problem:
        raise Invalid(str(problem), field="name", allowed=problem.allowed) from None
    if name in TAKEN:
        raise Invalid(f"{name} is a channel that is always there", field="name",
                      allowed="another name")  # fmt: skip
    return name


Channels = Annotated[
    Mapping[
        Annotated[str, AfterValidator(free_name)],
        Annotated[InstanceOf[ChannelConfig], BeforeValidator(_channel)],
    ],
    AfterValidator(MappingProxyType),
]


def _opening(text: str) -> str:
    opening(text)
    return text


def opening(text: str) -> tuple[Network, int]:
    """`192.168.1.0/24:8080` or `[fd12::/64]:443`. Raises Invalid."""
    place, _, port = text.rpartition(":")
    try:
        network = ipaddress.ip_network(place.removeprefix("[").removesuffix("]"), strict=True)
        if (":" in place) != place.startswith("[") or not 1 <= int(port) <= 65_535:
            raise ValueError
    except ValueError:
        raise Invalid(
            "must be a range of addresses and a port",
            allowed="as 192.168.1.0/24:8080, 192.168.1.7/32:25 or [fd12::/64]:443",
        ) from None
    return network, int(port)


class EgressConfig(Table):
    """Where notices may go beyond https on the public internet. Only this file opens places."""

    allow: tuple[Annotated[str, AfterValidator(_opening)], ...] = Field(
        default=(),
        description="Ranges and ports on your own network that channels may speak to, unencrypted "
        "too: as `192.168.1.0/24:8080`, for an ntfy or a mail relay of your own.",
    )

    @property
    def openings(self) -> tuple[tuple[Network, int], ...]:
        return tuple(opening(text) for text in self.allow)


class SecretsConfig(Table):
    """What secrets in the database are protected with; it is in no backup."""

    key: SecretStr = Field(
        default=SecretStr(""),
        description="Base64 of 32 bytes, older keys after a comma. Better set in the environment. "
        "Default: `secrets.key` in the data folder, made when it is first needed.",
    )
    pepper: SecretStr = Field(
        default=SecretStr(""),
        description="Base64 of 32 bytes under which API keys are hashed. Better set in the "
        "environment, the same wherever a database is shared. Default: `pepper.key` in the data "
        "folder, made with the first key.",
    )


def resolved(
    merged: Mapping[str, Any], problems: list[Problem], *, environ: Mapping[str, str], folder: Path
) -> dict[str, Any]:
    """The whole configuration with `token_env = "NAME"` and `token_file = "path"` of every channel
    replaced by `token` and what stands there. folder: where relative paths begin."""
    channels = merged.get("channels")
    if not isinstance(channels, Mapping):
        return dict(merged)
    found: dict[str, object] = {}
    for name, table in channels.items():
        found[name] = table
        if isinstance(table, Mapping):
            reader = _Reader(environ=environ, folder=folder, path=f"channels.{name}")
            found[name] = reader.resolve(table, problems)
    return {**merged, "channels": found}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    environ: Mapping[str, str]
    folder: Path
    path: str

    def resolve(self, table: Mapping[str, object], problems: list[Problem]) -> dict[str, object]:
        out: dict[str, object] = {}
        for key, value in table.items():
            base, read = key, None
            for ending, reader in (("_env", self._variable), ("_file", self._file)):
                if key.endswith(ending) and isinstance(value, str):
                    base, read = key.removesuffix(ending), reader
            try:
                if base != key and (base in table or base in out):
                    raise Invalid(f"{base} is given twice")
                out[base] = value if read is None else read(str(value))
            except Invalid as problem:
                problems.append(Problem(path=f"{self.path}.{key}", rule=str(problem)))
        return out

    def _variable(self, name: str) -> str:
        if not (value := self.environ.get(name, "").strip()):
            raise Invalid(f"there is no variable {name} in the environment")
        return value

    def _file(self, name: str) -> str:
        path = self.folder / Path(name).expanduser()
        try:
            value = path.read_text("utf-8").strip()
        except (OSError, ValueError) as exc:
            reason = getattr(exc, "strerror", None) or "not text"
            raise Invalid(f"{name} cannot be read: {reason.lower()}") from None
        if not value or len(value) > SECRET_BYTES_MAX:
            raise Invalid(f"{name} must hold one secret")
        return value
