"""Who is who: the keys by which a record that an app shows for the first time is known.

Once matched, a record is linked, and from then on only the link counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shared.domain.records import Kind

#: By kind, the fields that together name one record. A record that lacks one of them is not
#: matched, and a key that two records of the hub share matches neither.
KEYS: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        Kind.ORGS: ("type", "identifier"),
        Kind.ACADEMIC_SESSIONS: ("type", "schoolYear", "startDate", "endDate"),
        Kind.COURSES: ("orgSourcedId", "courseCode"),
        Kind.CLASSES: ("schoolSourcedId", "courseSourcedId", "classCode", "termSourcedIds"),
        Kind.USERS: ("identifier",),
        Kind.ROLES: ("userSourcedId", "orgSourcedId", "role"),
        Kind.ENROLLMENTS: ("classSourcedId", "userSourcedId", "role"),
        Kind.DEMOGRAPHICS: ("userSourcedId",),
    }
)
