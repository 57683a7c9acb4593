"""Bodies of our own in Coinbase's shape, written from its documentation."""

from __future__ import annotations


def stats(last: object = "50.5", volume: object = "2.0") -> dict[str, object]:
    """One product of /products/stats."""
    return {
        "stats_30day": {"volume": "60.0"},
        "stats_24hour": {"open": "49", "high": "51", "low": "48", "last": last, "volume": volume},
    }


def product(name: str, **fields: object) -> dict[str, object]:
    base, quote = name.split("-")
    return {
        "id": name, "base_currency": base, "quote_currency": quote, "status": "online",
        "trading_disabled": False, "cancel_only": False, "post_only": False, **fields,
    }  # fmt: skip


def advanced(name: str, **fields: object) -> dict[str, object]:
    return {"product_id": name, "price": "50.5", "volume_24h": "2.0", "alias": "", "alias_to": [],
            **fields}  # fmt: skip
