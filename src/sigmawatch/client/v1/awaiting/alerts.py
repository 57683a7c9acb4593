"""The operations on alerts.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Unpack

from sigmawatch.client.base import AskingAsync
from sigmawatch.client.v1.models import (
    ChannelsPage,
    Deliveries,
    InboxMessage,
    InboxPage,
    ReadAnswer,
    Rekeyed,
    ServicesPage,
    ShownChannel,
    ShownDelivery,
    ShownSubscription,
    SubscriptionsPage,
    Tested,
)
from sigmawatch.client.v1.operations.alerts import (
    ADD_CHANNEL,
    ADD_SUBSCRIPTION,
    CHANGE_CHANNEL,
    CONFIRM_SUBSCRIPTION,
    ENABLE_CHANNEL,
    END_SUBSCRIPTION,
    LIST_CHANNELS,
    LIST_DELIVERIES,
    LIST_INBOX,
    LIST_SERVICES,
    LIST_SUBSCRIPTIONS,
    READ_INBOX,
    REKEY_CHANNELS,
    REMOVE_CHANNEL,
    RESEND_DELIVERY,
    SHOW_CHANNEL,
    SHOW_DELIVERY,
    TRY_CHANNEL,
    UNSUBSCRIBE,
    ChannelBody,
    ListDeliveriesQuery,
    ListInboxQuery,
    NewChannelBody,
    ReadBody,
    SubscriptionBody,
)


class AlertsOperations(AskingAsync):
    """Awaits."""

    async def list_deliveries(self, **query: Unpack[ListDeliveriesQuery]) -> Deliveries:
        """What was sent, and what is on its way.

        `status=dead` and `status=expired` are the dead letters:
        `/deliveries/{number}/resend`.

        `GET /api/v1/deliveries`. Needs the scope `read:alerts`.
        """
        return await self._ask(LIST_DELIVERIES.call(query=query))

    def iter_deliveries(self, **query: Unpack[ListDeliveriesQuery]) -> AsyncIterator[ShownDelivery]:
        """Every row of `list_deliveries`, page by page; `limit` is a page's."""
        return self._each(LIST_DELIVERIES.call(query=query))

    async def show_delivery(self, number: int) -> ShownDelivery:
        """One delivery.

        How far it is, and what it came to last.

        `GET /api/v1/deliveries/{number}`. Needs the scope `read:alerts`.
        """
        return await self._ask(SHOW_DELIVERY.call(number))

    async def resend_delivery(
        self, number: int, *, idempotency_key: str | None = None
    ) -> ShownDelivery:
        """Send a dead letter again.

        Under the same id, with 24 hours to succeed. 409 for what is not dead or expired.

        `POST /api/v1/deliveries/{number}/resend`. Needs the scope `write:channels`.
        """
        return await self._ask(
            RESEND_DELIVERY.call(number, headers={"Idempotency-Key": idempotency_key})
        )

    async def list_inbox(self, **query: Unpack[ListInboxQuery]) -> InboxPage:
        """What was told in the program itself.

        Every notice of a rule without channels, and all that the program says of itself.

        `GET /api/v1/inbox`. Needs the scope `read:alerts`.
        """
        return await self._ask(LIST_INBOX.call(query=query))

    def iter_inbox(self, **query: Unpack[ListInboxQuery]) -> AsyncIterator[InboxMessage]:
        """Every row of `list_inbox`, page by page; `limit` is a page's."""
        return self._each(LIST_INBOX.call(query=query))

    async def read_inbox(
        self, *, idempotency_key: str | None = None, **body: Unpack[ReadBody]
    ) -> ReadAnswer:
        """Mark messages as read.

        Everything up to a number: what came since the page was shown stays unread.

        `POST /api/v1/inbox/read`. Needs the scope `read:alerts`.
        """
        return await self._ask(
            READ_INBOX.call(body=body, headers={"Idempotency-Key": idempotency_key})
        )

    async def list_subscriptions(self) -> SubscriptionsPage:
        """Who is told by mail.

        Confirmed or not; those that ended are not there.

        `GET /api/v1/subscriptions`. Needs the scope `read:alerts`.
        """
        return await self._ask(LIST_SUBSCRIPTIONS.call())

    async def add_subscription(
        self, *, idempotency_key: str | None = None, **body: Unpack[SubscriptionBody]
    ) -> ShownSubscription:
        """Follow a rule, a pattern or a watchlist.

        The address is asked first, by mail; until it says yes nothing is sent to it.

        `POST /api/v1/subscriptions`. Needs the scope `write:channels`.
        """
        return await self._ask(
            ADD_SUBSCRIPTION.call(body=body, headers={"Idempotency-Key": idempotency_key})
        )

    async def confirm_subscription(
        self, token: str, *, idempotency_key: str | None = None
    ) -> ShownSubscription:
        """Say yes, by the link in the mail.

        Once, within a week.

        `POST /api/v1/subscriptions/confirm`.
        """
        return await self._ask(
            CONFIRM_SUBSCRIPTION.call(
                query={"token": token}, headers={"Idempotency-Key": idempotency_key}
            )
        )

    async def unsubscribe(self, token: str, *, idempotency_key: str | None = None) -> None:
        """Unsubscribe, by the link in every mail.

        Whatever the body says.

        `POST /api/v1/subscriptions/unsubscribe`.
        """
        return await self._ask(
            UNSUBSCRIBE.call(query={"token": token}, headers={"Idempotency-Key": idempotency_key})
        )

    async def end_subscription(self, number: int) -> None:
        """End a subscription.

        Nothing more is sent by it, not even what waits.

        `DELETE /api/v1/subscriptions/{number}`. Needs the scope `write:channels`.
        """
        return await self._ask(END_SUBSCRIPTION.call(number))

    async def list_channels(self) -> ChannelsPage:
        """All channels.

        Where notices can go, beside the inbox, which is always there.

        `GET /api/v1/channels`. Needs the scope `read:alerts`.
        """
        return await self._ask(LIST_CHANNELS.call())

    async def add_channel(
        self, *, idempotency_key: str | None = None, **body: Unpack[NewChannelBody]
    ) -> ShownChannel:
        """Make a channel.

        Its settings are encrypted before they are stored. An address that leads to this
        machine or its network is refused (422).

        `POST /api/v1/channels`. Needs the scope `write:channels`.
        """
        return await self._ask(
            ADD_CHANNEL.call(body=body, headers={"Idempotency-Key": idempotency_key})
        )

    async def show_channel(self, name: str) -> ShownChannel:
        """One channel.

        Its settings are write-only. Its ETag is what a removal sends back as If-Match.

        `GET /api/v1/channels/{name}`. Needs the scope `read:alerts`.
        """
        return await self._ask(SHOW_CHANNEL.call(name))

    async def change_channel(
        self, name: str, *, if_match: str | None = None, **body: Unpack[ChannelBody]
    ) -> ShownChannel:
        """Change a channel.

        With If-Match: 428 without, 412 where somebody was faster. Every setting is given
        anew. One that was disabled is sent to again. What the configuration defines is
        changed there (409).

        `PUT /api/v1/channels/{name}`. Needs the scope `write:channels`.
        """
        return await self._ask(CHANGE_CHANNEL.call(name, body=body, headers={"If-Match": if_match}))

    async def remove_channel(self, name: str, *, if_match: str | None = None) -> None:
        """Remove a channel.

        With If-Match: 428 without, 412 where somebody was faster. What the configuration
        defines is removed there (409).

        `DELETE /api/v1/channels/{name}`. Needs the scope `write:channels`.
        """
        return await self._ask(REMOVE_CHANNEL.call(name, headers={"If-Match": if_match}))

    async def list_services(self) -> ServicesPage:
        """What channels can be made of.

        And the settings that each needs. Apprise is for the configuration file only.

        `GET /api/v1/services`. Needs the scope `read:alerts`.
        """
        return await self._ask(LIST_SERVICES.call())

    async def try_channel(self, name: str, *, idempotency_key: str | None = None) -> Tested:
        """Send a test message.

        Sends a real message, once, and says what came; within 15 seconds.

        `POST /api/v1/channels/{name}/test`. Needs the scope `write:channels`.
        """
        return await self._ask(TRY_CHANNEL.call(name, headers={"Idempotency-Key": idempotency_key}))

    async def enable_channel(
        self, name: str, *, idempotency_key: str | None = None
    ) -> ShownChannel:
        """Send to a disabled channel again.

        A channel is disabled where its service answers 410: there is nobody any more.

        `POST /api/v1/channels/{name}/enable`. Needs the scope `write:channels`.
        """
        return await self._ask(
            ENABLE_CHANNEL.call(name, headers={"Idempotency-Key": idempotency_key})
        )

    async def rekey_channels(self, *, idempotency_key: str | None = None) -> Rekeyed:
        """Change the key of the secrets.

        Seals every stored secret under a new key and lets the older ones go.

        `POST /api/v1/channels/rekey`. Needs the scope `admin`.
        """
        return await self._ask(REKEY_CHANNELS.call(headers={"Idempotency-Key": idempotency_key}))
