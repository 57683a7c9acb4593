"""Providers of identities: only who is to ask one has installed what that takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sigmawatch.adapters.egress.addresses import Network
from sigmawatch.domain.errors import Refused
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.identity import IdentityProvider


def provider_of(
    client: Mapping[str, Any], *, client_secret: str, openings: Iterable[tuple[Network, int]],
    clock: Clock,
) -> IdentityProvider:  # fmt: skip
    """client: what we are there, but the secret. openings: what the operator opened. Raises Refused
    where it is not installed."""
    try:
        from sigmawatch.adapters.oidc import Client, OidcProvider  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        raise Refused(
            f"[access.oidc] needs {exc.name}, which is not installed: pip install "
            "'sigmawatch[oidc]'"
        ) from exc
    return OidcProvider.of(Client(**client, client_secret=client_secret), openings, clock=clock)
