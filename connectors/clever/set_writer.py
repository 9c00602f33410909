"""Writes the five files from the hub.

Only what is whole goes: a row has all that the format requires, and names no row that is not there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

from connectors.clever.layout import FILES, FILLED
from connectors.clever.reads import ROLE_FIELDS, reads
from connectors.clever.sections import SectionReader
from connectors.clever.settings import CleverSettings
from connectors.flatfiles.columns import Record
from connectors.flatfiles.formats import date_as, grade_as, grade_words
from connectors.flatfiles.joining import Beside, Row, record_of
from connectors.flatfiles.sheets import Sheet, lacking
from connectors.sdk import RenderedFile, RosterReader
from shared.domain.records import Kind

#: The format has no file for a student's family: it is never sent, which is no loss to tell of.
FAMILY = frozenset({"guardian", "parent", "relative"})
_GENDERS = {"male": "M", "female": "F"}


class SetWriter:
    """Writes one set.

    Args:
        settings: of the set.
        roster: the hub.

    Attributes:
        left_out: reason → records of the hub that do not go.
    """

    def __init__(self, settings: CleverSettings, roster: RosterReader) -> None:
        self.left_out: Counter[str] = Counter()
        self._settings = settings
        self._roster = roster
        self._fields = reads(settings)
        self._columns = {name: settings.columns(name) for name in FILES}
        self._words = grade_words(settings.grade_words)
        self._altered = 0
        #: By the hub's id, the id that is sent; memory grows with these alone.
        self._schools: dict[str, str] = {}
        self._students: dict[str, str] = {}
        self._teachers: dict[str, str] = {}
        self._sections: dict[str, str] = {}
        self._taken: dict[str, set[str]] = {"students": set(), "teachers": set(), "schools": set()}

    @property
    def altered(self) -> dict[str, int]:
        """What is sent otherwise than the hub has it: what was done → rows."""
        what = "rows without the line breaks or tabs of their values"
        return {what: self._altered} if self._altered else {}

    def write(self, folder: Path) -> tuple[RenderedFile, ...]:
        """Write the files into an empty folder, in the order of their dependence."""
        with ExitStack() as stack:
            sheets = {
                name: stack.enter_context(
                    Sheet(
                        folder / f"{name}.csv",
                        self._columns[name],
                        line_end=self._settings.line_end,
                        bom=self._settings.bom,
                    )
                )
                for name in FILES
            }
            self._write_schools(sheets["schools"])
            self._write_people(sheets["students"], sheets["teachers"])
            self._write_sections(sheets["sections"])
            self._write_enrollments(sheets["enrollments"])
            self._altered = sum(sheet.altered for sheet in sheets.values())
            return tuple(sheet.rendered() for sheet in sheets.values())

    def _write_schools(self, sheet: Sheet) -> None:
        fields = self._fields[Kind.ORGS]
        for row in self._roster.rows(Kind.ORGS, fields):
            org = record_of(row, fields)
            if org["type"] != "school":
                continue
            org["school_id"] = org[self._settings.school_id]
            if self._goes("schools", org, org["school_id"]):
                self._schools[str(org["sourcedId"])] = str(org["school_id"])
                sheet.add(org)

    def _write_people(self, students: Sheet, teachers: Sheet) -> None:
        fields = self._fields[Kind.USERS]
        roles = Beside(self._roster.rows(Kind.ROLES, ROLE_FIELDS, order_by=("userSourcedId",)))
        more = self._fields.get(Kind.DEMOGRAPHICS, ())
        demographics = Beside(
            self._roster.rows(Kind.DEMOGRAPHICS, more, order_by=("userSourcedId",))
            if more
            else iter(()),
            1 + more.index("userSourcedId") if more else 1,
        )
        for row in self._roster.rows(Kind.USERS, fields):
            user = record_of(row, fields)
            id_ = str(user["sourcedId"])
            for found in demographics.of(id_)[:1]:
                self._tell_of(user, record_of(found, more))
            user["grade"] = grade_as(user.get("grades"), self._words)
            if not self._write_person(user, roles.of(id_), students, teachers):
                self._roster.leave_out(Kind.USERS, id_)

    def _tell_of(self, user: dict[str, str | None], demographics: Record) -> None:
        user["gender"] = _GENDERS.get(demographics.get("sex") or "")
        user["birth_date"] = date_as(demographics.get("birthDate"), self._settings.dates)

    def _write_person(
        self, user: Mapping[str, str | None], roles: Sequence[Row], students: Sheet, teachers: Sheet
    ) -> bool:
        """Write the rows of a user; returns whether there is any."""
        named = {str(role[3]) for role in roles}
        if not named & {"student", "teacher"}:
            if not named or named - FAMILY:
                self.left_out["users who are neither student nor teacher"] += 1
            return False
        if user["enabledUser"] == "false":
            self.left_out["users that are not enabled"] += 1
            return False
        is_sent = False
        if "student" in named:
            schools = self._schools_of(roles, "student")[:1]
            id_ = self._write_rows(students, "students", user, self._settings.student_id, schools)
            if id_ is not None:
                self._students[str(user["sourcedId"])] = id_
                is_sent = True
        if "teacher" in named:
            schools = self._schools_of(roles, "teacher")
            if self._settings.teacher_rows == "one":
                schools = schools[:1]
            id_ = self._write_rows(teachers, "teachers", user, self._settings.teacher_id, schools)
            if id_ is not None:
                self._teachers[str(user["sourcedId"])] = id_
                is_sent = True
        return is_sent

    def _write_rows(
        self, sheet: Sheet, file: str, user: Record, id_field: str, schools: Sequence[str]
    ) -> str | None:
        """Write a row for each school; returns the id that is sent, None: nothing goes."""
        if not schools:
            self.left_out[f"{file} without a school that is sent"] += 1
            return None
        record = {**user, "id": user[id_field], "school_id": schools[0]}
        if not self._goes(file, record, record["id"]):
            return None
        for school in schools:
            sheet.add({**record, "school_id": school})
        return record["id"]

    def _schools_of(self, roles: Sequence[Row], role: str) -> list[str]:
        """Return the schools where someone has a role, the primary ones first."""
        found = sorted(
            (row[2] != "primary", self._schools[str(row[4])])
            for row in roles
            if row[3] == role and str(row[4]) in self._schools
        )
        return list(dict.fromkeys(school for _, school in found))

    def _write_sections(self, sheet: Sheet) -> None:
        reader = SectionReader(self._settings, self._roster, self._fields)
        for section in reader.sections(self._teachers):
            section["grade"] = grade_as(section.get("grades"), self._words)
            school = self._schools.get(str(section["schoolSourcedId"]))
            section["school_id"] = school
            if school is None:
                self.left_out["sections without a school that is sent"] += 1
            elif not section["teacher_1"]:
                self.left_out["sections without a teacher who is sent"] += 1
            elif self._goes("sections", section, section["sourcedId"]):
                self._sections[str(section["sourcedId"])] = school
                sheet.add(section)

    def _write_enrollments(self, sheet: Sheet) -> None:
        fields = ("classSourcedId", "userSourcedId", "role")
        rows = self._roster.rows(Kind.ENROLLMENTS, fields, order_by=fields[:2])
        students = (row for row in rows if row[3] == "student")
        for (section, user), _ in groupby(students, key=lambda row: (str(row[1]), str(row[2]))):
            if section not in self._sections or user not in self._students:
                self.left_out["enrollments of a section or student that is not sent"] += 1
                continue
            sheet.add(
                {
                    "school_id": self._sections[section],
                    "section_id": section,
                    "student_id": self._students[user],
                }
            )

    def _goes(self, file: str, record: Record, id_: str | None) -> bool:
        """Return whether a record has all that is required, under an id of its own."""
        if header := lacking(record, self._columns[file], FILLED[file]):
            self.left_out[f"{file} without {header}"] += 1
            return False
        taken = self._taken.get(file)
        if taken is None:
            return True
        if id_ in taken:
            self.left_out[f"{file} whose id another has"] += 1
            return False
        taken.add(str(id_))
        return True
