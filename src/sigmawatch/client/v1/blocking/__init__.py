"""Every operation.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from sigmawatch.client.v1.blocking.access import AccessOperations
from sigmawatch.client.v1.blocking.alerts import AlertsOperations
from sigmawatch.client.v1.blocking.collection import CollectionOperations
from sigmawatch.client.v1.blocking.metrics import MetricsOperations
from sigmawatch.client.v1.blocking.operations import OperationsOperations
from sigmawatch.client.v1.blocking.ranking import RankingOperations
from sigmawatch.client.v1.blocking.rules import RulesOperations
from sigmawatch.client.v1.blocking.stream import StreamOperations
from sigmawatch.client.v1.blocking.venues import VenuesOperations
from sigmawatch.client.v1.blocking.watchlists import WatchlistsOperations


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
    """Blocks."""
