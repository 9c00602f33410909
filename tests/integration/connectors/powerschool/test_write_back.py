from __future__ import annotations

import pytest

from connectors.sdk import ReadRequest, RecordWrite, WriteOutcome
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError, TransientConnectorError

CONFIRMED, REJECTED = WriteOutcome.CONFIRMED, WriteOutcome.REJECTED


def write(dcid: int, **values) -> RecordWrite:
    return RecordWrite(f"student:{dcid}", f"key{dcid}", values)


def test_mixed_results_come_in_the_order_of_the_writes(vendor):
    writes = [
        write(5000, email="a@oak.example", username="first.one"),
        write(5001, email="no address"),
        write(5002, username="x" * 61),
        RecordWrite("staff:30", "k", {"email": "t@oak.example"}),
        write(999_999, email="b@oak.example"),
        write(5003, username="first.one"),
        write(5004, givenName="Novu"),
        write(5005, email="c@oak.example"),
    ]
    results = vendor.source().write(Kind.USERS, writes)
    assert [result.external_id for result in results] == [one.external_id for one in writes]
    assert [result.outcome for result in results] == [
        CONFIRMED, REJECTED, REJECTED, REJECTED, REJECTED, REJECTED, REJECTED, CONFIRMED,
    ]  # fmt: skip
    reasons = [result.reason for result in results]
    assert reasons[0] is reasons[7] is None
    assert "student/contact_info/email: Value must be an e-mail address" in reasons[1]
    assert "student/student_username" in reasons[2]
    assert "students alone" in reasons[3]
    assert "student/id" in reasons[4]
    assert "Another student" in reasons[5]
    assert "givenName" in reasons[6]
    assert results[0].values == {"email": "a@oak.example", "username": "first.one"}
    assert all(not result.values for result in results[1:7])


@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_batches_of_every_size(vendor, count):
    for dcid in range(7000, 7000 + count):
        vendor.add_student(dcid)
    writes = [write(dcid, email=f"{dcid}@oak.example") for dcid in range(7000, 7000 + count)]
    results = vendor.source().write(Kind.USERS, writes)
    assert [result.values for result in results] == [dict(one.values) for one in writes]
    uids = [student["client_uid"] for student in vendor.writes()]
    assert len(set(uids)) == len(uids) == count


def test_it_holds_what_the_server_made_of_it(vendor, kit):
    (result,) = vendor.source().write(Kind.USERS, [write(5000, email="A.b@OAK.Example")])
    assert result.outcome is CONFIRMED
    assert result.values == {"email": "A.b@oak.example"}
    users = kit.of_kind(kit.rows(kit.read(vendor.source())), Kind.USERS)
    assert users["student:5000"]["email"] == result.values["email"]


def test_a_field_is_cleared(vendor, kit):
    vendor.source().write(Kind.USERS, [write(5000, email="a@oak.example", username="one")])
    (result,) = vendor.source().write(Kind.USERS, [write(5000, email=None, username=None)])
    # as a read gives it: the username falls back to the local number
    local = str(vendor.record("students", 5000)["local_id"])
    assert result.values == {"email": None, "username": local}
    users = kit.of_kind(kit.rows(kit.read(vendor.source())), Kind.USERS)
    assert users["student:5000"]["email"] is None


def test_only_what_is_to_change_is_sent(vendor):
    vendor.source().write(Kind.USERS, [write(5000, email="a@oak.example")])
    assert vendor.writes() == [
        {"client_uid": "0", "action": "UPDATE", "id": "5000",
         "contact_info": {"email": "a@oak.example"}}
    ]  # fmt: skip


def test_a_warning_is_a_confirmation_with_a_reason(vendor):
    vendor.fault("warning", on="/ws/v1/student")
    (result,) = vendor.source().write(Kind.USERS, [write(5000, email="a@oak.example")])
    assert result.outcome is CONFIRMED
    assert "Fees were not assigned" in result.reason


def test_the_same_again_is_harmless(vendor):
    writes = [write(5000, email="a@oak.example", username="one")]
    assert vendor.source().write(Kind.USERS, writes) == vendor.source().write(Kind.USERS, writes)


@pytest.mark.parametrize("name", ["silent", "unanswered", "cut", "html", "down", "shape"])
def test_a_batch_that_is_not_answered_is_unknown(vendor, name):
    vendor.fault(name, times=99, on="/ws/v1/student?")
    writes = [write(dcid, email=f"{dcid}@oak.example") for dcid in (5000, 5001, 5002)]
    with pytest.raises(TransientConnectorError):
        vendor.source().write(Kind.USERS, writes)


def test_an_answer_that_is_lost_is_asked_for_again(vendor):
    vendor.fault("lost", on="/ws/v1/student?")
    (result,) = vendor.source().write(Kind.USERS, [write(5000, email="a@oak.example")])
    assert result.outcome is CONFIRMED
    assert len(vendor.writes()) == 2


def test_a_student_who_goes_right_after_the_write(vendor):
    vendor.fault("remove", value=5000, on="/ws/v1/student/5000")
    (result,) = vendor.source().write(Kind.USERS, [write(5000, email="a@oak.example")])
    assert result.outcome is REJECTED
    assert "gone" in result.reason


def test_a_plugin_that_may_only_read(vendor):
    vendor.set(access="READ")
    list(vendor.source().read(ReadRequest(Mode.FULL)))
    with pytest.raises(PermanentConnectorError, match=r"may not write.*FULL"):
        vendor.source().check()
    with pytest.raises(PermanentConnectorError, match=r"may not write.*FULL"):
        vendor.source().write(Kind.USERS, [write(5000, email="a@oak.example")])


def test_a_token_that_expires_before_a_write(vendor):
    source = vendor.source()
    source.check()
    vendor.fault("expire")
    (result,) = source.write(Kind.USERS, [write(5000, email="a@oak.example")])
    assert result.outcome is CONFIRMED


def test_other_kinds_are_refused(vendor):
    source = vendor.source()
    with pytest.raises(PermanentConnectorError, match="orgs"):
        source.write(Kind.ORGS, [RecordWrite("school:3", "k", {"name": "x"})])
    assert source.accepts(Kind.USERS, "student:5000")
    assert not source.accepts(Kind.USERS, "staff:30")
    assert not source.accepts(Kind.DEMOGRAPHICS, "student:5000")
