"""The settings of the PowerSchool app: from the plugin that the district installs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from connectors.transport.http_settings import HttpSettings, Secret


class PowerSchoolConfig(HttpSettings):
    """Where the server is, and the plugin's credentials."""

    #: Of the installed plugin.
    client_id: Annotated[str, Field(min_length=1)]
    #: Of the installed plugin.
    client_secret: Secret
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
