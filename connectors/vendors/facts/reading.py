"""The full read: schools, years and terms, courses, classes, people, and who is in which class.

There is no read of changes: neither students nor staff nor parents' links tell when they were
modified, and nothing tells what was deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date

from connectors.vendors.facts import lists, mapping, values
from connectors.vendors.facts.batching import Batching, refused
from connectors.vendors.facts.client import Client
from connectors.vendors.facts.config import FactsConfig
from connectors.vendors.facts.mapping import FIELDS
from connectors.vendors.facts.people import People
from connectors.vendors.facts.values import BadItemError, Item
from connectors.vendors.facts.years import year_of
from shared.domain.reading import Batch, ReadCertificate, Refused, Row
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError


class Reading:
    """One read.

    Args:
        config: what is asked for.
        client: the wire.
        today: by which a year has begun.
    """

    def __init__(self, config: FactsConfig, client: Client, today: date) -> None:
        self._config = config
        self._client = client
        self._today = today
        self._batching = Batching(with_agents=config.guardians != "none")
        #: From a school's code, and from its id, to its id.
        self._schools: dict[str, str] = {}
        #: By school, the year that is synced and the terms it has.
        self._years: dict[str, tuple[Item, Collection[int]]] = {}
        self._courses: dict[str, tuple[Item, str]] = {}
        #: By classId, the school.
        self._classes: dict[str, str] = {}
        #: Class, school, personId, and whether they are responsible for the class.
        self._teaching: list[tuple[str, str, str, bool]] = []
        self._left_out = 0

    def read(self) -> Iterator[Batch | Refused | ReadCertificate]:
        """Yield everything, then the certificate."""
        kinds = [kind for kind in FIELDS if kind is not Kind.DEMOGRAPHICS or self._demographics]
        for kind in kinds:
            yield self._batching.batch(kind, [])
        yield from self._read_schools()
        yield from self._read_years()
        yield from self._read_courses()
        yield from self._read_classes()
        people = People(self._config, self._client, self._batching, self._schools)
        teaching: dict[str, set[str]] = {}
        for _, school, staff, _ in self._teaching:
            teaching.setdefault(staff, set()).add(school)
        yield from people.read_staff(teaching)
        yield from people.read_students()
        yield from self._read_members(people)
        evidence = {path: read.told for path, read in self._client.reads.items()}
        if self._left_out:
            evidence["enrollments of people who are not read"] = str(self._left_out)
        years = {values.text(year, "yearName") or "" for year, _ in self._years.values()}
        yield ReadCertificate(
            mode=Mode.FULL,
            complete=frozenset(kinds),
            counts={kind: self._batching.counts[kind] for kind in kinds},
            filter_fingerprint=self._fingerprint,
            evidence={**evidence, "school years": ", ".join(sorted(years - {""}))},
        )

    @property
    def _demographics(self) -> bool:
        return self._config.demographics

    @property
    def _fingerprint(self) -> str:
        config = self._config
        return (
            f"start_year={config.start_year or 'newest begun'} statuses={config.student_statuses}"
            f" guardians={config.guardians} demographics={config.demographics}"
        )

    def _read_schools(self) -> Iterator[Batch | Refused]:
        schools = self._client.all(lists.SCHOOLS)
        for item in schools:
            key, code = values.text(item, "configSchoolID"), values.text(item, "schoolCode")
            self._schools |= {name: key for name in (code, key) if name is not None and key}
        if not self._schools:
            raise PermanentConnectorError(
                self._client.http.vendor,
                "the keys show no school. Check api_key: a school gives it",
            )
        yield from self._batching.make(Kind.ORGS, schools, mapping.school_row, "configSchoolID")

    def _read_years(self) -> Iterator[Batch | Refused]:
        told = self._client.all(lists.YEARS)
        codes = {key: name for name, key in self._schools.items() if name != key}
        for school in dict.fromkeys(self._schools.values()):
            year = year_of(told, codes.get(school), self._config.start_year, self._today)
            if not year:
                continue
            key = values.text(year, "yearId")
            found = self._client.all(lists.terms(school))
            terms = [item for item in found if values.text(item, "yearID") == key]
            slots = {int(slot) for item in terms if (slot := values.text(item, "termID")) in _SLOTS}
            self._years[school] = (year, slots)
            rows = [mapping.year_row(year, school)]
            for item in terms:
                try:
                    rows.append(mapping.term_row(item, year, school))
                except BadItemError as error:
                    yield refused(Kind.ACADEMIC_SESSIONS, item, "termID", error)
            yield from self._batching.rows(Kind.ACADEMIC_SESSIONS, rows)
        if not self._years:
            problem = "no school has a year that has begun or will begin"
            if self._config.start_year is not None:
                problem = f"no school has a year that starts in {self._config.start_year}"
            raise PermanentConnectorError(
                self._client.http.vendor, f"{problem}. Check start_year, and the years in FACTS"
            )

    def _read_courses(self) -> Iterator[Batch | Refused]:
        for page in self._client.pages(lists.COURSES):
            here = []
            for item in page:
                school = self._schools.get(values.text(item, "schoolCode") or "")
                key = values.text(item, "courseID")
                if school is not None and key is not None:
                    self._courses[key] = (item, school)
                    here.append(item)
                else:
                    name = "courseID" if key is None else "schoolCode"
                    error = BadItemError(name, "it names none that there is")
                    yield refused(Kind.COURSES, item, "courseID", error)
            yield from self._batching.make(
                Kind.COURSES,
                here,
                lambda item: mapping.course_row(item, self._courses[str(item["courseID"])][1]),
                "courseID",
            )

    def _read_classes(self) -> Iterator[Batch | Refused]:
        keys = dict.fromkeys(values.required(year, "yearId") for year, _ in self._years.values())
        seen: set[str | None] = set()
        for key in keys:
            for page in self._client.pages(lists.classes(key)):
                here = [item for item in page if self._is_new(item, key, seen)]
                yield from self._batching.make(Kind.CLASSES, here, self._class_row, "classId")

    def _is_new(self, item: Item, year: str, seen: set[str | None]) -> bool:
        """Return whether a class of the year is met for the first time; lists hold some twice."""
        key = values.text(item, "classId")
        if values.text(item, "yearId") != year or not self._is_of_year(item, year):
            return False
        is_new = key is None or key not in seen
        seen.add(key)
        return is_new

    def _is_of_year(self, item: Item, year: str) -> bool:
        """Return whether it is the year that is synced of the school which has the class."""
        known = self._courses.get(values.text(item, "courseID") or "")
        if known is None:
            return True  # it is refused
        held = self._years.get(known[1])
        return held is not None and values.text(held[0], "yearId") == year

    def _class_row(self, item: Item) -> Row:
        known = self._courses.get(values.required(item, "courseID"))
        if known is None:
            raise BadItemError("courseID", "there is no such course")
        course, school = known
        row = mapping.class_row(item, course, school, self._years[school][1])
        self._classes[values.required(item, "classId")] = school
        for place, staff in enumerate(mapping.teachers_of(item)):
            self._teaching.append((str(row[0]), school, staff, not place))
        return row

    def _read_members(self, people: People) -> Iterator[Batch | Refused]:
        """Yield who teaches and who learns in the classes; people who are not read are left out."""
        rows = [
            mapping.teaching_row(class_, school, staff, is_primary=is_primary)
            for class_, school, staff, is_primary in self._teaching
            if staff in people.staff
        ]
        self._left_out += len(self._teaching) - len(rows)
        yield from self._batching.rows(Kind.ENROLLMENTS, rows)
        seen: set[str] = set()
        pages = self._client.batches(lists.ENROLLMENTS, lists.CLASS_COLUMN, list(self._classes))
        for page in pages:
            rows = []
            for item in filter(mapping.is_enrolled, page):
                school = self._classes.get(values.text(item, "classId") or "")
                if school is None or values.text(item, "studentId") not in people.students:
                    self._left_out += 1
                    continue
                row = mapping.enrollment_row(item, school)
                if row[0] not in seen:
                    seen.add(str(row[0]))
                    rows.append(row)
            yield from self._batching.rows(Kind.ENROLLMENTS, rows)


#: The numbers of terms, as text.
_SLOTS = frozenset(map(str, mapping.SLOTS))
