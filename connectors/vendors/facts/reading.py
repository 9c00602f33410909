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
from connectors.vendors.facts.schools import Schools
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
        self._schools = Schools(())
        #: By school, the year that is synced and the terms it has.
        self._years: dict[str, tuple[Item, Collection[int]]] = {}
        self._courses: dict[str, tuple[Item, str]] = {}
        #: By classId, the school; None: the class was refused, and so is who is in it.
        self._classes: dict[str, str | None] = {}
        #: Class, personId, and whether they are responsible for the class.
        self._teaching: list[tuple[str, str, bool]] = []
        self._left_out = 0

    def read(self) -> Iterator[Batch | Refused | ReadCertificate]:
        """Yield everything, then the certificate."""
        left_out = set() if self._config.demographics else {Kind.DEMOGRAPHICS}
        kinds = [kind for kind in FIELDS if kind not in left_out]
        for kind in kinds:
            yield self._batching.batch(kind, [])
        yield from self._read_schools()
        yield from self._read_years()
        yield from self._read_courses()
        yield from self._read_classes()
        people = People(self._config, self._client, self._batching, self._schools)
        yield from people.read_staff(self._teaching_at())
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
    def _fingerprint(self) -> str:
        config = self._config
        return (
            f"start_year={config.start_year or 'newest begun'} statuses={config.student_statuses}"
            f" guardians={config.guardians} demographics={config.demographics}"
        )

    def _read_schools(self) -> Iterator[Batch | Refused]:
        schools = self._client.all(lists.SCHOOLS)
        self._schools = Schools(schools)
        if not self._schools.ids:
            raise PermanentConnectorError(
                self._client.http.vendor,
                "the keys show no school. Check api_key: a school gives it",
            )
        yield from self._batching.make(Kind.ORGS, schools, mapping.school_row, "configSchoolID")

    def _read_years(self) -> Iterator[Batch | Refused]:
        told = self._client.all(lists.YEARS)
        for school in self._schools.ids:
            code = self._schools.code(school)
            year = year_of(told, code, self._config.start_year, self._today)
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
                school = self._schools.by_code(values.text(item, "schoolCode"))
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
        key = values.required(item, "classId")
        # until it is known to be right
        self._classes[key] = None
        known = self._courses.get(values.required(item, "courseID"))
        for place, staff in enumerate(mapping.teachers_of(item)):
            self._teaching.append((key, staff, not place))
        if known is None:
            raise BadItemError("courseID", "there is no such course")
        course, school = known
        row = mapping.class_row(item, course, school, self._years[school][1])
        self._classes[key] = school
        return row

    def _teaching_at(self) -> dict[str, set[str]]:
        """Return by staffId the schools where somebody teaches."""
        found: dict[str, set[str]] = {}
        for class_, staff, _ in self._teaching:
            if school := self._classes[class_]:
                found.setdefault(staff, set()).add(school)
        return found

    def _read_members(self, people: People) -> Iterator[Batch | Refused]:
        """Yield who teaches and who learns in the classes; people who are not read are left out."""
        rows = []
        for class_, staff, is_primary in self._teaching:
            school = self._classes[class_]
            if school is None:
                yield _refused_member(mapping.teaching_id(class_, staff), class_, staff)
            elif staff in people.staff:
                rows.append(mapping.teaching_row(class_, school, staff, is_primary=is_primary))
            else:
                self._left_out += 1
        yield from self._batching.rows(Kind.ENROLLMENTS, rows)
        seen: set[str] = set()
        pages = self._client.batches(lists.ENROLLMENTS, lists.CLASS_COLUMN, list(self._classes))
        for page in pages:
            rows = []
            for item in filter(mapping.is_enrolled, page):
                at, student = values.text(item, "classId"), values.text(item, "studentId")
                if at not in self._classes or student not in people.students:
                    self._left_out += 1
                    continue
                key, school = mapping.enrollment_id(at, student), self._classes[at]
                if key in seen:
                    continue
                seen.add(key)
                if school is None:
                    yield _refused_member(key, at, student)
                else:
                    rows.append(mapping.enrollment_row(at, school, student))
            yield from self._batching.rows(Kind.ENROLLMENTS, rows)


def _refused_member(key: str, class_: str, person: str) -> Refused:
    # else who is in a class that cannot be read would be taken for gone
    source = {"classId": class_, "personId": person}
    return Refused(Kind.ENROLLMENTS, key, "classId", "the class itself is refused", source)


#: The numbers of terms, as text.
_SLOTS = frozenset(map(str, mapping.SLOTS))
