"""A judge for tests, until rules are judged: "the price rose RISES times in a row".

An episode opens with the last of these rises and closes with the first fall; two channels are told
of both. A slot without a price changes nothing. tests/faults/episodes.py says the same again,
without our code.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from sigmawatch.domain.alert import Episode, Severity, States
from sigmawatch.domain.frame import MISSING, REASON_MASK
from sigmawatch.domain.notice import Notice, NoticeKind
from sigmawatch.engine.judge import Decisions, Glance, Hearing

RISES = 2
CHANNELS = ("ops", "mail")
_STATE = struct.Struct("<HdBq")  # place, price, rises in a row, open of the episode's slot or -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The state of one series."""

    price: float
    rises: int = 0
    opened_ms: int = -1


class RisingJudge:
    """Fulfils engine.judge.Judge, for rule 1 over every price. heard: what it was asked."""

    idle = reads = False

    def __init__(self) -> None:
        self.heard: list[tuple[int, frozenset[int]]] = []

    def judge(self, hearing: Hearing) -> Decisions:
        board = hearing.board
        self.heard.append((board.slot, hearing.blocks))
        decided = [self._block(hearing, block_id) for block_id in sorted(hearing.blocks)]
        return Decisions(
            states=[one for each in decided for one in each.states],
            episodes=[one for each in decided for one in each.episodes],
            notices=[one for each in decided for one in each.notices],
        )

    def glance(self, glance: Glance) -> Decisions:
        return Decisions()

    def _block(self, hearing: Hearing, block_id: int) -> Decisions:
        board, known = hearing.board, hearing.states.get((1, block_id))
        if known is not None and known.slot >= board.slot:
            return Decisions()
        trends = {} if known is None else _unpacked(known.body)
        before, episodes = dict(trends), []
        for place, row in zip(*board.layout.blocks.get(block_id, ((), ())), strict=True):
            series = board.series[row]
            if series.metric != "price" or board.mark[row] & REASON_MASK >= MISSING:
                continue
            at_ms = board.interval.open_ms(board.slot)
            was, price = trends.get(int(place)), float(board.value[row])
            trend = trends[int(place)] = _next(was, price, at_ms=at_ms)
            if was is not None and trend.opened_ms != was.opened_ms:
                opened_ms = max(trend.opened_ms, was.opened_ms)
                episode = Episode(rule_id=1, series_id=series.id, version=1, opened_ms=opened_ms,
                                  severity=Severity.INFO, told_ms=at_ms)  # fmt: skip
                over = was.opened_ms >= 0
                episodes.append(replace(episode, closed_ms=at_ms) if over else episode)
        if trends == before:
            return Decisions()
        states = States(rule_id=1, block_id=block_id, version=1, slot=board.slot,
                        body=_packed(trends))  # fmt: skip
        notices = [notice for one in episodes for notice in _notices(one)]
        return Decisions(states=[states], episodes=episodes, notices=notices)


def _next(was: Trend | None, price: float, *, at_ms: int) -> Trend:
    if was is None:
        return Trend(price=price)
    rises = min(was.rises + 1, RISES) if price > was.price else 0
    if was.opened_ms >= 0:
        return Trend(
            price=price, rises=rises, opened_ms=was.opened_ms if price >= was.price else -1
        )
    return Trend(price=price, rises=rises, opened_ms=at_ms if rises == RISES else -1)


def _notices(episode: Episode) -> list[Notice]:
    kind = NoticeKind.FIRING if episode.closed_ms is None else NoticeKind.RESOLVED
    return [
        Notice(rule_id=1, series_id=episode.series_id, episode=episode.id, kind=kind, ordinal=0,
               channel=channel, decided_ms=episode.told_ms, due_ms=episode.told_ms, receipt="{}")
        for channel in CHANNELS
    ]  # fmt: skip


def _packed(trends: dict[int, Trend]) -> bytes:
    return b"".join(
        _STATE.pack(place, one.price, one.rises, one.opened_ms)
        for place, one in sorted(trends.items())
    )


def _unpacked(body: bytes) -> dict[int, Trend]:
    return {
        place: Trend(price=price, rises=rises, opened_ms=opened_ms)
        for place, price, rises, opened_ms in _STATE.iter_unpack(body)
    }
