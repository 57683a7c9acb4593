"""The channels of one program: those of the configuration, and those made while it runs.

The file's are read-only elsewhere and hide a stored one of the same name. A channel that cannot be
used (a setting, a key that is gone) harms nobody else: it says why wherever it is asked for. What a
channel was made of leaves this module only towards its service. Fulfils ports.channel.Channels.
"""

from __future__ import annotations

import asyncio
import difflib
import hashlib
import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import structlog

from sigmawatch.app.access.owning import check_theirs, sees, visible
from sigmawatch.app.channel_config import TAKEN, Given, free_name
from sigmawatch.app.config import Config
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.audit import OURSELVES, Actor
from sigmawatch.domain.caller import Caller
from sigmawatch.domain.errors import Conflict, Edited, Invalid, ManyInvalid, NotFound, Refused
from sigmawatch.domain.message import Message
from sigmawatch.domain.notice import NoticeKind
from sigmawatch.domain.sent import Sent
from sigmawatch.ports.channel import Channel, ChannelMaker, Service
from sigmawatch.ports.channel_store import ChannelStore, StoredChannel, Vault
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.ledger import Ledger

CHANNELS_MAX = 200
FILE, API = "file", "api"  # who defines a channel
_ADDRESSEE = "to"  # the setting of a mail service that says whom

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPorts:
    """The outside of the channels. dry: nothing may leave this machine."""

    maker: ChannelMaker
    store: ChannelStore
    vault: Vault
    dry: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A channel by its name. origin: file or api. channel: None where it cannot be used, and
    `fault` says why. shown: of its address."""

    name: str
    service: str
    origin: str
    shown: str = ""
    fault: str = ""
    channel: Channel | None = None
    given: Given = field(repr=False)
    stored: StoredChannel | None = None

    @property
    def owner_id(self) -> int | None:
        """The user whose it is; None where it is the installation's, as all of the file are."""
        return None if self.stored is None else self.stored.owner_id


class ChannelBook:
    """Every channel by its name. Changes are durable before they are seen."""

    def __init__(
        self, config: Config, ports: ChannelPorts, *, ledger: Ledger, clock: Clock
    ) -> None:
        self._source = config.source.name if config.source else "the configuration"
        self._mail = config.notify.mail
        self._ports = ports
        self._ledger = ledger
        self._clock = clock
        self._defined = {
            name: self._entry(name, one.service, given=one.given, origin=FILE)
            for name, one in config.channels.items()
        }
        self._stored: dict[str, Entry] = {}
        self._removing = asyncio.Lock()
        self._disabled: Mapping[str, str] = {}

    async def recover(self) -> None:
        """Read the stored ones back."""
        self._stored = {one.name: self._opened(one) for one in await self._ports.store.channels()}
        self._disabled = await self._ports.store.disabled()
        for entry in self.all:
            if entry.fault:
                log.warning("channel_unusable", channel=entry.name, reason=entry.fault)

    # Reading

    @property
    def all(self) -> Sequence[Entry]:
        """By name."""
        found = {**self._stored, **self._defined}
        return [found[name] for name in sorted(found)]

    def visible(self, caller: Caller) -> Sequence[Entry]:
        """Those that exist for a caller, by name."""
        return visible(self.all, caller)

    def may_tell(self, name: str, caller: Caller) -> bool:
        """Whether a channel exists for a caller; one that does not exist at all is no secret."""
        found = self._defined.get(name) or self._stored.get(name)
        return found is None or sees(found, caller)

    def names(self) -> Collection[str]:
        """What a rule or a route may name."""
        return {*self._stored, *self._defined, *TAKEN}

    def entry(self, name: str, *, by: Caller | None = None) -> Entry:
        """by: for whom it is to exist. Raises NotFound, with near names."""
        folded = name.strip().lower()
        found = self._defined.get(folded) or self._stored.get(folded)
        if found is None or not sees(found, by):
            names = [one.name for one in visible(self.all, by)]
            close = difflib.get_close_matches(folded, names, n=5, cutoff=0.5) or names[:5]
            raise NotFound(f"there is no channel {name[:64]!r}", field="channel",
                           allowed=", ".join(close) or "none is defined yet")  # fmt: skip
        return found

    def services(self) -> Sequence[Service]:
        """By which one can be made while we run."""
        return self._ports.maker.services()

    def why_disabled(self, name: str) -> str:
        """Empty where it is not."""
        return self._disabled.get(name, "")

    def tag(self, entry: Entry) -> str:
        """What a channel's entity tag holds: another one after every change."""
        told = repr((entry.name, entry.service, entry.origin, entry.shown, entry.fault,
                     entry.stored and (entry.stored.id, entry.stored.made_ms),
                     self.why_disabled(entry.name)))  # fmt: skip
        return hashlib.blake2b(told.encode(), digest_size=9).hexdigest()

    def find(self, name: str) -> Channel:
        return self._usable(self.entry(name))

    def service(self, name: str) -> str:
        folded = name.strip().lower()
        found = self._defined.get(folded) or self._stored.get(folded)
        return "gone" if found is None else found.service

    def mailing(self, address: str) -> Channel:
        if self._mail is None:
            raise NotFound("no channel is named for the mail of subscribers", field="notify.mail",
                           allowed="notify.mail in the configuration")  # fmt: skip
        entry = self.entry(self._mail)
        self._usable(entry)
        if _ADDRESSEE not in entry.given:
            raise Refused(f"the channel {entry.name} sends no mail: notify.mail names it")
        given = {**entry.given, _ADDRESSEE: address}
        try:
            made = self._ports.maker.make(
                entry.name, entry.service, given=given, trusted=entry.origin == FILE
            )
            return made.channel
        except Invalid as problem:
            raise Refused(str(problem)) from None

    def _usable(self, entry: Entry) -> Channel:
        if reason := self.why_disabled(entry.name):
            raise Refused(f"the channel {entry.name} is disabled: {reason}")
        if entry.channel is None:
            raise Refused(f"the channel {entry.name} cannot be used: {entry.fault}")
        return entry.channel

    # Changing

    async def add(
        self, name: str, service: str, *, given: Given, by: Actor = OURSELVES
    ) -> Entry:  # fmt: skip
        """A new one. Raises Conflict where the name is taken, Invalid and ManyInvalid for what is
        wrong with it, Unavailable where its host cannot be looked up."""
        name = free_name(name)
        self._check_free(name)
        if name in self._stored:
            raise Conflict(f"there is a channel {name} already", field="name")
        if len(self._stored) >= CHANNELS_MAX:
            raise Invalid(f"there are {CHANNELS_MAX} channels already", field="name",
                          allowed="remove one that is not needed")  # fmt: skip
        stored = await self._made(
            StoredChannel(id=secrets.token_hex(8), name=name, service=service, sealed=b"", shown="",
                          made_ms=self._clock.now_ms(), owner_id=by.caller.user_id),
            given=given,
        )  # fmt: skip
        async with self._ledger.transaction() as transaction:
            await transaction.channels.put(stored)
            await transaction.audit.append(
                by.did("channel.add", f"channel {name}", after=_said(stored))
            )
        self._stored[name] = self._opened(stored)
        return self._stored[name]

    async def change(
        self, name: str, service: str, *, given: Given, expected: str | None = None,
        by: Actor = OURSELVES,
    ) -> Entry:  # fmt: skip
        """Another address, or service, under the same name: every setting anew, for what was
        written is not read back, and no secret goes where it was not meant for. What was disabled
        is sent to again. Raises as `add` and `remove`."""
        async with self._removing:
            entry = self._theirs(name, expected=expected, by=by)
            assert entry.stored is not None
            now_ms = max(self._clock.now_ms(), entry.stored.made_ms + 1)
            fresh = replace(entry.stored, service=service, made_ms=now_ms)
            stored = await self._made(fresh, given=given)
            async with self._ledger.transaction() as transaction:
                await transaction.channels.put(stored)
                await transaction.channels.enable(entry.name)
                await transaction.audit.append(by.did(
                    "channel.change", f"channel {entry.name}", before=_said(entry.stored),
                    after=_said(stored),
                ))  # fmt: skip
            self._disabled = {k: v for k, v in self._disabled.items() if k != entry.name}
            self._stored[entry.name] = self._opened(stored)
            return self._stored[entry.name]

    async def _made(self, stored: StoredChannel, *, given: Given) -> StoredChannel:
        """`stored` with these settings, which are looked at as if it were sent to."""
        made = self._ports.maker.make(stored.name, stored.service, given=given)
        if not self._ports.dry:
            await self._ports.maker.check(stored.service, given=given)
        return replace(stored, shown=made.shown, sealed=self._sealed(stored, given))

    def _theirs(self, name: str, *, expected: str | None, by: Actor) -> Entry:
        entry = self.entry(name, by=by.caller)
        self._check_free(entry.name)
        check_theirs(entry, by, name=f"the channel {entry.name}")
        if expected not in (None, self.tag(entry)):
            raise Edited(f"the channel {name} was changed since you read it", field="channel")
        return entry

    async def remove(
        self, name: str, *, expected: str | None = None, by: Actor = OURSELVES
    ) -> None:  # fmt: skip
        """expected: `tag` of what is to go; None for whatever stands. Raises NotFound,
        NotPermitted, Edited, or Conflict where the configuration defines it."""
        async with self._removing:
            entry = self._theirs(name, expected=expected, by=by)
            async with self._ledger.transaction() as transaction:
                await transaction.channels.remove(entry.name)
                await transaction.audit.append(by.did(
                    "channel.remove", f"channel {entry.name}", before=_said(entry.stored)
                ))  # fmt: skip
            self._stored.pop(entry.name, None)
            self._disabled = {k: v for k, v in self._disabled.items() if k != entry.name}

    async def disable(self, name: str, *, reason: str) -> None:
        entry = self.entry(name)
        async with self._ledger.transaction() as transaction:
            await transaction.channels.disable(entry.name, reason=reason)
        self._disabled = {entry.name: reason, **self._disabled}
        log.warning("channel_disabled", channel=entry.name, reason=reason)

    async def enable(self, name: str, *, by: Actor = OURSELVES) -> Entry:
        """Send there again. Raises NotFound, NotPermitted."""
        entry = self.entry(name, by=by.caller)
        check_theirs(entry, by, name=f"the channel {entry.name}")
        async with self._ledger.transaction() as transaction:
            await transaction.channels.enable(entry.name)
            await transaction.audit.append(by.did("channel.enable", f"channel {entry.name}"))
        self._disabled = {k: v for k, v in self._disabled.items() if k != entry.name}
        return entry

    async def test(self, name: str, *, by: Actor = OURSELVES) -> Sent:
        """Send a real message there, disabled or not, and say what came. Raises NotFound,
        NotPermitted, Conflict where it cannot be used or nothing may leave this machine."""
        entry = self.entry(name, by=by.caller)
        check_theirs(entry, by, name=f"the channel {entry.name}")
        if self._ports.dry:
            raise Conflict("the demo market sends nothing to anybody", field="channel")
        if entry.channel is None:
            raise Conflict(f"it cannot be used: {entry.fault}", field="channel")
        return await entry.channel.send(_test_message(entry.name, self._clock.now_ms()))

    async def rekey(self, *, by: Actor = OURSELVES) -> int:
        """Seal every stored secret under a new key, and let the older ones go; how many. What could
        not be opened is left as it is, and then the older keys stay."""
        entries = [one for one in self._stored.values() if one.stored is not None]
        self._ports.vault.renew()
        sound = [one for one in entries if one.given]
        async with self._ledger.transaction() as transaction:
            for entry in sound:
                assert entry.stored is not None
                sealed = replace(entry.stored, sealed=self._sealed(entry.stored, entry.given))
                await transaction.channels.put(sealed)
            await transaction.audit.append(by.did("channel.rekey", f"{len(sound)} channels"))
        if len(sound) == len(entries):
            self._ports.vault.forget()
        await self.recover()
        return len(sound)

    def _sealed(self, stored: StoredChannel, given: Given) -> bytes:
        return self._ports.vault.seal(json.dumps(dict(given)), owner=stored.owner)

    def _opened(self, stored: StoredChannel) -> Entry:
        try:
            given = json.loads(self._ports.vault.open(stored.sealed, owner=stored.owner))
        except Refused as problem:
            return Entry(name=stored.name, service=stored.service, origin=API, fault=str(problem),
                         shown=stored.shown, given=MappingProxyType({}), stored=stored)  # fmt: skip
        entry = self._entry(stored.name, stored.service, given=given, origin=API)
        return replace(entry, stored=stored)

    def _entry(self, name: str, service: str, *, given: Given, origin: str) -> Entry:
        entry = Entry(name=name, service=service, origin=origin, given=given)
        try:
            made = self._ports.maker.make(name, service, given=given, trusted=origin == FILE)
        except Invalid as problem:
            return replace(entry, fault=str(problem))
        return replace(entry, channel=made.channel, shown=made.shown)

    def _check_free(self, name: str) -> None:
        if name in self._defined:
            raise Conflict(
                f"the channel {name} is defined by {self._source}; change it there", field="name"
            )


def _said(stored: StoredChannel | None) -> dict[str, object] | None:
    """What is digested of a channel: nothing that could be used is in it."""
    if stored is None:
        return None
    return {"id": stored.id, "name": stored.name, "service": stored.service,
            "shown": stored.shown, "owner": stored.owner_id}  # fmt: skip


def _test_message(name: str, now_ms: int) -> Message:
    return Message(
        id=f"test-{name}-{now_ms}", thread=f"test-{name}-{now_ms}", ordinal=0,
        kind=NoticeKind.FIRING, severity=Severity.INFO,
        title=f"Sigmawatch: a test of the channel {name}",
        lines=("Somebody asked for this message. If you can read it, the channel works.",),
        decided_ms=now_ms, data={"test": True},
    )  # fmt: skip


def channel_problems(config: Config, maker: ChannelMaker) -> list[tuple[str, Invalid]]:
    """What is wrong with the channels of a configuration: name and problem."""
    found: list[tuple[str, Invalid]] = []
    for name, one in config.channels.items():
        try:
            maker.make(name, one.service, given=one.given, trusted=True)
        except ManyInvalid as problems:
            found += [(name, problem) for problem in problems.problems]
        except Invalid as problem:
            found.append((name, problem))
    return found
