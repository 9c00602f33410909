"""PowerSchool as a source and as a writer: full reads, reads by data version, and write-back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connectors.sdk import ReadRequest, RecordWrite, WriteOutcome, WriteResult
from connectors.transport.http import HttpClient
from connectors.vendors.powerschool import mapping
from connectors.vendors.powerschool.client import NAME, Client, Item, as_list
from connectors.vendors.powerschool.config import PowerSchoolConfig
from connectors.vendors.powerschool.mapping import FIELDS, STUDENT, BadItemError
from shared.domain.reading import Batch, ReadCertificate, Refused, Row
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError, TransientConnectorError

STUDENT_EXPANSIONS = "demographics,contact_info,school_enrollment"
STAFF_EXPANSIONS = "emails"
#: Students in one call of `POST /ws/v1/student`.
WRITE_BATCH = 50


class PowerSchool:
    """One district's server.

    Args:
        config: address and credentials.
        wait: waits some seconds between tries; tests hand in their own.
    """

    batch_size = WRITE_BATCH

    def __init__(
        self, config: PowerSchoolConfig, wait: Callable[[float], object] | None = None
    ) -> None:
        self._config = config
        self._wait = wait

    def check(self) -> None:
        """Sign in, and read the metadata and one page of schools.

        Raises:
            ConnectorError: says which setting or permission is missing.
        """
        with self._http() as http:
            client = Client(self._config, http)
            client.metadata()
            for _ in client.pages("/ws/v1/district/school", "schools", "school"):
                return

    def read(self, request: ReadRequest) -> Iterator[Batch | Refused | ReadCertificate]:
        """Yield everything, or what has changed since the cursor.

        Raises:
            PermanentConnectorError: incremental is asked for without an application name.
            ConnectorError: the server failed; nothing of the read counts.
        """
        with self._http() as http:
            reading = _Reading(self._config, Client(self._config, http))
            if request.mode is Mode.FULL or request.cursor is None:
                yield from reading.full()
            else:
                yield from reading.incremental(request.cursor)

    def accepts(self, kind: Kind, external_id: str) -> bool:
        """Return whether it is a student: staff cannot be written by this API."""
        return kind is Kind.USERS and external_id.startswith(STUDENT)

    def write(self, kind: Kind, writes: Sequence[RecordWrite]) -> list[WriteResult]:
        """Write students' e-mail addresses and usernames; each one's result is looked at.

        Raises:
            TransientConnectorError: the batch was not answered.
        """
        if kind is not Kind.USERS:
            raise PermanentConnectorError(NAME, f"{kind} cannot be written")
        with self._http() as http:
            client = Client(self._config, http)
            sent = [_student(place, write) for place, write in enumerate(writes)]
            answered = {
                mapping.text(result, "client_uid"): result for result in client.write_students(sent)
            }
            return [
                _result(write, answered.get(str(place)), client)
                for place, write in enumerate(writes)
            ]

    def _http(self) -> HttpClient:
        return HttpClient(
            NAME,
            str(self._config.url).rstrip("/"),
            timeout_s=self._config.timeout_s,
            wait=self._wait,
        )


class _Reading:
    """One read."""

    def __init__(self, config: PowerSchoolConfig, client: Client) -> None:
        self._config = config
        self._client = client
        self._counts: Counter[Kind] = Counter()
        self._staff: dict[str, str] = {}

    def full(self) -> Iterator[Batch | Refused | ReadCertificate]:
        # taken before anything is read, so that what changes meanwhile is read again later
        cursor = self._newest()
        schools = self._schools()
        yield self._batch(Kind.ORGS, [mapping.school_row(school) for school in schools])
        for school in schools:
            yield from self._school(str(school["id"]))
        yield from self._students()
        yield ReadCertificate(
            mode=Mode.FULL,
            complete=frozenset(FIELDS),
            counts=dict(self._counts),
            cursor=cursor,
            filter_fingerprint=f"start_year={self._config.start_year}",
            evidence={"counts": "every list was compared with its /count"},
        )

    def incremental(self, cursor: str) -> Iterator[Batch | Refused | ReadCertificate]:
        application = self._config.application_name
        if application is None:
            raise PermanentConnectorError(
                NAME, "application_name is not set, and incremental syncs need it"
            )
        newest, changed = self._client.data_version(application, cursor)
        yield from self._changed_lists(changed)
        for key in changed.get("students", ()):
            item = self._client.one(f"/ws/v1/student/{key}", "student", STUDENT_EXPANSIONS)
            if item is not None:  # one that is gone is for a full read to tell
                yield from self._student_rows([item])
        sections = {
            key: item
            for key in changed.get("sections", ())
            if (item := self._client.one(f"/ws/v1/section/{key}", "section")) is not None
        }
        if sections:
            yield from self._section_rows(list(sections.values()), {})
        for key in changed.get("cc", ()):
            item = self._client.one(f"/ws/v1/section_enrollment/{key}", "section_enrollment")
            if item is not None:
                yield from self._enrollment(item, sections)
        yield ReadCertificate(
            mode=Mode.INCREMENTAL,
            complete=frozenset(),
            counts=dict(self._counts),
            cursor=newest,
            evidence={"$dataversion": f"{cursor} to {newest}"},
        )

    def _newest(self) -> str | None:
        if self._config.application_name is None:
            return None
        return self._client.data_version(self._config.application_name, "0")[0]

    def _schools(self) -> list[Item]:
        pages = self._client.pages("/ws/v1/district/school", "schools", "school")
        return [school for page in pages for school in page]

    def _school(self, dcid: str) -> Iterator[Batch | Refused]:
        root = f"/ws/v1/school/{dcid}"
        terms = [t for page in self._client.pages(f"{root}/term", "terms", "term") for t in page]
        year = self._year(terms)
        current = [term for term in terms if mapping.text(term, "start_year") == year]
        yield from self._rows(Kind.ACADEMIC_SESSIONS, current, mapping.term_row)
        names: dict[str, str] = {}
        for page in self._client.pages(f"{root}/course", "courses", "course"):
            names |= {str(item["id"]): str(item.get("course_name", "")) for item in page}
            yield from self._rows(Kind.COURSES, page, lambda item: mapping.course_row(item, dcid))
        yield from self._staff_of(dcid)
        filters = f"term.start_year=={year}" if year else None
        for page in self._client.pages(f"{root}/section", "sections", "section", q=filters):
            yield from self._section_rows(page, names)
            for section in page:
                yield from self._members(section)

    def _year(self, terms: Sequence[Item]) -> str | None:
        if self._config.start_year is not None:
            return str(self._config.start_year)
        years = [int(term["start_year"]) for term in terms if term.get("start_year") is not None]
        return str(max(years)) if years else None

    def _staff_of(self, dcid: str, only: frozenset[str] | None = None) -> Iterator[Batch | Refused]:
        pages = self._client.pages(
            f"/ws/v1/school/{dcid}/staff", "staffs", "staff", expansions=STAFF_EXPANSIONS
        )
        for page in pages:
            new, roles = [], []
            for item in page:
                user = mapping.staff_id(item)
                is_known = user in self._staff.values()
                self._staff[str(item["id"])] = user
                if only is not None and str(item.get("users_dcid")) not in only:
                    continue
                roles.append(mapping.role_row(user, "teacher", dcid, is_primary=not is_known))
                if not is_known:
                    new.append(item)
            yield from self._rows(Kind.USERS, new, lambda item: mapping.staff_row(item, dcid))
            yield self._batch(Kind.ROLES, roles)

    def _section_rows(
        self, sections: Sequence[Item], names: Mapping[str, str]
    ) -> Iterator[Batch | Refused]:
        yield from self._rows(Kind.CLASSES, sections, lambda item: mapping.section_row(item, names))
        teaching = [mapping.section_teacher_row(item, self._staff) for item in sections]
        yield self._batch(Kind.ENROLLMENTS, [row for row in teaching if row is not None])

    def _members(self, section: Item) -> Iterator[Batch | Refused]:
        path = f"/ws/v1/section/{section['id']}/section_enrollment"
        for page in self._client.pages(path, "section_enrollments", "section_enrollment"):
            here = [item for item in page if str(item.get("dropped", "false")).lower() != "true"]
            yield from self._rows(
                Kind.ENROLLMENTS, here, lambda item: mapping.enrollment_row(item, section)
            )

    def _enrollment(self, item: Item, sections: Mapping[str, Item]) -> Iterator[Batch | Refused]:
        key = str(item["section_id"])
        section = sections.get(key) or self._client.one(f"/ws/v1/section/{key}", "section")
        if section is not None:
            yield from self._rows(
                Kind.ENROLLMENTS, [item], lambda found: mapping.enrollment_row(found, section)
            )

    def _students(self) -> Iterator[Batch | Refused]:
        pages = self._client.pages(
            "/ws/v1/district/student", "students", "student", expansions=STUDENT_EXPANSIONS
        )
        for page in pages:
            here = [
                item
                for item in page
                if mapping.enroll_status(item) in {mapping.ACTIVE, mapping.PRE_REGISTERED}
            ]
            yield from self._student_rows(here)

    def _student_rows(self, items: Sequence[Item]) -> Iterator[Batch | Refused]:
        yield from self._rows(Kind.USERS, items, mapping.student_row)
        roles = []
        for item in items:
            school = mapping.text(mapping.part(item, "school_enrollment"), "school_id")
            if school and school != "0":
                roles.append(mapping.role_row(mapping.student_id(item), "student", school))
        yield self._batch(Kind.ROLES, roles)
        yield self._batch(Kind.DEMOGRAPHICS, [mapping.demographics_row(item) for item in items])

    def _changed_lists(self, changed: Mapping[str, list[str]]) -> Iterator[Batch | Refused]:
        """Yield what has no single record by its changed key, from the lists of the schools."""
        staff = frozenset(changed.get("users", ()))
        tables = {"schools", "terms", "courses", "sections", "schoolstaff"}
        if not staff and not tables & set(changed):
            return
        schools = self._schools()
        if changed.get("schools"):
            yield self._batch(Kind.ORGS, [mapping.school_row(school) for school in schools])
        for school in schools:
            dcid = str(school["id"])
            root = f"/ws/v1/school/{dcid}"
            yield from self._staff_of(dcid, staff)
            for table, singular, kind in (
                ("terms", "term", Kind.ACADEMIC_SESSIONS),
                ("courses", "course", Kind.COURSES),
            ):
                wanted = set(changed.get(table, ()))
                if not wanted:
                    continue
                for page in self._client.pages(f"{root}/{singular}", table, singular):
                    here = [item for item in page if str(item.get("id")) in wanted]
                    make = (
                        mapping.term_row
                        if kind is Kind.ACADEMIC_SESSIONS
                        else lambda item, dcid=dcid: mapping.course_row(item, dcid)
                    )
                    yield from self._rows(kind, here, make)

    def _rows(
        self, kind: Kind, items: Sequence[Item], make: Callable[[Item], Row]
    ) -> Iterator[Batch | Refused]:
        rows: list[Row] = []
        for item in items:
            try:
                rows.append(make(item))
            except (BadItemError, ValueError, TypeError) as error:
                yield Refused(
                    kind,
                    str(item.get("id", "?")),
                    getattr(error, "field", "id"),
                    getattr(error, "reason", f"it could not be read: {type(error).__name__}"),
                    {
                        name: str(value)
                        for name, value in item.items()
                        if name in {"id", "local_id"}
                    },
                )
        yield self._batch(kind, rows)

    def _batch(self, kind: Kind, rows: list[Row]) -> Batch:
        self._counts[kind] += len(rows)
        return Batch(kind, FIELDS[kind], rows)


def _student(place: int, write: RecordWrite) -> Item:
    """Return one student of `POST /ws/v1/student`; null text is "" there."""
    student: Item = {
        "client_uid": str(place),
        "action": "UPDATE",
        "id": write.external_id.removeprefix(STUDENT),
    }
    if "email" in write.values:
        student["contact_info"] = {"email": write.values["email"] or ""}
    if "username" in write.values:
        student["student_username"] = write.values["username"] or ""
    return student


def _result(write: RecordWrite, answer: Item | None, client: Client) -> WriteResult:
    if answer is None:
        raise TransientConnectorError(NAME, "a student of the batch was not answered")
    status = str(answer.get("status", "")).upper()
    if status not in {"SUCCESS", "WARNING"}:
        return WriteResult(write.external_id, WriteOutcome.REJECTED, {}, _told(answer, "error"))
    key = write.external_id.removeprefix(STUDENT)
    item = client.one(f"/ws/v1/student/{key}", "student", "contact_info")
    if item is None:
        return WriteResult(
            write.external_id, WriteOutcome.REJECTED, {}, "the student is gone by now"
        )
    # what it holds now, since a server may have normalised what it was given
    holds = {
        "email": mapping.text(mapping.part(item, "contact_info"), "email"),
        "username": mapping.text(item, "student_username"),
    }
    return WriteResult(
        write.external_id,
        WriteOutcome.CONFIRMED,
        {name: holds[name] for name in write.values},
        _told(answer, "warning") if status == "WARNING" else None,
    )


def _told(answer: Item, kind: str) -> str:
    """Return what the server says of one record: one error or warning, or several."""
    message: Any = answer.get(f"{kind}_message") or {}
    told = [
        f"{mapping.text(one, 'field')}: {mapping.text(one, f'{kind}_description')}"
        for one in as_list(message.get(kind))
        if isinstance(one, dict)
    ]
    return "; ".join(told) or "no reason was given"
