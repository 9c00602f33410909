"""The settings of an app that is read by OneRoster REST."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, HttpUrl, ValidationInfo, field_validator

from connectors.transport.http_settings import HttpSettings, OptionalAddress, Secret
from shared.domain.pacing import Rate

#: Where the services of a version lie by the standard.
SERVICE_PATHS = {"1.1": "/ims/oneroster/v1p1", "1.2": "/ims/oneroster/rostering/v1p2"}
_SCOPE = "https://purl.imsglobal.org/spec/or/{}/scope/"
#: What a token is asked for, by the standard.
SCOPES = ("roster-core.readonly", "roster.readonly", "roster-demographics.readonly")


class Auth(StrEnum):
    """How a request proves whose it is."""

    #: OAuth 2 client credentials, id and secret in a Basic header.
    OAUTH2_HEADER = "oauth2_header"
    #: OAuth 2 client credentials, id and secret in the form.
    OAUTH2_FORM = "oauth2_form"
    #: OAuth 1.0a without a token, signed by HMAC-SHA256.
    OAUTH1_SHA256 = "oauth1_sha256"
    #: OAuth 1.0a without a token, signed by HMAC-SHA1.
    OAUTH1_SHA1 = "oauth1_sha1"

    @property
    def is_signed(self) -> bool:
        """Whether each request is signed, so that there is no token."""
        return self in {Auth.OAUTH1_SHA256, Auth.OAUTH1_SHA1}


class OneRosterSettings(HttpSettings):
    """How a server, below whose `url` the services lie, has laid them out."""

    version: Literal["1.1", "1.2"] = "1.1"
    """The version of the standard that is asked for."""
    service_path: Annotated[str | None, Field(pattern=r"^(/[\w.~-]+)*/?$")] = None
    """What follows `url`; unset: as the standard has it."""
    auth: Auth = Auth.OAUTH2_HEADER
    """How requests prove whose they are."""
    token_url: OptionalAddress = None
    """Where tokens are given, the whole address; OAuth 2 needs it."""
    scopes: Annotated[str | None, Field(min_length=1)] = None
    """What a token is asked for, apart by spaces; unset: the standard's read scopes; "-": nothing.
    """
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Records of a page; a server that gives fewer is followed all the same."""
    demographics: bool = True
    """Whether demographics are read; they need a permission of their own."""
    requests_per_minute: Annotated[int | None, Field(ge=1, le=60_000)] = None
    """Requests a minute that the account allows, over all workers; unset: as fast as it answers."""


class OneRosterRestConfig(OneRosterSettings):
    """Where the services are, and the credentials that the vendor has given."""

    client_id: Annotated[str, Field(min_length=1)]
    """The client id, or OAuth 1's consumer key."""
    client_secret: Secret
    """The client secret, or OAuth 1's consumer secret."""
    use_filter: bool = True
    """Whether an incremental sync filters by dateLastModified where the server proves that it can.
    """
    overlap_minutes: Annotated[int, Field(ge=0, le=10_080)] = 10
    """Minutes that an incremental sync looks back beyond the last one: servers date by batches."""

    @field_validator("token_url")
    @classmethod
    def _fits_auth(cls, url: HttpUrl | None, info: ValidationInfo) -> HttpUrl | None:
        auth = info.data.get("auth")
        if url is None and auth is not None and not auth.is_signed:
            raise ValueError("OAuth 2 needs it: it cannot be told from url")
        return url

    @property
    def base_url(self) -> str:
        """The address that endpoints are under, without a slash at its end."""
        path = self.service_path if self.service_path is not None else self.standard_path()
        return f"{self.address}{path.rstrip('/')}"

    def standard_path(self) -> str:
        """Return the service path where none is set."""
        return SERVICE_PATHS[self.version]

    @property
    def scope(self) -> str:
        """What a token is asked for, "" for nothing."""
        if self.scopes is not None:
            return "" if self.scopes == "-" else self.scopes
        names: tuple[str, ...] = SCOPES
        if not self.demographics:
            names = tuple(name for name in names if "demographics" not in name)
        prefix = _SCOPE.format("v1p1" if self.version == "1.1" else "v1p2")
        return " ".join(prefix + name for name in names)

    @property
    def rates(self) -> tuple[Rate, ...]:
        """The account's budget."""
        return (Rate(self.requests_per_minute, 60.0),) if self.requests_per_minute else ()
