"""Reads the hub's classes as rows, with their courses, years and teachers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.flatfiles.columns import Record
from connectors.flatfiles.joining import Beside, record_of
from connectors.sdk import RosterReader
from shared.domain.records import Kind, decode_list


class Classes:
    """Reads classes in the order of their ids.

    Args:
        roster: the hub.
        fields: by kind, what may be read.
    """

    def __init__(self, roster: RosterReader, fields: Mapping[Kind, tuple[str, ...]]) -> None:
        self._roster = roster
        self._fields = fields

    def rows(self, faculty: Mapping[str, Record]) -> Iterator[dict[str, str | None]]:
        """Yield classes as records.

        Args:
            faculty: by the hub's id, those who are sent.
        """
        courses = self._by_id(Kind.COURSES)
        sessions = self._by_id(Kind.ACADEMIC_SESSIONS)
        asked = ("classSourcedId", "userSourcedId", "role", "primary")
        enrolled = Beside(
            self._roster.rows(Kind.ENROLLMENTS, asked, order_by=("classSourcedId", "userSourcedId"))
        )
        fields = self._fields[Kind.CLASSES]
        for row in self._roster.rows(Kind.CLASSES, fields):
            made = record_of(row, fields)
            made["import_id"] = made["sourcedId"]
            course = courses.get(made.get("courseSourcedId") or "", {})
            made["course_code"], made["course_title"] = (
                course.get("courseCode"),
                course.get("title"),
            )
            terms = decode_list(made.get("termSourcedIds"))
            years = {year for id_ in terms if (year := sessions.get(id_, {}).get("schoolYear"))}
            made["school_year"] = max(years, default=None)
            teachers = sorted(
                (one[4] != "true", str(one[2]))
                for one in enrolled.of(str(made["sourcedId"]))
                if one[3] == "teacher" and one[2] in faculty
            )
            found = dict.fromkeys(teacher for _, teacher in teachers)
            for name, teacher in zip(("teacher", "coteacher"), found, strict=False):
                who = faculty[teacher]
                made[f"{name}_id"] = who["import_id"]
                words = (who.get("givenName"), who.get("familyName"))
                made[f"{name}_name"] = " ".join(filter(None, words))
            yield made

    def _by_id(self, kind: Kind) -> dict[str, dict[str, str | None]]:
        fields = self._fields.get(kind)
        if fields is None:
            return {}
        return {str(row[0]): record_of(row, fields) for row in self._roster.rows(kind, fields)}
