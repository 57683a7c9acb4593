"""What may be asked about alerts.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from sigmawatch.client.calls import Operation
from sigmawatch.client.v1.choices import AnyNoticeStatus, AnySeverity
from sigmawatch.client.v1.models import (
    ChannelsPage,
    Deliveries,
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


class ChannelBody(TypedDict):
    """What `change_channel` takes."""

    service: str  # Whose it is.
    settings: dict[str, str | int | float]  # What that service needs; never shown again.


class NewChannelBody(TypedDict):
    """What `add_channel` takes."""

    name: str  # How it is to be called.
    service: str  # Whose it is.
    settings: dict[str, str | int | float]  # What that service needs; never shown again.


class ReadBody(TypedDict):
    """What `read_inbox` takes."""

    through: int  # everything up to this number


class SubscriptionBody(TypedDict):
    """What `add_subscription` takes."""

    address: str  # a mail address
    target: str  # rule:NAME, watchlist:NAME or pattern:VENUE:BASE/QUOTE
    severity: NotRequired[AnySeverity]  # the least to be told
    mute: NotRequired[Sequence[str]]  # when nothing is to be told


class ListDeliveriesQuery(TypedDict, total=False):
    """Of `list_deliveries`; what is left out is as the server has it."""

    status: AnyNoticeStatus  # only these
    before: int  # numbers below this one
    limit: int  # rows a page; else 100


class ListInboxQuery(TypedDict, total=False):
    """Of `list_inbox`; what is left out is as the server has it."""

    unread: bool  # only what is unread; else False
    before: int  # numbers below this one
    limit: int  # rows a page; else 100


LIST_DELIVERIES: Operation[Deliveries] = Operation(
    method="GET", path="/api/v1/deliveries", answer=Deliveries
)
SHOW_DELIVERY: Operation[ShownDelivery] = Operation(
    method="GET", path="/api/v1/deliveries/{number}", answer=ShownDelivery
)
RESEND_DELIVERY: Operation[ShownDelivery] = Operation(
    method="POST", path="/api/v1/deliveries/{number}/resend", answer=ShownDelivery
)
LIST_INBOX: Operation[InboxPage] = Operation(method="GET", path="/api/v1/inbox", answer=InboxPage)
READ_INBOX: Operation[ReadAnswer] = Operation(
    method="POST", path="/api/v1/inbox/read", answer=ReadAnswer
)
LIST_SUBSCRIPTIONS: Operation[SubscriptionsPage] = Operation(
    method="GET", path="/api/v1/subscriptions", answer=SubscriptionsPage
)
ADD_SUBSCRIPTION: Operation[ShownSubscription] = Operation(
    method="POST", path="/api/v1/subscriptions", answer=ShownSubscription
)
CONFIRM_SUBSCRIPTION: Operation[ShownSubscription] = Operation(
    method="POST", path="/api/v1/subscriptions/confirm", answer=ShownSubscription
)
UNSUBSCRIBE: Operation[None] = Operation(
    method="POST", path="/api/v1/subscriptions/unsubscribe", answer=type(None)
)
END_SUBSCRIPTION: Operation[None] = Operation(
    method="DELETE", path="/api/v1/subscriptions/{number}", answer=type(None)
)
LIST_CHANNELS: Operation[ChannelsPage] = Operation(
    method="GET", path="/api/v1/channels", answer=ChannelsPage
)
ADD_CHANNEL: Operation[ShownChannel] = Operation(
    method="POST", path="/api/v1/channels", answer=ShownChannel
)
SHOW_CHANNEL: Operation[ShownChannel] = Operation(
    method="GET", path="/api/v1/channels/{name}", answer=ShownChannel
)
CHANGE_CHANNEL: Operation[ShownChannel] = Operation(
    method="PUT", path="/api/v1/channels/{name}", answer=ShownChannel
)
REMOVE_CHANNEL: Operation[None] = Operation(
    method="DELETE", path="/api/v1/channels/{name}", answer=type(None)
)
LIST_SERVICES: Operation[ServicesPage] = Operation(
    method="GET", path="/api/v1/services", answer=ServicesPage
)
TRY_CHANNEL: Operation[Tested] = Operation(
    method="POST", path="/api/v1/channels/{name}/test", answer=Tested
)
ENABLE_CHANNEL: Operation[ShownChannel] = Operation(
    method="POST", path="/api/v1/channels/{name}/enable", answer=ShownChannel
)
REKEY_CHANNELS: Operation[Rekeyed] = Operation(
    method="POST", path="/api/v1/channels/rekey", answer=Rekeyed
)
