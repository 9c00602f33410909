"""From the hub's records to Lightspeed's rows; pure.

Source: Lightspeed's "User import", "Imports" and "Group memberships import" pages of the Launch and
Relay age (read 2026-11-23). Their present form should be confirmed before a district goes live.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from shared.domain.records import decode_list

USERS_HEADER = (
    "unique_sis_user_id",
    "username",
    "first_name",
    "last_name",
    "unique_sis_school_id",
    "grade",
    "email",
    "user_type",
    "password",
    "authentication",
)
GROUPS_HEADER = (
    "unique_sis_group_id",
    "group_name",
    "unique_sis_user_id",
    "unique_sis_school_id",
    "sis_parent_group_id",
    "apple_classroom",
)
MEMBERSHIPS_HEADER = (
    "unique_sis_group_id",
    "unique_sis_user_id",
    "unique_sis_school_id",
    "mm_admin",
)

#: Lightspeed has no type for a student's family: it is never sent, which is no loss to tell of.
FAMILY = frozenset({"guardian", "parent", "relative"})
USER_TYPES: Mapping[str, str] = MappingProxyType({"student": "1"} | dict.fromkeys(
    ("aide", "counselor", "districtAdministrator", "principal", "proctor", "siteAdministrator",
     "systemAdministrator", "teacher"), "2"))  # fmt: skip

#: The group of whoever is in no class, by school.
WITHOUT_CLASS = "Without a class"

_GRADES: Mapping[str, str] = MappingProxyType(
    {"PK": "-1", "PR": "-1", "KG": "0"} | {f"{grade:02d}": str(grade) for grade in range(1, 13)}
)
_FORBIDDEN = re.compile(r"[,\d]")
#: How the vendor wants a name's number written: "III, not 3rd".
_ORDINALS = {
    "1st": "I", "2nd": "II", "3rd": "III", "4th": "IV", "5th": "V", "6th": "VI", "7th": "VII",
    "8th": "VIII", "9th": "IX",
}  # fmt: skip
_ORDINAL = re.compile(rf"(?<!\d)({'|'.join(_ORDINALS)})(?!\w)", re.IGNORECASE)
_BREAKS = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")


def grade_of(grades: str | None, *, tk_grade: str) -> str:
    """Return Lightspeed's grade of a hub user's grades: -1 to 12, "" where it knows none.

    >>> grade_of('["KG"]', tk_grade="-1")
    '0'
    """
    listed = decode_list(grades)
    if not listed:
        return ""
    return tk_grade if listed[0] == "TK" else _GRADES.get(listed[0], "")


def without_class_id(school: str) -> str:
    """Return the id of a school's group of those who are in no class."""
    return f"without-class-{school}"


def name_of(name: str) -> str:
    """Return a name as Lightspeed takes it: without commas and digits.

    >>> name_of("Vo, 3rd")
    'Vo III'
    """
    written = _ORDINAL.sub(lambda found: _ORDINALS[found[0].lower()], name)
    return re.sub(r"\s+", " ", _FORBIDDEN.sub("", written)).strip()


def one_line(value: str) -> str:
    """Return a value with blanks for its line breaks: a record is a line."""
    return _BREAKS.sub(" ", value)
