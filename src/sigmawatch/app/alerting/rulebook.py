"""The rulebook: every rule there is, and the one way to change them.

File, API and command line go through it. A rule of the file is read-only elsewhere; one that is no
longer in it is removed. Versions never change: what is edited gets the next one, what is not keeps
its version and with it its states. Changes are durable before they are seen, and whoever judges is
told of them before the change returns.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from sigmawatch.app.access.owning import check_theirs, sees, visible
from sigmawatch.app.alerting.definition import Definition, read_definition, spelled
from sigmawatch.app.alerting.rules_file import (
    RULES_MAX,
    FileContent,
    Signature,
    read_rules_file,
    signature,
)
from sigmawatch.app.alerting.scope import Scope
from sigmawatch.app.alerting.shipped import SHIPPED
from sigmawatch.app.problems import ConfigProblems, Problem
from sigmawatch.domain.alert import Rule
from sigmawatch.domain.audit import OURSELVES, Actor, Deed
from sigmawatch.domain.caller import Caller
from sigmawatch.domain.errors import Conflict, Edited, Invalid, NotFound, Unavailable
from sigmawatch.domain.rule_settings import RuleSettings
from sigmawatch.ports.alerts import AlertStore
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.ledger import Ledger, Transaction

LOOK_MS = 2_000  # between two looks at the file
LOOK_AGAIN_MS = 60_000  # at a file with problems: what it names may be there by now
FILE, API, BUILT_IN = "file", "api", "shipped"

log = structlog.get_logger()


async def nobody() -> None:
    """Nobody judges."""


Tell = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """What came of a change. new: whether there was no rule of that name."""

    rule: Rule
    new: bool
    warnings: tuple[Problem, ...] = ()


def tag(rule: Rule) -> str:
    """What a rule's entity tag holds: another one after every change."""
    return f"{rule.id}.{rule.version}.{int(rule.enabled)}.{rule.origin}"


class Rulebook:
    """file: the one that defines rules, None where none is to be looked for. tell: called after
    every change. may_tell: whether a channel exists for whoever makes a rule."""

    def __init__(
        self, scope: Scope, *, ledger: Ledger, alerts: AlertStore, clock: Clock, file: Path | None
    ) -> None:
        self.tell: Tell = nobody
        self.may_tell: Callable[[str, Caller], bool] = lambda _name, _caller: True
        self.rules_max = RULES_MAX
        self.scope = scope
        self.file = file
        self._ledger = ledger
        self._alerts = alerts
        self._clock = clock
        self._rules: dict[str, Rule] = {}
        self._changing = asyncio.Lock()
        self._content = FileContent(definitions={})
        self._seen: Signature | None = None
        self._loaded: tuple[Signature | None, int] | None = None  # of which file, and when

    # Reading

    @property
    def all(self) -> Sequence[Rule]:
        """The newest version of every rule, by name."""
        return [self._rules[name] for name in sorted(self._rules)]

    @property
    def file_problems(self) -> Sequence[Problem]:
        """What is wrong with the file, all of it."""
        return [one for problems in self._content.problems.values() for one in problems]

    def visible(self, caller: Caller) -> Sequence[Rule]:
        """Those that exist for a caller, by name."""
        return visible(self.all, caller)

    def find(self, name: str, *, by: Caller | None = None) -> Rule:
        """by: for whom it is to exist. Raises NotFound with near names."""
        folded = name.strip().lower()
        found = self._rules.get(folded)
        if found is not None and sees(found, by):
            return found
        names = [rule.name for rule in visible(self.all, by)]
        close = difflib.get_close_matches(folded, names, n=5, cutoff=0.5) or names[:5]
        raise NotFound(f"there is no rule {name[:64]!r}", field="rule",
                       allowed=", ".join(close) or "there is none yet")  # fmt: skip

    async def versions(self, rule: Rule) -> Sequence[Rule]:
        """Every version, the oldest first."""
        return await self._alerts.versions(rule.id)

    def problems(self, rule: Rule) -> Sequence[Problem]:
        """Why a rule cannot be judged as it stands, or is not what the file says."""
        told = self._content.problems.get(rule.name, ()) if rule.origin == FILE else ()
        try:
            found = read_definition(rule.name, spelled(rule), scope=self.scope)
        except ConfigProblems as exc:
            return (*told, *exc.problems)
        except Invalid as exc:
            return (*told, Problem(path="settings", rule=str(exc)))
        return (*told, *found.warnings)

    def check(self, name: str, raw: Mapping[str, Any]) -> Definition:
        """What a rule would be. Raises ConfigProblems, Invalid where there are too many."""
        found = read_definition(name, raw, scope=self.scope)
        if found.name not in self._rules and len(self._rules) >= self.rules_max:
            raise Invalid(f"there are {self.rules_max:,} rules already", field="name",
                          allowed="remove one that is not needed")  # fmt: skip
        return found

    # Changing

    async def put(
        self, name: str, raw: Mapping[str, Any], *, expected: str | None = None,
        by: Actor = OURSELVES,
    ) -> Put:  # fmt: skip
        """Make a rule, or another version of one. expected: `tag` of the one that is to be changed;
        None for whatever stands. by: whose a new one is. Raises ConfigProblems, Conflict, Edited,
        Invalid, NotFound, NotPermitted."""
        async with self._changing:
            found = self.check(name, raw)
            self._check_names(found, by)
            before = self._rules.get(found.name)
            self._check_free(before, by, expected=expected)
            if before is not None and _same(before, found):
                return Put(rule=before, new=False, warnings=found.warnings)
            async with self._ledger.transaction() as transaction:
                rule = await _store(transaction, found, origin=API)
                if before is None and by.caller.user_id is not None:
                    rule = await transaction.rules.give(rule, by.caller.user_id)
                await transaction.audit.append(by.did(
                    "rule.put", f"rule {rule.name}", before=_said(before), after=_said(rule)
                ))  # fmt: skip
            await self._note({found.name: rule})
            return Put(rule=rule, new=before is None, warnings=found.warnings)

    async def enable(
        self, name: str, enabled: bool, *, expected: str | None = None, by: Actor = OURSELVES
    ) -> Rule:
        """Judge a rule from now on, or no longer. Raises NotFound, NotPermitted, Conflict,
        Edited."""
        async with self._changing:
            before = rule = self.find(name, by=by.caller)
            self._check_free(rule, by, expected=expected)
            if rule.enabled != enabled:
                async with self._ledger.transaction() as transaction:
                    rule = await transaction.rules.put(
                        rule.name, text=rule.text, settings=rule.settings, origin=rule.origin,
                        enabled=enabled,
                    )  # fmt: skip
                    await transaction.audit.append(by.did(
                        "rule.enable" if enabled else "rule.disable", f"rule {rule.name}",
                        before=_said(before), after=_said(rule),
                    ))  # fmt: skip
                await self._note({rule.name: rule})
            return rule

    async def remove(
        self, name: str, *, expected: str | None = None, by: Actor = OURSELVES
    ) -> None:  # fmt: skip
        """Raises NotFound, NotPermitted, Conflict, Edited. Its versions and episodes stay."""
        async with self._changing:
            rule = self.find(name, by=by.caller)
            self._check_free(rule, by, expected=expected)
            async with self._ledger.transaction() as transaction:
                await transaction.rules.remove(rule.name)
                await transaction.audit.append(
                    by.did("rule.remove", f"rule {rule.name}", before=_said(rule))
                )
            await self._note({rule.name: None})

    def _check_names(self, found: Definition, by: Actor) -> None:
        """Nobody is told by a channel of somebody else, or of what is on their list."""
        for name in found.settings.channels:
            if not self.may_tell(name, by.caller):
                raise Invalid(f"there is no channel {name!r}", field="channels",
                              allowed="GET /api/v1/channels lists them")  # fmt: skip
        for name in found.settings.target.watchlists:
            if not sees(self.scope.watchlists[name], by.caller):
                raise Invalid(f"there is no watchlist {name!r}", field="target",
                              allowed="GET /api/v1/watchlists lists them")  # fmt: skip

    def _check_free(self, rule: Rule | None, by: Actor, *, expected: str | None) -> None:
        if rule is not None and rule.origin == FILE:
            source = self.file.name if self.file else "a file"
            raise Conflict(f"the rule {rule.name} is defined by {source}; change it there",
                           field="name")  # fmt: skip
        if rule is not None:
            check_theirs(rule, by, name=f"the rule {rule.name}")
        if expected is not None and (rule is None or tag(rule) != expected):
            raise Edited("the rule was changed since you read it", field="rule")

    async def _note(self, changes: Mapping[str, Rule | None]) -> None:
        for name, rule in changes.items():
            if rule is None:
                self._rules.pop(name, None)
            else:
                self._rules[name] = rule
        await self.tell()

    # Life

    async def recover(self) -> None:
        """Read what is stored, ship the first rules where there never was one, read the file."""
        await self.follow()
        if not self._rules and not await self._alerts.versions(1):
            await self._ship()
        self._seen = None if self.file is None else signature(self.file)
        await self.look()

    async def follow(self) -> None:
        """Take over what is stored: another program on the same database may have changed it."""
        async with self._changing:
            stored = {rule.name: rule for rule in await self._alerts.rules()}
            gone = dict.fromkeys(self._rules.keys() - stored.keys())
            news = {name: rule for name, rule in stored.items() if self._rules.get(name) != rule}
            if gone or news:
                await self._note({**gone, **news})

    async def _ship(self) -> None:
        """Those that can be judged on the slots there are."""
        shipped = {}
        async with self._ledger.transaction() as transaction:
            for name, raw in SHIPPED.items():
                try:
                    found = read_definition(name, raw, scope=self.scope)
                except ConfigProblems as exc:
                    log.info("rule_not_shipped", rule=name, reason=str(exc))
                    continue
                shipped[name] = await _store(transaction, found, origin=BUILT_IN)
        await self._note(shipped)

    async def follow_file_for_ever(self) -> None:
        """Look at the file now and then. It is read once it has stood still from one look to the
        next, so not while somebody writes it."""
        while self.file is not None:
            await self._clock.sleep_until_ms(self._clock.now_ms() + LOOK_MS)
            try:
                await self.look()
            except Unavailable as exc:
                log.warning("rules_file_postponed", reason=str(exc))

    async def look(self) -> None:
        """Read the file where it changed, or had problems a while ago."""
        if self.file is None:
            return
        now, before, self._seen = signature(self.file), self._seen, signature(self.file)
        if now is None and not any(rule.origin == FILE for rule in self._rules.values()):
            self._content = FileContent(definitions={})  # there is none, and none is missed
            return
        if now != before or not self._due(now):
            return
        content = await asyncio.to_thread(read_rules_file, self.file, scope=self.scope)
        try:
            await self._apply(content)
        except Invalid as exc:
            said = Problem(path=self.file.name, rule=str(exc))
            content = replace(content, problems={**content.problems, "": (said,)})
        self._loaded = now, self._clock.monotonic_ms()
        if content.problems != self._content.problems:
            for problem in (one for found in content.problems.values() for one in found):
                log.warning("rules_file_problem", file=self.file.name, problem=str(problem))
        self._content = content

    def _due(self, now: Signature | None) -> bool:
        if self._loaded is None or self._loaded[0] != now:
            return True
        waited_ms = self._clock.monotonic_ms() - self._loaded[1]
        return bool(self._content.problems) and waited_ms >= LOOK_AGAIN_MS

    async def _apply(self, content: FileContent) -> None:
        """Make what the file says so, all or nothing. Raises Invalid where it says too much."""
        if content.definitions is None:
            return
        async with self._changing:
            changes: dict[str, Rule | None] = {}
            new = [
                one for name, one in content.definitions.items()
                if name not in self._rules or self._rules[name].origin != FILE
                or not _same(self._rules[name], one)
            ]  # fmt: skip
            gone = [rule.name for rule in self._rules.values()
                    if rule.origin == FILE and rule.name not in content.named]  # fmt: skip
            if not new and not gone:
                return
            if len(self._rules.keys() - set(gone) | {one.name for one in new}) > self.rules_max:
                raise Invalid(f"would make more than {self.rules_max:,} rules of all there are")
            async with self._ledger.transaction() as transaction:
                for definition in new:
                    changes[definition.name] = await _store(transaction, definition, origin=FILE)
                for name in gone:
                    await transaction.rules.remove(name)
                    changes[name] = None
                for deed in self._deeds(changes):
                    await transaction.audit.append(deed)
            await self._note(changes)
            log.info("rules_file_applied", changed_count=len(new), removed_count=len(gone))

    def _deeds(self, changes: Mapping[str, Rule | None]) -> Iterator[Deed]:
        """What a file changes nobody has asked us for: it is named instead."""
        assert self.file is not None
        for name, rule in changes.items():
            what = "rule.remove" if rule is None else "rule.put"
            yield OURSELVES.did(what, f"rule {name}, by {self.file.name}",
                                before=_said(self._rules.get(name)), after=_said(rule))  # fmt: skip


def _same(rule: Rule, definition: Definition) -> bool:
    """Whether nothing is to be stored. By what they mean: what an older program stored may lack a
    setting of today's."""
    try:
        settings = RuleSettings.decode(rule.settings)
    except Invalid:
        return False
    told = (rule.text, settings, rule.enabled)
    return told == (definition.text, definition.settings, definition.enabled)


def _said(rule: Rule | None) -> dict[str, object] | None:
    """What is digested of a rule."""
    if rule is None:
        return None
    return {"text": rule.text, "settings": rule.settings, "enabled": rule.enabled,
            "owner": rule.owner_id}  # fmt: skip


async def _store(transaction: Transaction, definition: Definition, *, origin: str) -> Rule:
    return await transaction.rules.put(
        definition.name, text=definition.text, settings=definition.settings.encode(),
        origin=origin, enabled=definition.enabled,
    )  # fmt: skip
