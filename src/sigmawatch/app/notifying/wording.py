"""A notice in words: its receipt becomes a Message, plain text for every channel.

The same notice has the same words in every attempt and every process. A receipt that cannot be read
is told all the same: nobody loses a notice for its text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from sigmawatch.app.notifying.words import Times, number
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.announcement import Announcement, Digest, Question
from sigmawatch.domain.message import Message
from sigmawatch.domain.notice import PROGRAM, Notice, NoticeKind
from sigmawatch.domain.receipt import Listed, Operand, Receipt

TITLE_CHARS_MAX = 200
GISTS_SHOWN = 50
_SAYS = {
    NoticeKind.FIRING: "Firing",
    NoticeKind.RESOLVED: "Resolved",
    NoticeKind.REMINDER: "Still firing",
    NoticeKind.ACTIVE_AGAIN: "Active again",
    NoticeKind.FLAPPING: "Flapping",
    NoticeKind.SUMMARY: "Summary",
    NoticeKind.NO_DATA: "No data",
    NoticeKind.DIGEST: "Digest",
    NoticeKind.CONFIRM: "Please confirm",
}
RANK = {severity: place for place, severity in enumerate(Severity)}
_WITHHELD = {
    "late": "while the tracker was down",
    "muted": "held back while it was muted",
    "silenced": "held back while it was silenced",
    "suppressed": "held back while its venue was down",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Addresses in messages; None where the program has no public one. confirm, unsubscribe: of a
    subscription by its name in the outbox. code: what `confirm` proves itself by, in words."""

    public_url: str | None
    confirm: Callable[[str], str | None]
    code: Callable[[str], str | None]
    unsubscribe: Callable[[str], str | None]


class Wording:
    """Says notices."""

    def __init__(self, times: Times, links: Links) -> None:
        self._times = times
        self._links = links

    def message(self, notice: Notice, *, told: bool = True) -> Message:
        """told: whether anybody was told before that its episode fires; a *resolved* that nobody
        was prepared for says that it fired, too."""
        try:
            return self._said(notice, told=told)
        except msgspec.DecodeError:
            said = Announcement(
                title=f"{_SAYS[notice.kind]}: {notice.episode}", severity=Severity.WARNING,
                lines=("What it was decided on cannot be read.",),
            )  # fmt: skip
            return self._message(notice, said)

    def _said(self, notice: Notice, *, told: bool) -> Message:
        if notice.kind is NoticeKind.DIGEST:
            return self._digest(notice, msgspec.json.decode(notice.receipt, type=Digest))
        if notice.kind is NoticeKind.CONFIRM:
            return self._question(notice, msgspec.json.decode(notice.receipt, type=Question))
        if notice.rule_id == PROGRAM:
            own = msgspec.json.decode(notice.receipt, type=Announcement)
            return self._message(notice, replace(own, lines=(*own.lines, self._at(notice))))
        receipt = msgspec.json.decode(notice.receipt, type=Receipt)
        return self._of_rule(notice, receipt, told=told)

    def _of_rule(self, notice: Notice, receipt: Receipt, *, told: bool) -> Message:
        facts = [("Series", receipt.series)] if receipt.series else []
        facts += [("Rule", receipt.rule), ("Severity", receipt.severity)]
        if receipt.value is not None:
            facts.append(("Value", _with_unit(receipt.value, receipt.unit)))
        said = Announcement(
            title=_rule_title(notice, receipt, told=told), severity=rated(receipt.severity),
            lines=tuple(self._rule_lines(notice, receipt)),
        )  # fmt: skip
        return self._message(notice, said, facts=tuple(facts), data=msgspec.to_builtins(receipt))

    def _rule_lines(self, notice: Notice, receipt: Receipt) -> Sequence[str]:
        opened_ms = receipt.opened * receipt.interval_ms
        lines = [receipt.condition] if receipt.condition else []
        lines += [_operand(one) for one in receipt.operands]
        if receipt.counts:
            lines.append(", ".join(f"{count} × {kind}" for kind, count in receipt.counts))
        lines += [_listed(one) for one in receipt.listed]
        if receipt.reason:
            lines.append(f"Because {receipt.reason}.")
        if receipt.reading_ms is not None:
            lines.append("Read before its slot had closed.")
        if receipt.reopened:
            lines.append(f"Reopened {receipt.reopened} times.")
        if opened_ms < notice.decided_ms:
            lines.append(f"Since {self._times.moment(opened_ms)}.")
        lines += [f"Told late: {_WITHHELD.get(one, one)}." for one in receipt.withheld]
        if receipt.note:
            lines.append(receipt.note)
        return [*lines, self._at(notice)]

    def _at(self, notice: Notice) -> str:
        return self._times.moment(notice.decided_ms)

    def _digest(self, notice: Notice, digest: Digest) -> Message:
        counts = Counter(gist.kind for gist in digest.gists)
        told = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in counts.items())
        first = sorted(digest.gists, key=lambda gist: -RANK[gist.severity])
        more = len(first) - GISTS_SHOWN
        worst = max((gist.severity for gist in digest.gists), key=RANK.__getitem__)
        said = Announcement(
            title=f"{len(first)} notices: {told}", severity=worst,
            lines=(
                "More came at once than this channel takes one by one.",
                *(gist.title for gist in first[:GISTS_SHOWN]),
                *([f"and {more} more"] if more > 0 else []),
            ),
        )  # fmt: skip
        return self._message(notice, said, data=msgspec.to_builtins(digest))

    def _question(self, notice: Notice, question: Question) -> Message:
        link = self._links.confirm(notice.channel)
        said = Announcement(
            title=f"Confirm that you want alerts on {question.target}", severity=Severity.INFO,
            lines=(
                f"Somebody asked that alerts on {question.target} be sent to this address.",
                f"If it was you, open {link}" if link else
                f"If it was you, tell whom you asked: {self._links.code(notice.channel)}",
                "If not, do nothing: nothing more will come.",
            ),
        )  # fmt: skip
        return self._message(notice, said, link=link)

    def _message(
        self, notice: Notice, said: Announcement, *, facts: tuple[tuple[str, str], ...] = (),
        data: object = None, link: str | None = None,
    ) -> Message:  # fmt: skip
        public, title = self._links.public_url, _title(said.title)
        told = {"id": notice.id, "episode": notice.episode, "kind": str(notice.kind),
                "ordinal": notice.ordinal, "decided_ms": notice.decided_ms, "title": title,
                "severity": str(said.severity)}  # fmt: skip
        return Message(
            id=notice.id, thread=notice.episode, ordinal=notice.ordinal, kind=notice.kind,
            severity=said.severity, title=title, lines=_lines(said.lines), facts=facts,
            decided_ms=notice.decided_ms,
            link=link or (f"{public}/alerts/{notice.episode}" if public else None),
            unsubscribe=self._links.unsubscribe(notice.channel),
            data=told | ({"receipt": data} if data is not None else {}),
        )  # fmt: skip


def severity_of(notice: Notice) -> Severity:
    """How much a notice matters; a warning where that cannot be read."""
    try:
        if notice.kind is NoticeKind.DIGEST:
            digest = msgspec.json.decode(notice.receipt, type=Digest)
            return max((gist.severity for gist in digest.gists), key=RANK.__getitem__)
        return rated(msgspec.json.decode(notice.receipt, type=_Rated).severity)
    except (msgspec.DecodeError, ValueError):
        return Severity.WARNING


class _Rated(msgspec.Struct):
    severity: str = Severity.INFO


def rated(text: str) -> Severity:
    """The severity of that name; a warning where there is none."""
    return Severity(text) if text in list(Severity) else Severity.WARNING


def _rule_title(notice: Notice, receipt: Receipt, *, told: bool) -> str:
    says = _SAYS[notice.kind]
    if notice.kind is NoticeKind.RESOLVED and not told:
        says = "Fired and resolved"
    where = receipt.series or f"{sum(n for _, n in receipt.counts)} series"
    value = f" {_with_unit(receipt.value, receipt.unit)}" if receipt.value is not None else ""
    return f"{says}: {receipt.rule} · {where}{value}"


def _title(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= TITLE_CHARS_MAX else f"{text[: TITLE_CHARS_MAX - 1]}…"


def _lines(lines: Sequence[str]) -> tuple[str, ...]:
    """Each on one line, whatever strangers put into it."""
    return tuple(" ".join(line.split()) for line in lines)


def _with_unit(value: float | None, unit: str) -> str:
    return f"{number(value)} {unit}".strip()


def _operand(operand: Operand) -> str:
    covered = "" if operand.coverage is None else f" ({100 * operand.coverage:.0f} % of its window)"
    return f"{operand.text} = {number(operand.value)}{covered}"


def _listed(listed: Listed) -> str:
    times = f", {number(listed.weight)} × its limit" if listed.weight else ""
    return f"{listed.series} {number(listed.value)} ({listed.kind.replace('_', ' ')}{times})"
