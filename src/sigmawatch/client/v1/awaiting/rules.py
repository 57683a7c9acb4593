"""The operations on rules.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal, Unpack

from sigmawatch.client.base import AskingAsync
from sigmawatch.client.model import Table
from sigmawatch.client.v1.models import (
    CheckedRule,
    EpisodesPage,
    RulesPage,
    RuleVersions,
    ShownCourse,
    ShownEpisode,
    ShownExplanation,
    ShownPreview,
    ShownRule,
    ShownSilence,
    SilencesPage,
)
from sigmawatch.client.v1.operations.rules import (
    ACKNOWLEDGE_EPISODE,
    ADD_SILENCE,
    CHECK_RULE,
    DISABLE_RULE,
    ENABLE_RULE,
    END_SILENCE,
    EXPLAIN_EPISODE,
    LIST_EPISODES,
    LIST_RULE_VERSIONS,
    LIST_RULES,
    LIST_SILENCES,
    PREVIEW_RULE,
    PUT_RULE,
    REMOVE_RULE,
    SHOW_COURSE,
    SHOW_EPISODE,
    SHOW_RULE,
    SHOW_SILENCE,
    AcknowledgeBody,
    CheckRuleBody,
    ListEpisodesQuery,
    ListEpisodesTableQuery,
    ListRulesQuery,
    PreviewBody,
    RuleBody,
    ShowCourseQuery,
    SilenceBody,
)


class RulesOperations(AskingAsync):
    """Awaits."""

    async def list_rules(self, **query: Unpack[ListRulesQuery]) -> RulesPage:
        """All rules.

        With what is wrong in the file that defines some, if anything is.

        `GET /api/v1/rules`. Needs the scope `read:alerts`.
        """
        return await self._ask(LIST_RULES.call(query=query))

    def iter_rules(self, **query: Unpack[ListRulesQuery]) -> AsyncIterator[ShownRule]:
        """Every row of `list_rules`, page by page; `limit` is a page's."""
        return self._each(LIST_RULES.call(query=query))

    async def show_rule(self, name: str) -> ShownRule:
        """One rule.

        Its ETag names the version; a change sends it back as If-Match. `problems` says what
        of it cannot be judged.

        `GET /api/v1/rules/{name}`. Needs the scope `read:alerts`.
        """
        return await self._ask(SHOW_RULE.call(name))

    async def put_rule(
        self, name: str, *, if_match: str | None = None, **body: Unpack[RuleBody]
    ) -> ShownRule:
        """Make or change a rule.

        201 where it is new. One that stands is changed with If-Match: 428 without, 412 where
        it was changed meanwhile. What the rules file defines is changed there (409).

        `PUT /api/v1/rules/{name}`. Needs the scope `write:rules`.
        """
        return await self._ask(PUT_RULE.call(name, body=body, headers={"If-Match": if_match}))

    async def remove_rule(self, name: str, *, if_match: str | None = None) -> None:
        """Remove a rule.

        With If-Match, as a change. What is open under it closes; its episodes stay.

        `DELETE /api/v1/rules/{name}`. Needs the scope `write:rules`.
        """
        return await self._ask(REMOVE_RULE.call(name, headers={"If-Match": if_match}))

    async def list_rule_versions(self, name: str) -> RuleVersions:
        """What a rule was.

        Versions never change, so what was decided by one can be explained.

        `GET /api/v1/rules/{name}/versions`. Needs the scope `read:alerts`.
        """
        return await self._ask(LIST_RULE_VERSIONS.call(name))

    async def check_rule(
        self, *, idempotency_key: str | None = None, **body: Unpack[CheckRuleBody]
    ) -> CheckedRule:
        """Check a rule without saving it.

        422 with everything that is wrong at once, with the place in a condition's line.

        `POST /api/v1/rules/check`. Needs the scope `read:alerts`.
        """
        return await self._ask(
            CHECK_RULE.call(body=body, headers={"Idempotency-Key": idempotency_key})
        )

    async def enable_rule(self, name: str, *, idempotency_key: str | None = None) -> ShownRule:
        """Judge a rule.

        From the next slot on; its version stays.

        `POST /api/v1/rules/{name}/enable`. Needs the scope `write:rules`.
        """
        return await self._ask(ENABLE_RULE.call(name, headers={"Idempotency-Key": idempotency_key}))

    async def disable_rule(self, name: str, *, idempotency_key: str | None = None) -> ShownRule:
        """Judge a rule no more.

        What is open under it closes with that reason; the rule and its versions stay.

        `POST /api/v1/rules/{name}/disable`. Needs the scope `write:rules`.
        """
        return await self._ask(
            DISABLE_RULE.call(name, headers={"Idempotency-Key": idempotency_key})
        )

    async def preview_rule(
        self, *, idempotency_key: str | None = None, **body: Unpack[PreviewBody]
    ) -> ShownPreview:
        """What a rule would have said.

        Judged over stored history by the code that judges live; nothing is saved, nobody
        told. 422 with everything that is wrong in the rule, with the place in its line.

        `POST /api/v1/rules/preview`. Needs the scope `read:alerts`.
        """
        return await self._ask(
            PREVIEW_RULE.call(body=body, headers={"Idempotency-Key": idempotency_key})
        )

    async def show_course(
        self, name: str, series: str, **query: Unpack[ShowCourseQuery]
    ) -> ShownCourse:
        """What a rule said of a series.

        Slot by slot, also where it did not fire: state, reason, numbers, from history.

        `GET /api/v1/rules/{name}/course`. Needs the scope `read:alerts`.
        """
        return await self._ask(SHOW_COURSE.call(name, query={"series": series, **query}))

    async def explain_episode(self, name: str) -> ShownExplanation:
        """Why an episode was told.

        Every number of every decision: as the receipt has it, and computed again from
        history.

        `GET /api/v1/episodes/{name}/explain`. Needs the scope `read:alerts`.
        """
        return await self._ask(EXPLAIN_EPISODE.call(name))

    async def list_silences(self) -> SilencesPage:
        """Silences in force.

        What still fires when one ends is told then, once.

        `GET /api/v1/silences`. Needs the scope `read:alerts`.
        """
        return await self._ask(LIST_SILENCES.call())

    async def add_silence(
        self, *, idempotency_key: str | None = None, **body: Unpack[SilenceBody]
    ) -> ShownSilence:
        """Silence some series.

        From now on; it ends by itself.

        `POST /api/v1/silences`. Needs the scope `write:rules`.
        """
        return await self._ask(
            ADD_SILENCE.call(body=body, headers={"Idempotency-Key": idempotency_key})
        )

    async def show_silence(self, number: int) -> ShownSilence:
        """One silence.

        While it is in force.

        `GET /api/v1/silences/{number}`. Needs the scope `read:alerts`.
        """
        return await self._ask(SHOW_SILENCE.call(number))

    async def end_silence(self, number: int) -> None:
        """End a silence.

        Now; what still fires is told.

        `DELETE /api/v1/silences/{number}`. Needs the scope `write:rules`.
        """
        return await self._ask(END_SILENCE.call(number))

    async def list_episodes(self, **query: Unpack[ListEpisodesQuery]) -> EpisodesPage:
        """Episodes.

        Newest first; what opens while somebody turns pages is on none of them.

        `GET /api/v1/episodes`. Needs the scope `read:alerts`.
        """
        return await self._ask(LIST_EPISODES.call(query=query))

    def iter_episodes(self, **query: Unpack[ListEpisodesQuery]) -> AsyncIterator[ShownEpisode]:
        """Every row of `list_episodes`, page by page; `limit` is a page's."""
        return self._each(LIST_EPISODES.call(query=query))

    async def list_episodes_as(
        self,
        format: Literal["csv", "ndjson", "parquet", "arrow"],
        **query: Unpack[ListEpisodesTableQuery],
    ) -> Table:
        """`list_episodes` as a table; parquet and arrow are of servers with that extra."""
        return await self._ask(LIST_EPISODES.written().call(query={"format": format, **query}))

    async def show_episode(self, name: str) -> ShownEpisode:
        """One episode.

        While it lasts, it may still change.

        `GET /api/v1/episodes/{name}`. Needs the scope `read:alerts`.
        """
        return await self._ask(SHOW_EPISODE.call(name))

    async def acknowledge_episode(
        self, name: str, *, idempotency_key: str | None = None, **body: Unpack[AcknowledgeBody]
    ) -> ShownEpisode:
        """Acknowledge an episode.

        No more reminders of this episode. Who was first stays.

        `POST /api/v1/episodes/{name}/acknowledge`. Needs the scope `write:rules`.
        """
        return await self._ask(
            ACKNOWLEDGE_EPISODE.call(name, body=body, headers={"Idempotency-Key": idempotency_key})
        )
