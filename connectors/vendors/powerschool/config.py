"""The settings of the PowerSchool app: from the plugin that the district installs."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, field_validator


class PowerSchoolConfig(BaseModel):
    """Where the server is, and the plugin's credentials."""

    model_config = ConfigDict(extra="forbid")

    #: The server's address, `https://HOST`.
    url: HttpUrl
    #: Of the installed plugin.
    client_id: Annotated[str, Field(min_length=1)]
    #: Of the installed plugin.
    client_secret: SecretStr
    #: The Data Version Subscription's application name; without one, every sync is full.
    application_name: Annotated[str | None, Field(min_length=1)] = None
    #: The year in which the school year starts, 2026 for 2026-27; unset: of each school's terms
    #: the newest year that has begun.
    start_year: Annotated[int | None, Field(ge=1990, le=2100)] = None
    #: Records of a page; the server's own maximum holds as well.
    page_size: Annotated[int, Field(ge=1, le=1000)] = 100
    #: The server's "minimum time interval between API requests per plugin", in milliseconds; 0: it
    #: has none. All workers together keep it.
    interval_ms: Annotated[int, Field(ge=0, le=60_000)] = 0
    #: Seconds to wait for an answer.
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 30
    #: Seconds that a request may take as a whole, its tries and the waits between them together.
    deadline_s: Annotated[float, Field(gt=0, le=3600)] = 120

    @field_validator("url")
    @classmethod
    def _only_an_address(cls, url: HttpUrl) -> HttpUrl:
        if url.username or url.password or url.query or url.fragment:
            raise ValueError("give scheme, host and port alone, as https://HOST")
        return url

    @field_validator("client_secret")
    @classmethod
    def _not_empty(cls, secret: SecretStr) -> SecretStr:
        if not secret.get_secret_value():
            raise ValueError("it is empty")
        return secret
