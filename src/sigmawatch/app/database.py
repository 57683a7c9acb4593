"""The address of a database on a server, as people write it: `postgresql://…`.

It may hold a password, so it is kept as a secret and shown without one.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

from sigmawatch.domain.errors import Invalid

SCHEMES = ("postgresql", "postgres")
ALLOWED = "postgresql://user:password@host:5432/name"


def names_server(text: str) -> bool:
    """Whether it is the address of a kind of database that we can use."""
    return text.partition("://")[0] in SCHEMES and "://" in text


def _address(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value().strip()
    if text and not names_server(text):
        raise Invalid("must be the address of a PostgreSQL database", allowed=ALLOWED)
    return SecretStr(text)


DatabaseAddress = Annotated[SecretStr, AfterValidator(_address)]


def shown(address: SecretStr) -> str:
    """The address as it may be printed: user, host, port and name."""
    parts = urlsplit(address.get_secret_value())
    login, at, place = parts.netloc.rpartition("@")
    return f"postgresql://{login.partition(':')[0]}{at}{place}{parts.path}"
