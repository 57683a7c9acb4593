"""Every operation.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from sigmawatch.client.v1.awaiting.access import AccessOperations
from sigmawatch.client.v1.awaiting.alerts import AlertsOperations
from sigmawatch.client.v1.awaiting.collection import CollectionOperations
from sigmawatch.client.v1.awaiting.metrics import MetricsOperations
from sigmawatch.client.v1.awaiting.operations import OperationsOperations
from sigmawatch.client.v1.awaiting.ranking import RankingOperations
from sigmawatch.client.v1.awaiting.rules import RulesOperations
from sigmawatch.client.v1.awaiting.stream import StreamOperations
from sigmawatch.client.v1.awaiting.venues import VenuesOperations
from sigmawatch.client.v1.awaiting.watchlists import WatchlistsOperations


class Operations(
    MetricsOperations,
    RankingOperations,
    StreamOperations,
    WatchlistsOperations,
    RulesOperations,
    AlertsOperations,
    VenuesOperations,
    CollectionOperations,
    AccessOperations,
    OperationsOperations,
):
    """Awaits."""
