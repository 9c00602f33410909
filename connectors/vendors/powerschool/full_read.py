"""The full read: every school, its terms, courses, staff, sections and members; every student."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connectors.vendors.powerschool import mapping
from connectors.vendors.powerschool.client import Client, Item, Listing
from connectors.vendors.powerschool.mapping import FIELDS
from connectors.vendors.powerschool.rows import Rows
from connectors.vendors.powerschool.scope import STUDENT_EXPANSIONS, Scope
from shared.domain.reading import Batch, ReadCertificate, Refused
from shared.domain.records import Kind
from shared.domain.states import Mode

#: Who is read. Whoever has left stays in the server for ever, and is left out; a student who is
#: enrolled between the two lists is in both, one who would be in neither does not occur.
STATUSES = (mapping.PRE_REGISTERED, mapping.ACTIVE)


def full_read(
    client: Client, scope: Scope, application: str | None, since: str | None
) -> Iterator[Batch | Refused | ReadCertificate]:
    """Yield everything, then the certificate.

    Args:
        client: the wire.
        scope: schools and year.
        application: of the data version subscription, None: there will be no cursor.
        since: the last cursor, if there is one; it keeps the answer about the newest short.
    """
    # taken before anything is read, so that what changes meanwhile is read again later
    cursor = client.data_version(application, since or "0")[0] if application else None
    rows = Rows()
    yield from rows.make(Kind.ORGS, scope.schools(), mapping.school_row)
    seen: set[str] = set()
    for school in scope.school_ids():
        yield from _school(client, scope, rows, school, seen)
    yield from _students(client, rows)
    yield from rows.rest(is_full=True)
    evidence = {name: f"{count}, as its list is counted" for name, count in client.read.items()}
    yield ReadCertificate(
        mode=Mode.FULL,
        complete=frozenset(FIELDS),
        counts=dict(rows.counts),
        cursor=cursor,
        filter_fingerprint=scope.fingerprint,
        evidence={**evidence, "start years": scope.years},
    )


def _school(
    client: Client, scope: Scope, rows: Rows, school: str, seen: set[str]
) -> Iterator[Batch | Refused]:
    yield from rows.make(Kind.ACADEMIC_SESSIONS, scope.terms(school), mapping.term_row)
    names: dict[str, str] = {}
    for page in client.pages(scope.courses(school)):
        names |= {str(item.get("id")): mapping.text(item, "course_name") or "" for item in page}
        yield from rows.make(Kind.COURSES, page, lambda item: mapping.course_row(item, school))
    staff = scope.staff(school)
    yield from rows.staff(staff, school, seen)
    teachers = mapping.users_of(staff)
    for page in client.pages(scope.sections(school)):
        yield from section_rows(rows, page, names, teachers)
        for section in page:
            yield from _members(client, rows, section)


def section_rows(
    rows: Rows, sections: Sequence[Item], names: Mapping[str, str], teachers: Mapping[str, str]
) -> Iterator[Batch | Refused]:
    """Make the rows of sections: the class, and the enrollment of who teaches it.

    Args:
        rows: gathers them.
        sections: of one school.
        names: course names by DCID.
        teachers: users by SCHOOLSTAFF DCID.
    """
    yield from rows.make(Kind.CLASSES, sections, lambda item: mapping.section_row(item, names))
    known = [item for item in sections if mapping.text(item, "id")]
    teaching = [mapping.section_teacher_row(item, teachers) for item in known]
    yield from rows.add(Kind.ENROLLMENTS, [row for row in teaching if row is not None])


def _members(client: Client, rows: Rows, section: Item) -> Iterator[Batch | Refused]:
    key = mapping.text(section, "id")
    if key is None:
        return
    listing = Listing(
        f"/ws/v1/section/{key}/section_enrollment", "section_enrollments", "section_enrollment"
    )
    for page in client.pages(listing):
        here = [item for item in page if not mapping.is_dropped(item)]
        yield from rows.make(
            Kind.ENROLLMENTS, here, lambda item: mapping.enrollment_row(item, section)
        )


def _students(client: Client, rows: Rows) -> Iterator[Batch | Refused]:
    early: set[str] = set()
    for status in STATUSES:
        listing = Listing(
            "/ws/v1/district/student",
            "students",
            "student",
            f"school_enrollment.enroll_status_code=={status}",
            STUDENT_EXPANSIONS,
        )
        for page in client.pages(listing):
            # a server that knows no such selector gives everybody
            here = [item for item in page if mapping.enroll_status(item) == status]
            if status == mapping.PRE_REGISTERED:
                early |= {str(item.get("id")) for item in here}
            else:
                here = [item for item in here if str(item.get("id")) not in early]
            yield from rows.students(here)
