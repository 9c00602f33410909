"""The settings of the FACTS app: FACTS' own API by two keys, or its OneRoster services."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, HttpUrl, model_validator

from connectors.oneroster.rest.config import OneRosterRestConfig, OneRosterSettings
from connectors.transport.http_settings import Address, OptionalSecret
from connectors.transport.setting_errors import setting_error
from shared.domain.pacing import Rate

#: FACTS' API, by the vendor's API description.
API = HttpUrl("https://api.factsmgt.com")
_OF_REST = ("subscription_key", "api_key")
_OF_ONEROSTER = ("client_id", "client_secret")


class FactsConfig(OneRosterSettings):
    """How a school's FACTS is reached.

    Of `OneRosterSettings`, page_size, requests_per_minute and demographics hold for both
    interfaces, the others for `oneroster` alone.
    """

    url: Address = API
    """FACTS' API; for `oneroster`, the address below which its services lie."""
    interface: Literal["rest", "oneroster"] = "rest"
    """rest: FACTS' own API, by two keys. oneroster: OneRoster REST, by client id and secret."""
    subscription_key: OptionalSecret = None
    """rest: the key of the subscription at FACTS' API portal."""
    api_key: OptionalSecret = None
    """rest: the key that the school has given; it belongs to one school."""
    client_id: Annotated[str | None, Field(min_length=1)] = None
    """oneroster: the client id, or OAuth 1's consumer key."""
    client_secret: OptionalSecret = None
    """oneroster: the client secret, or OAuth 1's consumer secret."""
    start_year: Annotated[int | None, Field(ge=1990, le=2100)] = None
    """rest: the year in which the school year starts, 2026 for 2026-27; unset: the newest begun."""
    student_statuses: Annotated[str, Field(pattern=r"^[^,|\\]+(,[^,|\\]+)*$")] = "Enrolled"
    """rest: whose students are read, by their status in FACTS; several apart by commas. Those of
    the first are enabled users."""
    guardians: Literal["custody", "all", "none"] = "custody"
    """rest: which of a student's parents are read: those with custody, all who are linked, none."""
    use_sorts: bool = True
    """rest: whether pages are asked for in the order of their key; false for a school whose FACTS
    refuses it."""
    requests_per_second: Annotated[int, Field(ge=1, le=1000)] = 10
    """rest: requests a second that the subscription allows, over all workers and apps that use it.
    """
    requests_per_minute: Annotated[int | None, Field(ge=1, le=60_000)] = None
    """Requests a minute; unset: 100 for rest, as fast as it answers for oneroster."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        is_rest = self.interface == "rest"
        needed, others = (_OF_REST, _OF_ONEROSTER) if is_rest else (_OF_ONEROSTER, _OF_REST)
        for name in needed:
            if getattr(self, name) is None:
                raise setting_error(name, "it is missing", f"interface={self.interface} needs it.")
        for name in others:
            if getattr(self, name) is not None:
                problem = f"interface={self.interface} has no use for it"
                raise setting_error(name, problem, "Leave it out, or set the other interface.")
        if not is_rest:
            if self.url == API:
                problem = "FACTS' own API is no OneRoster server"
                raise setting_error("url", problem, "Give the address that FACTS has told you.")
            self.oneroster()
        return self

    @property
    def statuses(self) -> tuple[str, ...]:
        """The statuses of students who are read, the first being that of enabled ones."""
        return tuple(status.strip() for status in self.student_statuses.split(","))

    @property
    def api_rates(self) -> tuple[Rate, ...]:
        """The budget of a subscription to FACTS' API: a second's and a minute's."""
        return (Rate(self.requests_per_second, 1.0), Rate(self.requests_per_minute or 100, 60.0))

    def oneroster(self) -> OneRosterRestConfig:
        """Return the settings of a OneRoster server.

        Raises:
            ValidationError: one is missing.
        """
        known = set(OneRosterRestConfig.model_fields)
        given = {name: getattr(self, name) for name in type(self).model_fields if name in known}
        # there is no incremental read here, so that its cursor would be of no use
        return OneRosterRestConfig(**given, use_filter=False)
