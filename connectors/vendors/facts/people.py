"""Who is read: staff, students and those who stand for them, each with the name from `/People`.

The lists of staff and students carry an id of the person and next to nothing else; names, e-mail
addresses and telephones are joined from `/People`, many ids in one request.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial

from connectors.vendors.facts import lists, mapping, values
from connectors.vendors.facts.batching import Batching, refused
from connectors.vendors.facts.client import Client
from connectors.vendors.facts.config import FactsConfig
from connectors.vendors.facts.schools import Schools
from connectors.vendors.facts.values import BadItemError, Item
from shared.domain.reading import Batch, Refused, Row
from shared.domain.records import Kind


class People:
    """The people of one read; each comes once, however many roles they have.

    Args:
        config: whose students, and which parents, are read.
        client: the wire.
        batching: makes the batches.
        schools: that the keys show.

    Attributes:
        staff: personIds of the staff that was given.
        students: personIds of the students who are there, whether they could be read or not.
    """

    def __init__(
        self, config: FactsConfig, client: Client, batching: Batching, schools: Schools
    ) -> None:
        self._config = config
        self._client = client
        self._batching = batching
        self._schools = schools
        self._given: set[str] = set()
        self._roles: set[str | None] = set()
        self._first_role: set[str] = set()
        self.staff: set[str] = set()
        self.students: set[str] = set()

    def read_staff(self, teaching: Mapping[str, Collection[str]]) -> Iterator[Batch | Refused]:
        """Yield the active staff.

        Args:
            teaching: by staffId, the schools where they teach a class.
        """
        for page in self._client.pages(lists.STAFF):
            active = [item for item in page if values.is_true(item, "active")]
            persons = self._join(key for item in active if (key := values.text(item, "staffId")))
            make = partial(self._staff_row, persons=persons, teaching=teaching)
            yield from self._batching.make(Kind.USERS, active, make, "staffId")
            roles: list[Row] = []
            for item in active:
                key = values.text(item, "staffId")
                if key is None:
                    continue  # told with the users
                self.staff.add(key)
                schools = self._schools_of(item, teaching)
                if not schools:
                    error = BadItemError("schools", "it names no school that the key may see")
                    yield refused(Kind.ROLES, item, "staffId", error)
                for role in mapping.roles_of_staff(item, teaches=key in teaching):
                    roles += [row for at in schools for row in self._role(key, role, at)]
            yield from self._batching.rows(Kind.ROLES, roles)

    def read_students(self) -> Iterator[Batch | Refused]:
        """Yield the students of the statuses, and who stands for them."""
        statuses = self._config.statuses
        for page in self._client.pages(lists.students(statuses)):
            # the filter is asked for, and not relied on
            here = [
                item
                for item in page
                if values.text(values.part(item, "school"), "status") in statuses
            ]
            keys = [key for item in here if (key := values.text(item, "studentId"))]
            links = self._links(keys)
            parents = dict.fromkeys(
                key for found in links.values() for link in found if (key := _parent(link))
            )
            persons = self._join([*keys, *parents])
            living = {key for key in parents if _is_alive(persons.get(key))}
            yield from self._students(here, persons, links, living)
            if self._config.guardians != "none":
                yield from self._guardians(here, persons, links, living)

    def _students(
        self,
        items: Sequence[Item],
        persons: Mapping[str, Item],
        links: Mapping[str, Sequence[Item]],
        living: Collection[str],
    ) -> Iterator[Batch | Refused]:
        users: list[Row] = []
        roles: list[Row] = []
        for item in items:
            key = values.text(item, "studentId")
            if key is not None:
                # whoever is refused is not gone, and stays in their classes
                self.students.add(key)
            try:
                school = self._school_of(item)
                person = persons.get(values.required(item, "studentId"))
                if person is None:
                    raise BadItemError("studentId", "/People has nobody of this personId")
                told = [agent for link in links.get(key or "", ()) if (agent := _parent(link))]
                agents = [agent for agent in told if agent in living]
                enabled = self._config.statuses[0]
                row = mapping.student_row(item, person, school, enabled, agents)
            except BadItemError as error:
                yield refused(Kind.USERS, item, "studentId", error)
                continue
            if key not in self._given:
                self._given.add(str(key))
                users.append(row)
            roles += self._role(str(key), "student", school)
        yield from self._batching.rows(Kind.USERS, users)
        yield from self._batching.rows(Kind.ROLES, roles)
        if self._config.demographics:
            known = [item for item in items if values.text(item, "studentId") in persons]
            make = partial(_demographics_row, persons=persons)
            yield from self._batching.make(Kind.DEMOGRAPHICS, known, make, "studentId")

    def _guardians(
        self,
        items: Sequence[Item],
        persons: Mapping[str, Item],
        links: Mapping[str, Sequence[Item]],
        living: Collection[str],
    ) -> Iterator[Batch | Refused]:
        users: list[Row] = []
        roles: list[Row] = []
        for item in items:
            try:
                school = self._school_of(item)
            except BadItemError:
                continue  # told with the student
            for link in links.get(values.text(item, "studentId") or "", ()):
                parent = _parent(link)
                if parent is None or parent not in living:
                    continue
                if parent not in self._given:
                    self._given.add(parent)
                    users.append(mapping.guardian_row(persons[parent], school))
                roles += self._role(parent, mapping.role_of_guardian(link), school)
        yield from self._batching.rows(Kind.USERS, users)
        yield from self._batching.rows(Kind.ROLES, roles)

    def _staff_row(
        self, item: Item, persons: Mapping[str, Item], teaching: Mapping[str, Collection[str]]
    ) -> Row:
        key = values.required(item, "staffId")
        schools = self._schools_of(item, teaching)
        self._given.add(key)
        return mapping.staff_row(item, persons.get(key, {}), schools[0] if schools else None)

    def _schools_of(self, item: Item, teaching: Mapping[str, Collection[str]]) -> list[str]:
        """Return where somebody works: as told, else where they teach, else the only school."""
        told = item.get("schools")
        named = [name for one in _listed(told) for name in _names(one)]
        known = [self._schools.by_code(name) or self._schools.by_id(name) for name in named]
        found = list(dict.fromkeys(school for school in known if school is not None))
        if not found:
            found = sorted(teaching.get(values.text(item, "staffId") or "", ()))
        return found or (self._schools.ids if len(self._schools.ids) == 1 else [])

    def _school_of(self, item: Item) -> str:
        school = self._schools.by_id(values.text(item, "configSchoolId"))
        school = school or self._schools.by_code(values.text(item, "schoolCode"))
        if school is not None:
            return school
        raise BadItemError("configSchoolId", "it is none of the schools that the key may see")

    def _role(self, person: str, role: str, school: str) -> Iterator[Row]:
        """Yield a role once; a person's first one is the primary."""
        row = mapping.role_row(person, role, school, is_primary=person not in self._first_role)
        if row[0] not in self._roles:
            self._roles.add(row[0])
            self._first_role.add(person)
            yield row

    def _links(self, students: Sequence[str]) -> dict[str, list[Item]]:
        """Return by student the parents that are read."""
        found: dict[str, list[Item]] = {}
        if self._config.guardians == "none":
            return found
        pages = self._client.batches(lists.PARENTS, lists.CHILD_COLUMN, students)
        for link in (link for page in pages for link in page):
            student = values.text(link, "studentID")
            if student is not None and self._is_read(link):
                found.setdefault(student, []).append(link)
        return found

    def _is_read(self, link: Item) -> bool:
        return self._config.guardians == "all" or values.is_true(link, "custody")

    def _join(self, keys: Iterable[str]) -> dict[str, Item]:
        """Return people by personId."""
        pages = self._client.batches(lists.PEOPLE, lists.PERSON_COLUMN, list(dict.fromkeys(keys)))
        return {str(person.get("personId")): person for page in pages for person in page}


def _demographics_row(item: Item, persons: Mapping[str, Item]) -> Row:
    return mapping.demographics_row(item, persons[values.required(item, "studentId")])


def _parent(link: Item) -> str | None:
    return values.text(link, "parentID")


def _is_alive(person: Item | None) -> bool:
    return person is not None and not values.is_true(person, "deceased")


def _listed(found: object) -> list[object]:
    return found if isinstance(found, list) else [found]


def _names(told: object) -> list[str]:
    """Return what may name a school in staff's `schools`, whose form nobody has told."""
    if isinstance(told, Mapping):
        keys = ("configSchoolID", "configSchoolId", "schoolId", "schoolCode")
        return [name for key in keys if (name := values.text(told, key))]
    return [part.strip() for part in str(told or "").split(",")]
