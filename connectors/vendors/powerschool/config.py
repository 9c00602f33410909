"""The settings of the PowerSchool app: from the plugin that the district installs."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr


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
    application_name: str | None = None
    #: The year in which the school year starts, 2026 for 2026-27; unset: the newest there is.
    start_year: Annotated[int | None, Field(ge=1990, le=2100)] = None
    #: Records of a page; the server's own maximum holds as well.
    page_size: Annotated[int, Field(ge=1, le=1000)] = 100
    #: Seconds to wait for an answer.
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 30
