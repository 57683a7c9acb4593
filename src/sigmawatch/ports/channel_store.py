"""Channels that somebody made while the program ran, as they are stored: their settings sealed.

The vault alone can open them; the database and its backups hold nothing that could be used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChannel:
    """id: random, never used again. sealed: the settings, as the vault sealed them for `owner`.
    shown: what of its address anybody may see. owner_id: the user whose it is, None where it is the
    installation's."""

    id: str
    name: str
    service: str
    sealed: bytes
    shown: str
    made_ms: int
    owner_id: int | None = None

    @property
    def owner(self) -> str:
        """What the sealed settings belong to: put to another channel they cannot be opened."""
        return f"channel {self.id} {self.name} {self.service}"


class ChannelRepository(Protocol):
    """Changes of channels. A channel of the configuration is only ever disabled here."""

    async def put(self, channel: StoredChannel) -> None:
        """A new one, or the same one sealed anew."""
        ...

    async def remove(self, name: str) -> bool:
        """Whether there was one."""
        ...

    async def disable(self, name: str, *, reason: str) -> None: ...

    async def enable(self, name: str) -> bool:
        """Whether it was disabled."""
        ...


class ChannelStore(Protocol):
    """What was committed."""

    async def channels(self) -> Sequence[StoredChannel]:
        """By name."""
        ...

    async def disabled(self) -> Mapping[str, str]:
        """Name -> why nothing is sent there."""
        ...


class Vault(Protocol):
    """Keeps secrets: whoever has the database, or a backup of it, does not have them."""

    def seal(self, text: str, *, owner: str) -> bytes:
        """Raises Refused where there is no key and none can be made."""
        ...

    def open(self, sealed: bytes, *, owner: str) -> str:
        """Raises Refused where no key of ours opens it, or it was sealed for somebody else."""
        ...

    def renew(self) -> None:
        """A new key to seal with; what older ones sealed can still be opened. Raises Refused where
        keys are not ours to make."""
        ...

    def forget(self) -> None:
        """Nothing is sealed by an older key any more: let them go."""
        ...
