"""The table `[access.oidc]` of the configuration: a provider by which people sign in.

The application's own view of it: by whom, under which name, and as what.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, field_validator

from sigmawatch.app.config_table import Table
from sigmawatch.domain.caller import Role
from sigmawatch.domain.errors import Invalid

_HIGHEST_FIRST = (Role.ADMIN, Role.EDITOR, Role.READER)
_OWN = frozenset({"localhost", "127.0.0.1", "::1"})


def _address(text: str) -> str:
    parts = urlsplit(text)
    plain = parts.hostname and not parts.query and not parts.fragment and "@" not in parts.netloc
    if not plain or parts.scheme not in {"https", "http"}:
        raise Invalid("must be an address without query", allowed="https://login.example.org")
    return text


def _ours(text: str) -> str:
    parts = urlsplit(_address(text))
    if parts.path not in {"", "/"} or (parts.scheme == "http" and parts.hostname not in _OWN):
        raise Invalid("must be where browsers reach us, over https, without a path",
                      allowed="https://markets.example.org, http://127.0.0.1:8000")  # fmt: skip
    return text.rstrip("/")


class OidcConfig(Table):
    """Sign-in by OpenID Connect. How to: docs/how-to/access.md."""

    issuer: Annotated[str, AfterValidator(_address)] = Field(
        description="The provider's issuer, as its `/.well-known/openid-configuration` has it, to "
        "the letter."
    )
    name: str = Field(
        default="", max_length=60,
        description="What the page's sign-in calls the provider: `Continue with NAME`. The host of "
        "`issuer` without it.",
    )  # fmt: skip
    client_id: str = Field(
        min_length=1, max_length=500, description="What we are called there."
    )  # fmt: skip
    client_secret: SecretStr = Field(
        min_length=1,
        description="Our secret there. Better set in the environment: "
        "`SIGMAWATCH_ACCESS__OIDC__CLIENT_SECRET`.",
    )
    public_url: Annotated[str, AfterValidator(_ours)] = Field(
        description="Where browsers reach us; `/login/oidc/callback` below it is the redirect URI "
        "to be registered there."
    )
    scopes: tuple[str, ...] = Field(
        default=("openid", "profile"), description="What we ask to be told; `openid` is needed."
    )
    name_claim: str = Field(
        default="preferred_username",
        description="The claim that a new user is named by; where that name is taken or is none, "
        "another one is found.",
    )
    role_claim: str = Field(
        default="groups", description="The claim, a text or a list, that says what somebody may."
    )
    roles: Mapping[Role, tuple[str, ...]] = Field(
        default={},
        description='Role -> values of that claim: `admin = ["ops"]`. The highest that fits '
        "counts, at every sign-in.",
    )
    default_role: Role | None = Field(
        default=None, description="Of whom no value fits; without it nobody else is let in."
    )

    @field_validator("scopes")
    @classmethod
    def _with_openid(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        words = all(one.isascii() and one.split() == [one] for one in scopes)
        if "openid" not in scopes or not words:
            raise Invalid("must be words, and `openid` among them", allowed='["openid", "profile"]')
        return scopes

    @property
    def called(self) -> str:
        """For people."""
        return self.name or urlsplit(self.issuer).netloc

    @property
    def back_to(self) -> str:
        return f"{self.public_url}/login/oidc/callback"

    def role_of(self, claims: Mapping[str, Any]) -> Role | None:
        """What somebody of whom that is said may be; None: nothing here."""
        said = claims.get(self.role_claim)
        values = {said} if isinstance(said, str) else set(filter(_is_text, _listed(said)))
        fitting = (role for role in _HIGHEST_FIRST if values & set(self.roles.get(role, ())))
        return next(fitting, self.default_role)


def _listed(said: object) -> list[object]:
    return said if isinstance(said, list) else []


def _is_text(value: object) -> bool:
    return isinstance(value, str)
