"""Reads the hub's classes as sections: with their teachers, terms and courses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.clever.layout import CO_TEACHERS
from connectors.clever.settings import CleverSettings
from connectors.flatfiles.formats import date_as
from connectors.flatfiles.joining import Beside, Row, record_of
from connectors.normalise import day_before
from connectors.sdk import RosterReader
from shared.domain.records import Kind, decode_list


class SectionReader:
    """Reads sections in the order of their ids.

    Args:
        settings: of the set.
        roster: the hub.
        fields: by kind, what may be read.
    """

    def __init__(
        self,
        settings: CleverSettings,
        roster: RosterReader,
        fields: Mapping[Kind, tuple[str, ...]],
    ) -> None:
        self._settings = settings
        self._roster = roster
        self._fields = fields
        self._sessions = self._by_id(Kind.ACADEMIC_SESSIONS)
        self._courses = self._by_id(Kind.COURSES)

    def sections(self, teachers: Mapping[str, str]) -> Iterator[dict[str, str | None]]:
        """Yield sections as records.

        Args:
            teachers: by the hub's id, the ids of those who are sent.
        """
        fields = self._fields[Kind.CLASSES]
        asked = ("classSourcedId", "userSourcedId", "role", "primary")
        enrolled = Beside(
            self._roster.rows(Kind.ENROLLMENTS, asked, order_by=("classSourcedId", "userSourcedId"))
        )
        for row in self._roster.rows(Kind.CLASSES, fields):
            section = record_of(row, fields)
            found = _teachers(enrolled.of(str(section["sourcedId"])), teachers)
            for place in (1, *CO_TEACHERS):
                section[f"teacher_{place}"] = found[place - 1] if place <= len(found) else None
            section["subject"] = ", ".join(decode_list(section.get("subjects")))
            course = self._courses.get(section.get("courseSourcedId") or "", {})
            section["course_title"] = course.get("title")
            section["course_code"] = course.get("courseCode")
            self._add_terms(section)
            yield section

    def _add_terms(self, section: dict[str, str | None]) -> None:
        """A section has one term: from the first start of its sessions to the last end."""
        listed = decode_list(section.get("termSourcedIds"))
        terms = [self._sessions[id_] for id_ in listed if id_ in self._sessions]
        starts = sorted(start for term in terms if (start := term.get("startDate")))
        ends = sorted(end for term in terms if (end := term.get("endDate")))
        by_start = sorted(terms, key=lambda term: (term.get("startDate") or "", term["sourcedId"]))
        names = [title for term in by_start if (title := term.get("title"))]
        section["term_name"] = ", ".join(names)
        section["term_start"] = date_as(starts[0], self._settings.dates) if starts else None
        section["term_end"] = (
            date_as(self._last_day(ends[-1]), self._settings.dates) if ends else None
        )

    def _last_day(self, end: str) -> str:
        if self._settings.term_end == "as_is":
            return end
        try:
            return day_before(end) or end
        except ValueError:
            return end

    def _by_id(self, kind: Kind) -> dict[str, dict[str, str | None]]:
        fields = self._fields.get(kind)
        if fields is None:
            return {}
        return {str(row[0]): record_of(row, fields) for row in self._roster.rows(kind, fields)}


def _teachers(enrolled: list[Row], sent: Mapping[str, str]) -> list[str]:
    """Return the ids of a section's teachers, the primary ones first."""
    found = sorted(
        (row[4] != "true", sent[str(row[2])])
        for row in enrolled
        if row[3] == "teacher" and str(row[2]) in sent
    )
    return list(dict.fromkeys(teacher for _, teacher in found))
