"""The settings of the Google Classroom app: a service account, the admin it acts as, and policy."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    field_validator,
    model_validator,
)

from connectors.sdk import MULTILINE
from connectors.transport.setting_errors import setting_error

#: Of a service account's key file, what is needed to sign in.
_KEY_FIELDS = ("client_email", "private_key", "token_uri")

Address = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
OrgUnit = Annotated[str, Field(pattern=r"^/")]


class GoogleClassroomConfig(BaseModel):
    """Who signs in to the district's Google Workspace, and what may be done there."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    service_account: Annotated[SecretStr, MULTILINE]
    """The JSON key of a service account to which the Workspace's administrator has delegated the
    domain, as it was downloaded: the whole text."""
    admin: Address
    """The administrator as whom the service account acts."""
    customer: Annotated[str, Field(min_length=1)] = "my_customer"
    """The Workspace's customer id; as it is, that of the administrator."""
    token_url: HttpUrl | None = None
    """Where tokens are given, where that is not what the key says."""
    classroom_url: HttpUrl = HttpUrl("https://classroom.googleapis.com")
    """Classroom's address."""
    directory_url: HttpUrl = HttpUrl("https://admin.googleapis.com")
    """The Directory API's address."""
    course_state: Literal["ACTIVE", "PROVISIONED"] = "ACTIVE"
    """The state in which courses are made: ACTIVE, or PROVISIONED, which owners must accept."""
    course_owner: Address | None = None
    """Who owns a course whose class has no teacher that may; unset: the administrator."""
    membership: Literal["add", "invite"] = "add"
    """How members come in: `add` puts them into the course, `invite` asks them to join."""
    pull_members: bool = True
    """Whether members whom a teacher has put into a linked course become enrollments of the hub."""
    pull_unknown_courses: bool = False
    """Whether courses that a teacher has made become classes of the hub. They need a school and a
    year, which Google does not know: see the next two."""
    unknown_courses_school: str | None = None
    """Identifier of the hub's school that those classes come under."""
    unknown_courses_year: Annotated[int | None, Field(ge=2000, le=2100)] = None
    """The school year that they come under, by the year in which it ends."""
    manage_users: bool = False
    """Whether accounts are made, renamed, moved and suspended; otherwise they are only read."""
    domains: str = ""
    """The domains in which accounts are made, with commas; needed with `manage_users`."""
    student_org_unit: OrgUnit | None = None
    """Where new students' accounts go; the unit must exist. For `manage_users` alone."""
    staff_org_unit: OrgUnit | None = None
    """Where other new accounts go, likewise."""
    suspended_org_unit: OrgUnit | None = None
    """Where suspended accounts go, likewise; unset: they stay."""
    guardians: bool = False
    """Whether guardians are invited to follow their students, and let go when they are no more."""
    page_size: Annotated[int, Field(ge=1, le=500)] = 500
    """Records of a page; the server gives at most what it will."""
    user_requests_per_minute: Annotated[int, Field(ge=1)] = 1200
    """Google's quota for one user and project, in requests a minute."""
    client_requests_per_minute: Annotated[int, Field(ge=1)] = 3000
    """Google's quota for a project, in requests a minute."""
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 30
    """Seconds to wait for an answer."""
    deadline_s: Annotated[float, Field(gt=0, le=3600)] = 120
    """Seconds that a request may take as a whole, its tries and the waits between them together."""

    @field_validator("service_account")
    @classmethod
    def _is_key(cls, value: SecretStr) -> SecretStr:
        try:
            found = json.loads(value.get_secret_value())
        except ValueError:
            found = None
        if not isinstance(found, dict) or any(not found.get(name) for name in _KEY_FIELDS):
            raise ValueError(
                f"give the whole JSON of the key file; it has {', '.join(_KEY_FIELDS)}"
            )
        return value

    @field_validator("token_url", "classroom_url", "directory_url")
    @classmethod
    def _only_an_address(cls, url: HttpUrl | None) -> HttpUrl | None:
        if url is not None and (url.username or url.password or url.query or url.fragment):
            raise ValueError("give scheme, host and path alone")
        return url

    @model_validator(mode="after")
    def _fits_together(self) -> GoogleClassroomConfig:
        if self.pull_unknown_courses and not (
            self.unknown_courses_school and self.unknown_courses_year
        ):
            raise setting_error(
                "pull_unknown_courses",
                "a class belongs to a school and a year, and Google knows neither",
                "Set unknown_courses_school and unknown_courses_year.",
            )
        if self.manage_users and not self.account_domains:
            problem = "it is missing: manage_users makes accounts in these domains alone"
            raise setting_error("domains", problem, "Name them, or leave manage_users out.")
        if self.org_units and not self.manage_users:
            name = next(iter(self.org_units))
            problem = f"{name} needs manage_users: without it no account is made or moved"
            raise setting_error(name, problem, f"Leave {name} out, or set manage_users.")
        return self

    @property
    def account_domains(self) -> frozenset[str]:
        """The domains in which accounts are made, in lower case."""
        return frozenset(d.strip().lower() for d in self.domains.split(",") if d.strip())

    @property
    def key(self) -> dict[str, Any]:
        """The service account's key, with the token address that holds."""
        found: dict[str, Any] = json.loads(self.service_account.get_secret_value())
        return {**found, "token_uri": self.token_uri}

    @property
    def token_uri(self) -> str:
        """Where tokens are given."""
        if self.token_url is not None:
            return str(self.token_url)
        return str(json.loads(self.service_account.get_secret_value())["token_uri"])

    @property
    def fallback_owner(self) -> str:
        """Who owns a course for which no teacher is found."""
        return self.course_owner or self.admin

    @property
    def scopes(self) -> tuple[str, ...]:
        """What the administrator must have delegated for these settings."""
        base = "https://www.googleapis.com/auth/"
        names = [
            "classroom.courses",
            "classroom.rosters",
            "admin.directory.user" if self.manage_users else "admin.directory.user.readonly",
        ]
        if self.org_units:
            names.append("admin.directory.orgunit.readonly")
        if self.guardians:
            names.append("classroom.guardianlinks.students")
        return tuple(base + name for name in names)

    @property
    def moves_accounts(self) -> bool:
        """Whether students and staff have units of their own, between which accounts move."""
        units = (self.student_org_unit, self.staff_org_unit)
        return self.manage_users and None not in units and len(set(units)) > 1

    @property
    def org_units(self) -> dict[str, str]:
        """The units that accounts are put into, by the name of their setting."""
        units = {
            "student_org_unit": self.student_org_unit,
            "staff_org_unit": self.staff_org_unit,
            "suspended_org_unit": self.suspended_org_unit,
        }
        return {name: unit for name, unit in units.items() if unit}
