"""The settings of the PowerSchool app: from the plugin that the district installs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from connectors.transport.http_settings import HttpSettings, Secret
from connectors.transport.setting_errors import setting_error
from shared.domain.records import FIELDS, Kind

#: Fields of a student that a district may keep in a table of its own.
EXTENSIBLE = frozenset(
    field.name
    for field in FIELDS[Kind.USERS]
    if field.ref is None and not field.many and not field.vocabulary
)
_NAMED = re.compile(r"\s*(\w+)\s*=\s*(\w+)\.(\w+)\s*", re.ASCII)


class Column(NamedTuple):
    """A column of a database extension, in small letters as PowerSchool tells them."""

    table: str
    name: str


class PowerSchoolConfig(HttpSettings):
    """Where the server is, the plugin's credentials, and what is read of it."""

    client_id: Annotated[str, Field(min_length=1)]
    """The client id of the installed plugin."""
    client_secret: Secret
    """The client secret of the installed plugin."""
    application_name: Annotated[str | None, Field(min_length=1)] = None
    """The Data Version Subscription's application name; without one, every sync is full."""
    start_year: Annotated[int | None, Field(ge=1990, le=2100)] = None
    """The year in which the school year starts, 2026 for 2026-27; unset: of each school's terms the
    newest year that has begun."""
    guardians: Literal["none", "custody", "all"] = "none"
    """Which contacts of a student are read as those who stand for them: those with custody, all who
    are active, none."""
    guardians_by: Literal["each_student", "query"] = "each_student"
    """Whether contacts are asked for student by student, or by the plugin's named query."""
    enrollments_by: Literal["each_section", "query"] = "each_section"
    """Whether members are asked for section by section, or by the plugin's named query."""
    query_prefix: Annotated[str, Field(pattern=r"^\w+(\.\w+)+$")] = "org.bellringer.roster"
    """What the names of the plugin's queries begin with."""
    extension_fields: str = ""
    """Fields of students that stand in a database extension: `FIELD=TABLE.COLUMN`, apart by commas.
    """
    page_size: Annotated[int, Field(ge=1, le=1000)] = 100
    """Records of a page; the server's own maximum holds as well."""
    interval_ms: Annotated[int, Field(ge=0, le=60_000)] = 0
    """The server's "minimum time interval between API requests per plugin", in milliseconds; 0: it
    has none. All workers together keep it."""

    @model_validator(mode="after")
    def _columns_are_told(self) -> Self:
        for part in filter(str.strip, self.extension_fields.split(",")):
            found = _NAMED.fullmatch(part)
            if found is None or found[1] not in EXTENSIBLE:
                problem = f"{part.strip()[:60]!r} is none of a student's fields with its column"
                fix = "Give FIELD=TABLE.COLUMN, such as email=u_students_extension.school_email;"
                fix += f" a FIELD is one of {', '.join(sorted(EXTENSIBLE))}."
                raise setting_error("extension_fields", problem, fix)
        return self

    @property
    def extensions(self) -> Mapping[str, Column]:
        """By field of a student, the column in which it stands."""
        parts = (_NAMED.fullmatch(part) for part in self.extension_fields.split(","))
        return {m[1]: Column(m[2].lower(), m[3].lower()) for m in parts if m is not None}
