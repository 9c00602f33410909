"""The read by data version: what has changed since a cursor. It removes nobody.

The answer names changed keys alone, by table. A key that is missing when it is asked for may be
deleted, or out of the plugin's sight: only a full read can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from connectors.vendors.powerschool import mapping
from connectors.vendors.powerschool.client import Client
from connectors.vendors.powerschool.config import PowerSchoolConfig
from connectors.vendors.powerschool.full_read import section_rows
from connectors.vendors.powerschool.guardians import Guardians
from connectors.vendors.powerschool.rows import Rows
from connectors.vendors.powerschool.scope import STUDENT_EXPANSIONS, Scope
from connectors.vendors.powerschool.shape import shape_of
from connectors.vendors.powerschool.wire import Item
from shared.domain.reading import Batch, ReadCertificate, Refused
from shared.domain.records import Kind
from shared.domain.states import Mode

#: Tables that extend another one, record by record under its key.
EXTENDS: Mapping[str, str] = {"studentcorefields": "students", "userscorefields": "users"}
#: Tables that are read; a subscription may name more.
TABLES = ("schools", "terms", "courses", "users", "schoolstaff", "students", "sections", "cc")


class Changes:
    """One read of what has changed.

    Args:
        config: what is asked for.
        client: the wire.
        scope: schools and year.
    """

    def __init__(self, config: PowerSchoolConfig, client: Client, scope: Scope) -> None:
        self._client = client
        self._scope = scope
        self._rows = Rows(shape_of(config))
        self._guardians = Guardians(config, client, self._rows)
        extended = dict.fromkeys(
            (column.table for column in config.extensions.values()), "students"
        )
        self._extends: Mapping[str, str] = {**extended, **EXTENDS}
        self._sections: dict[str, Item | None] = {}
        self._names: dict[str, str] = {}
        self._teachers: dict[str, Mapping[str, str]] = {}

    def read(self, application: str, cursor: str) -> Iterator[Batch | Refused | ReadCertificate]:
        """Yield what has changed since a cursor, then the certificate."""
        newest, found = self._client.data_version(application, cursor)
        changed: dict[str, set[str]] = {table: set() for table in TABLES}
        for table, keys in found.items():
            changed.setdefault(self._extends.get(table, table), set()).update(keys)
        yield from self._schools(changed["schools"])
        yield from self._terms(changed["terms"])
        yield from self._courses(changed["courses"])
        yield from self._staff(changed["users"], changed["schoolstaff"])
        yield from self._students(changed["students"])
        for key in sorted(changed["sections"]):
            yield from self._section(key)
        for key in sorted(changed["cc"]):
            yield from self._enrollment(key)
        yield from self._rows.rest(is_full=False)
        yield ReadCertificate(
            mode=Mode.INCREMENTAL,
            complete=frozenset(),
            counts=dict(self._rows.counts),
            cursor=newest,
            filter_fingerprint=self._scope.fingerprint,
            evidence={
                "$dataversion": f"{cursor} to {newest}",
                **{table: f"{len(keys)} changed" for table, keys in changed.items() if keys},
            },
        )

    def _schools(self, keys: set[str]) -> Iterator[Batch | Refused]:
        if keys:
            here = [item for item in self._scope.schools() if mapping.text(item, "id") in keys]
            yield from self._rows.make(Kind.ORGS, here, mapping.school_row)

    def _terms(self, keys: set[str]) -> Iterator[Batch | Refused]:
        for key in sorted(keys):
            term = self._client.one(f"/ws/v1/term/{key}", "term")
            school = mapping.text(term, "school_id") if term is not None else None
            if school is not None:
                here = [t for t in self._scope.terms(school) if mapping.text(t, "id") == key]
                yield from self._rows.make(Kind.ACADEMIC_SESSIONS, here, mapping.term_row)

    def _courses(self, keys: set[str]) -> Iterator[Batch | Refused]:
        """Read the lists of all schools: a course does not tell where it is taught."""
        for school in self._scope.school_ids() if keys else ():
            here = [
                item
                for page in self._client.pages(self._scope.courses(school))
                for item in page
                if mapping.text(item, "id") in keys
            ]
            make = partial(mapping.course_row, school_dcid=school)
            yield from self._rows.make(Kind.COURSES, here, make)
            self._names |= {
                str(item["id"]): mapping.text(item, "course_name") or "" for item in here
            }
            if here:
                # a class is called by its course's name
                yield from self._sections_of(school, {str(item["id"]) for item in here})

    def _sections_of(self, school: str, courses: set[str]) -> Iterator[Batch | Refused]:
        for page in self._client.pages(self._scope.sections(school)):
            here = [item for item in page if mapping.text(item, "course_id") in courses]
            yield from section_rows(self._rows, here, self._names, self._teachers_of(school))
            self._sections |= {str(item.get("id")): item for item in here}

    def _staff(self, users: set[str], positions: set[str]) -> Iterator[Batch | Refused]:
        """Read the lists of all schools: a user has no list, and no single record by their key."""
        if not users and not positions:
            return
        lists = [(school, self._scope.staff(school)) for school in self._scope.school_ids()]
        moved = {
            mapping.staff_id(item)
            for _, staff in lists
            for item in staff
            if mapping.text(item, "users_dcid") in users or mapping.text(item, "id") in positions
        }
        seen: set[str] = set()
        for school, staff in lists:
            self._teachers[school] = mapping.users_of(staff)
            here = [item for item in staff if mapping.staff_id(item) in moved]
            yield from self._rows.staff(here, school, seen)

    def _students(self, keys: set[str]) -> Iterator[Batch | Refused]:
        for key in sorted(keys):
            path, tables = f"/ws/v1/student/{key}", self._rows.shape.tables
            item = self._client.one(path, "student", STUDENT_EXPANSIONS, tables)
            if item is not None:
                yield from self._guardians.of([item])

    def _section(self, key: str) -> Iterator[Batch | Refused]:
        if key in self._sections:
            return  # given with its course
        section = self._section_of_year(key)
        if section is not None:
            course = mapping.text(section, "course_id") or ""
            if course not in self._names:
                found = self._client.one(f"/ws/v1/course/{course}", "course")
                self._names[course] = mapping.text(found or {}, "course_name") or ""
            teachers = self._teachers_of(mapping.text(section, "school_id") or "")
            yield from section_rows(self._rows, [section], self._names, teachers)

    def _enrollment(self, key: str) -> Iterator[Batch | Refused]:
        item = self._client.one(f"/ws/v1/section_enrollment/{key}", "section_enrollment")
        # one that is over is for a full read to end; and it must not come to be by this one
        if item is None or mapping.is_dropped(item):
            return
        section = self._section_of_year(mapping.text(item, "section_id") or "")
        if section is not None:
            yield from self._rows.make(
                Kind.ENROLLMENTS, [item], lambda found: mapping.enrollment_row(found, section)
            )

    def _section_of_year(self, key: str) -> Item | None:
        if key not in self._sections:
            found = self._client.one(f"/ws/v1/section/{key}", "section") if key else None
            self._sections[key] = found if found and self._scope.holds(found) else None
        return self._sections[key]

    def _teachers_of(self, school: str) -> Mapping[str, str]:
        if school not in self._teachers:
            self._teachers[school] = mapping.users_of(self._scope.staff(school))
        return self._teachers[school]
