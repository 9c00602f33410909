"""The connector against the simulated services over real HTTP: signing in, pages, troubles."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.sdk import ReadRequest, RecordWrite, WriteOutcome
from shared.domain.provisioning import Answer, EndedRecord, NewRecord
from shared.domain.reading import Batch, ReadCertificate
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError, TransientConnectorError
from tests.integration.connectors.google_classroom.conftest import Workspace


class Everything:
    """Whatever is asked for is linked, each to a record of its own id."""

    def sourced_ids(self, kind: Kind, external_ids: Any) -> dict[str, str]:
        return {one: one for one in external_ids}

    def external_ids(self, kind: Kind, sourced_ids: Any) -> dict[str, str]:
        return {one: one for one in sourced_ids}

    def members(self, class_id: str, role: str) -> list[str]:
        return []


ALL = Everything()


def read(google: Workspace, **changes: Any) -> tuple[dict[Kind, list[Any]], ReadCertificate]:
    items = list(google.source(**changes).read(ReadRequest(Mode.FULL, linked=ALL)))
    rows: dict[Kind, list[Any]] = {}
    for item in items:
        if isinstance(item, Batch):
            rows.setdefault(item.kind, []).extend(item.rows)
    certificate = items[-1]
    assert isinstance(certificate, ReadCertificate)
    return rows, certificate


@pytest.mark.parametrize("size", [1, 2, 5, 6, 7, 500])
def test_every_page_is_followed(google: Workspace, size: int) -> None:
    google.set(courses=6)
    whole, _ = read(google)
    google.set(page_size=size)
    rows, certificate = read(google)
    assert {kind: sorted(of) for kind, of in rows.items()} == {
        kind: sorted(of) for kind, of in whole.items()
    }
    assert len(rows[Kind.CLASSES]) == 6
    assert dict(certificate.counts) == {kind: len(of) for kind, of in rows.items()}


def test_a_workspace_without_courses_is_read_whole(google: Workspace) -> None:
    rows, certificate = read(google)
    assert rows[Kind.CLASSES] == []
    assert certificate.complete == {Kind.USERS, Kind.CLASSES, Kind.ENROLLMENTS}
    assert certificate.counts[Kind.ENROLLMENTS] == 0


def test_check_says_what_is_missing(google: Workspace) -> None:
    google.source().check()
    with pytest.raises(PermanentConnectorError, match="`admin` is an active account"):
        google.source(admin="nobody@oak.example").check()
    with pytest.raises(PermanentConnectorError, match=r"staff_org_unit: .*unit /Nowhere .*make it"):
        google.source(manage_users=True, domains="oak.example", staff_org_unit="/Nowhere").check()
    owner = google.district.teachers[0].person.email
    google.source(course_owner=owner).check()
    with pytest.raises(PermanentConnectorError, match=r"course_owner: .* is not in the domain"):
        google.source(course_owner="nobody@oak.example").check()
    google.api("PATCH", f"/admin/directory/v1/users/{owner}", {"suspended": True})
    with pytest.raises(PermanentConnectorError, match=r"course_owner: .* is suspended"):
        google.source(course_owner=owner).check()
    base = "https://www.googleapis.com/auth/"
    google.set(scopes=[f"{base}classroom.courses"])
    with pytest.raises(PermanentConnectorError, match=r"delegation.*classroom\.rosters"):
        google.source().check()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("denied", PermanentConnectorError),
        ("missing", PermanentConnectorError),
        ("moved", PermanentConnectorError),
        ("html", TransientConnectorError),
        ("shape", TransientConnectorError),
        ("cut", TransientConnectorError),
        ("down", TransientConnectorError),
        ("unavailable", TransientConnectorError),
        ("quota_exceeded", TransientConnectorError),
        ("rate_limited", TransientConnectorError),
    ],
)
def test_a_read_in_trouble_never_ends_quietly(
    google: Workspace, fault: str, kind: type[Exception]
) -> None:
    google.fault(fault, times=50, on="/v1/courses")
    with pytest.raises(kind):
        read(google)


@pytest.mark.parametrize(
    ("fault", "waits"),
    [
        ("quota_exceeded", [1.0]),
        ("user_rate", [1.0]),
        ("rate_limited", [3.0]),
        ("unavailable", [0.2]),
        ("expire", []),
        ("unauthorized", []),
        ("drop", [0.2]),
    ],
)
def test_a_passing_trouble_is_waited_out(google: Workspace, fault: str, waits: list[float]) -> None:
    google.set(courses=2)
    whole, _ = read(google)
    google.waits.clear()
    google.fault(fault, on="/v1/courses/", after=1, value=3)
    rows, _ = read(google)
    assert {k: sorted(v) for k, v in rows.items()} == {k: sorted(v) for k, v in whole.items()}
    assert [wait for wait in google.waits if wait in waits] == waits


def test_the_token_address_may_be_down(google: Workspace) -> None:
    google.fault("html", on="/token")
    with pytest.raises(TransientConnectorError, match="token address"):
        google.source().check()
    google.fault("unavailable", times=5, on="/token")
    with pytest.raises(TransientConnectorError, match="token address"):
        google.source().check()


def course(sourced_id: str, **values: str | None) -> NewRecord:
    return NewRecord(sourced_id, {"title": f"Class {sourced_id}", **values})


def test_ids_that_no_path_can_carry_make_a_course_once(google: Workspace) -> None:
    source = google.source()
    records = [course("math 101/ä:b"), course("x" * 254)]
    first = source.create(Kind.CLASSES, records, ALL)
    assert {one.answer for one in first} == {Answer.DONE}
    again = source.create(Kind.CLASSES, records, ALL)
    assert [one.external_id for one in again] == [one.external_id for one in first]
    assert len(google.courses()) == 2


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"title": "See https://x.example"}, "an address of the web"),
        ({"title": " "}, "Google refused it"),
    ],
)
def test_what_google_refuses_of_one_course_stops_no_other(
    google: Workspace, values: dict[str, str], words: str
) -> None:
    made = google.source().create(Kind.CLASSES, [course("a", **values), course("b")], ALL)
    if values["title"] == " ":
        assert [one.answer for one in made][1] is Answer.DONE
        return
    assert [one.answer for one in made] == [Answer.REJECTED, Answer.DONE]
    assert words in (made[0].reason or "")


def test_long_texts_are_cut_and_the_answer_tells_what_is_held(google: Workspace) -> None:
    (made,) = google.source().create(Kind.CLASSES, [course("a", title="t" * 800)], ALL)
    assert len(made.held["title"] or "") == 750


def test_a_course_that_is_archived_takes_no_change(google: Workspace) -> None:
    source = google.source()
    (made,) = source.create(Kind.CLASSES, [course("a")], ALL)
    key = made.external_id or ""
    (ended,) = source.end(Kind.CLASSES, [EndedRecord("a", key)], ALL)
    assert ended.answer is Answer.DONE
    assert source.end(Kind.CLASSES, [EndedRecord("a", key)], ALL)[0].answer is Answer.DONE
    (said,) = source.write(Kind.CLASSES, [RecordWrite(key, "k", {"title": "New"})])
    assert said.outcome is WriteOutcome.REJECTED
    assert "archived" in (said.reason or "")
    # it is the class again: out of the archive
    (back,) = source.create(Kind.CLASSES, [course("a")], ALL)
    assert (back.external_id, back.answer) == (key, Answer.DONE)
    assert google.api("GET", f"/v1/courses/{key}")["courseState"] == "ACTIVE"


def test_a_provisioned_course_is_archived_by_way_of_active(google: Workspace) -> None:
    source = google.source(course_state="PROVISIONED")
    (made,) = source.create(Kind.CLASSES, [course("a")], ALL)
    key = made.external_id or ""
    assert google.api("GET", f"/v1/courses/{key}")["courseState"] == "PROVISIONED"
    assert source.end(Kind.CLASSES, [EndedRecord("a", key)], ALL)[0].answer is Answer.DONE
    assert google.api("GET", f"/v1/courses/{key}")["courseState"] == "ARCHIVED"


def member(course: str, role: str, user: str) -> NewRecord:
    values = {"classSourcedId": course, "userSourcedId": user, "role": role}
    return NewRecord(f"{user}-{role}", values)


def test_members_are_put_in_and_out_and_the_other_role_is_told(google: Workspace) -> None:
    source = google.source()
    (made,) = source.create(Kind.CLASSES, [course("a")], ALL)
    key = made.external_id or ""
    someone = google.account(
        next(s.person.email for s in google.district.students if s.person.email)
    )
    user = someone["id"]
    (done,) = source.create(Kind.ENROLLMENTS, [member(key, "student", user)], ALL)
    assert (done.answer, done.external_id) == (Answer.DONE, f"{key}:student:{user}")
    (again,) = source.create(Kind.ENROLLMENTS, [member(key, "student", user)], ALL)
    assert again == done
    (other,) = source.create(Kind.ENROLLMENTS, [member(key, "teacher", user)], ALL)
    assert other.answer is Answer.REJECTED
    assert "other role" in (other.reason or "")
    gone = EndedRecord("x", f"{key}:student:{user}")
    assert source.end(Kind.ENROLLMENTS, [gone, gone], ALL)[1].answer is Answer.DONE
    (later,) = source.create(Kind.ENROLLMENTS, [member(key, "student", "1" * 21)], ALL)
    assert later.answer is Answer.LATER


def test_an_owner_with_nobody_to_follow_hands_over_to_the_administrator(google: Workspace) -> None:
    teacher = google.account(google.district.teachers[0].person.email or "")["id"]
    admin = google.account(google.settings["admin"])["id"]

    class Taught(Everything):
        def members(self, class_id: str, role: str) -> list[str]:
            return [teacher] if role == "teacher" else []

    source = google.source()
    (made,) = source.create(Kind.CLASSES, [course("a")], Taught())
    key = made.external_id or ""
    assert google.api("GET", f"/v1/courses/{key}")["ownerId"] == teacher
    google.set(folder_lags=True)
    ended = EndedRecord("x", f"{key}:teacher:{teacher}")
    (first,) = source.end(Kind.ENROLLMENTS, [ended], ALL)
    assert (first.answer, google.api("GET", f"/v1/courses/{key}")["ownerId"]) == (
        Answer.LATER,
        admin,
    )
    assert source.end(Kind.ENROLLMENTS, [ended], ALL)[0].answer is Answer.DONE


def test_a_suspended_owner_is_told_in_plain_words(google: Workspace) -> None:
    teacher = google.account(google.district.teachers[0].person.email or "")["id"]

    class Taught(Everything):
        def members(self, class_id: str, role: str) -> list[str]:
            return [teacher]

    source = google.source()
    (made,) = source.create(Kind.CLASSES, [course("a")], Taught())
    google.api("PATCH", f"/admin/directory/v1/users/{teacher}", {"suspended": True})
    someone = google.account(google.district.teachers[1].person.email or "")["id"]
    said = source.create(
        Kind.ENROLLMENTS, [member(made.external_id or "", "teacher", someone)], ALL
    )
    assert said[0].answer is Answer.REJECTED
    assert "owner is suspended" in (said[0].reason or "")
    # who may own no course gives way to the administrator
    (other,) = source.create(Kind.CLASSES, [course("b")], Taught())
    assert other.answer is Answer.DONE


def test_both_budgets_are_kept(google: Workspace) -> None:
    source = google.source(user_requests_per_minute=10, client_requests_per_minute=4)
    source.check()
    with pytest.raises(TransientConnectorError, match="budget"):
        source.check()
    assert max(google.waits) > 10
