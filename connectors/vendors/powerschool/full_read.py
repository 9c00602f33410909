"""The full read: every school, its terms, courses, staff, sections and members; every student."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connectors.vendors.powerschool import mapping, queries
from connectors.vendors.powerschool.client import Client, Listing
from connectors.vendors.powerschool.config import PowerSchoolConfig
from connectors.vendors.powerschool.guardians import Guardians
from connectors.vendors.powerschool.mapping import FIELDS
from connectors.vendors.powerschool.rows import Rows
from connectors.vendors.powerschool.scope import STUDENT_EXPANSIONS, Scope
from connectors.vendors.powerschool.shape import shape_of
from connectors.vendors.powerschool.wire import Item
from shared.domain.reading import Batch, ReadCertificate, Refused
from shared.domain.records import Kind
from shared.domain.states import Mode

#: Who is read. Whoever has left stays in the server for ever, and is left out; a student who is
#: enrolled between the two lists is in both, one who would be in neither does not occur.
STATUSES = (mapping.PRE_REGISTERED, mapping.ACTIVE)


def full_read(
    config: PowerSchoolConfig, client: Client, scope: Scope, since: str | None
) -> Iterator[Batch | Refused | ReadCertificate]:
    """Yield everything, then the certificate.

    Args:
        config: what is asked for; without an application name there will be no cursor.
        client: the wire.
        scope: schools and year.
        since: the last cursor, if there is one; it keeps the answer about the newest short.
    """
    application = config.application_name
    # taken before anything is read, so that what changes meanwhile is read again later
    cursor = client.data_version(application, since or "0")[0] if application else None
    rows = Rows(shape_of(config))
    guardians = Guardians(config, client, rows)
    yield from rows.make(Kind.ORGS, scope.schools(), mapping.school_row)
    seen: set[str] = set()
    sections: dict[str, Item] | None = {} if config.enrollments_by == "query" else None
    for school in scope.school_ids():
        yield from _school(client, scope, rows, school, seen, sections)
    if sections is not None:
        yield from _members_by_query(config, client, scope, rows, sections)
    yield from guardians.read_all()
    yield from _students(client, guardians, rows.shape.tables)
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
    client: Client,
    scope: Scope,
    rows: Rows,
    school: str,
    seen: set[str],
    sections: dict[str, Item] | None,
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
            if sections is None:
                yield from _members(client, rows, section)
            elif key := mapping.text(section, "id"):
                sections[key] = {name: section.get(name) for name in ("id", "school_id")}


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


def _members_by_query(
    config: PowerSchoolConfig,
    client: Client,
    scope: Scope,
    rows: Rows,
    sections: Mapping[str, Item],
) -> Iterator[Batch | Refused]:
    """Yield the members of all sections, of which the query may know more than are synced."""
    name = f"{config.query_prefix}.{queries.MEMBERS}"
    if scope.start_year is None:
        return
    for page in queries.rows(client.wire, name, {"start_year": scope.start_year}):
        client.read["section_enrollment"] += len(page)
        # under the names of the resource
        items = [
            {
                "id": row.get("id"),
                "section_id": row.get("section_dcid"),
                "student_id": row.get("student_dcid"),
                "entry_date": row.get("entry_date"),
                "exit_date": row.get("exit_date"),
            }
            for row in page
        ]
        here = [item for item in items if mapping.text(item, "section_id") in sections]
        yield from rows.make(
            Kind.ENROLLMENTS,
            here,
            lambda item: mapping.enrollment_row(item, sections[str(item["section_id"])]),
        )


def _students(
    client: Client, guardians: Guardians, extensions: str | None
) -> Iterator[Batch | Refused]:
    early: set[str] = set()
    for status in STATUSES:
        listing = Listing(
            "/ws/v1/district/student",
            "students",
            "student",
            f"school_enrollment.enroll_status_code=={status}",
            STUDENT_EXPANSIONS,
            extensions,
        )
        for page in client.pages(listing):
            # a server that knows no such selector gives everybody
            here = [item for item in page if mapping.enroll_status(item) == status]
            if status == mapping.PRE_REGISTERED:
                early |= {str(item.get("id")) for item in here}
            else:
                here = [item for item in here if str(item.get("id")) not in early]
            yield from guardians.of(here)
