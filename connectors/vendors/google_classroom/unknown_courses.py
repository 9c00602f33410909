"""Courses that a teacher has made, as classes: with the school and the year that settings name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.vendors.google_classroom.config import GoogleClassroomConfig
from shared.domain.reading import Batch
from shared.domain.records import Kind

#: External ids of what these classes hang on.
SCHOOL, YEAR, COURSE = "setting:school", "setting:year", "setting:course"


def surroundings(config: GoogleClassroomConfig) -> Iterator[Batch]:
    """Yield the school, the year and one course that all such classes are of.

    The school carries no name: one that the hub does not know by its identifier is refused, and
    so are the classes, instead of being made anew.
    """
    end = config.unknown_courses_year or 0
    yield Batch(
        Kind.ORGS, ("type", "identifier"), [(SCHOOL, "school", config.unknown_courses_school)]
    )
    yield Batch(
        Kind.ACADEMIC_SESSIONS,
        ("title", "type", "startDate", "endDate", "schoolYear"),
        [(YEAR, f"Classroom {end}", "schoolYear", f"{end - 1}-07-01", f"{end}-06-30", str(end))],
    )
    yield Batch(
        Kind.COURSES,
        ("title", "courseCode", "orgSourcedId"),
        [(COURSE, "Made in Google Classroom", "GOOGLE-CLASSROOM", SCHOOL)],
    )


def defaults() -> Mapping[Kind, Mapping[str, str]]:
    """Return what those classes get in the fields that Google does not know."""
    return {
        Kind.CLASSES: {
            "courseSourcedId": COURSE,
            "classType": "scheduled",
            "schoolSourcedId": SCHOOL,
            "termSourcedIds": YEAR,
        }
    }
