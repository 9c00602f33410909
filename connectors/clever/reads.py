"""The fields of the hub that a set is made of: what its columns need, and no more."""

from __future__ import annotations

from connectors.clever.layout import FILES
from connectors.clever.settings import CleverSettings
from connectors.flatfiles.columns import Reads
from shared.domain.records import Kind

ROLE_FIELDS = ("userSourcedId", "roleType", "role", "orgSourcedId")


def reads(settings: CleverSettings) -> dict[Kind, tuple[str, ...]]:
    """Return them by kind."""
    needed = Reads()
    needed.add(Kind.ORGS, "type")
    needed.add(Kind.USERS, "enabledUser")
    needed.add(Kind.ROLES, *ROLE_FIELDS)
    needed.add(Kind.CLASSES, "schoolSourcedId")
    needed.add(Kind.ENROLLMENTS, "classSourcedId", "userSourcedId", "role", "primary")
    for kind, name in (
        (Kind.ORGS, settings.school_id),
        (Kind.USERS, settings.student_id),
        (Kind.USERS, settings.teacher_id),
    ):
        if name != "sourcedId":
            needed.add(kind, name)
    for file in FILES:
        needed.add_columns(settings.columns(file))
    found = needed.fields()
    if Kind.DEMOGRAPHICS in found:
        needed.add(Kind.DEMOGRAPHICS, "userSourcedId")
    return needed.fields()
