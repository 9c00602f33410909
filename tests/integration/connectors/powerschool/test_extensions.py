"""Fields that stand in a database extension: read, and written back there."""

from __future__ import annotations

import pytest

from connectors.sdk import RecordWrite, WriteOutcome
from shared.domain.reading import Batch
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError

FIELDS = (
    "email=U_Students_Extension.school_email, preferredGivenName=u_students_extension.preferredname"
)


def write(dcid: int, **values) -> RecordWrite:
    return RecordWrite(f"student:{dcid}", f"key{dcid}", values)


def test_they_are_read(vendor, kit):
    vendor.edit("students", 5000, _extension={"school_email": "e@oak.example"})
    vendor.edit(
        "students", 5001, contact_info={"email": "other@oak.example"},
        _extension={"preferredname": "Bo", "school_email": None},
    )  # fmt: skip
    items = kit.read(vendor.source(extension_fields=FIELDS))
    users = kit.of_kind(kit.rows(items), Kind.USERS)

    def told(key):
        return (users[key]["email"], users[key]["preferredGivenName"])

    assert told("student:5000") == ("e@oak.example", None)
    # where a field stands elsewhere, its usual place is not looked at
    assert told("student:5001") == (None, "Bo")
    assert told("student:5002") == (None, None)
    # staff have theirs where they always are
    assert all(row["email"] for key, row in users.items() if key.startswith("staff:"))
    batches = [item for item in items if isinstance(item, Batch) and item.kind is Kind.USERS]
    assert {"preferredGivenName"} <= set(batches[0].fields)
    assert len({batch.fields for batch in batches}) == 1


def test_they_are_written_where_they_stand(vendor, kit):
    source = vendor.source(extension_fields=FIELDS)
    results = source.write(
        Kind.USERS, [write(5000, email="n@oak.example", username="no"), write(5001, email=None)]
    )
    assert [result.outcome for result in results] == [WriteOutcome.CONFIRMED] * 2
    assert results[0].values == {"email": "n@oak.example", "username": "no"}
    held = vendor.record("students", 5000)
    assert held["_extension"]["school_email"] == "n@oak.example"
    assert (held["contact_info"], held["student_username"]) == ("", "no")
    sent = vendor.writes()[0]
    assert "contact_info" not in sent
    assert sent["_extension_data"]["_table_extension"][0]["name"] == "u_students_extension"
    users = kit.of_kind(kit.rows(kit.read(source)), Kind.USERS)
    assert users["student:5000"]["email"] == "n@oak.example"


def test_a_change_of_an_extension_is_a_change_of_its_student(vendor, kit):
    source = vendor.source(extension_fields=FIELDS)
    cursor = kit.read(source)[-1].cursor
    vendor.put_extension(5003, school_email="c@oak.example")
    known = kit.rows(kit.read(source, Mode.INCREMENTAL, cursor))
    assert known[Kind.USERS, "student:5003"]["email"] == "c@oak.example"


def test_an_extension_that_there_is_not(vendor):
    vendor.source(extension_fields=FIELDS).check()
    source = vendor.source(extension_fields="email=u_other.mail")
    with pytest.raises(PermanentConnectorError, match=r"u_other.*There are: .*u_students_ext"):
        source.check()


def test_a_column_that_there_is_not(vendor):
    source = vendor.source(extension_fields="email=u_students_extension.mail")
    (result,) = source.write(Kind.USERS, [write(5000, email="a@oak.example")])
    assert result.outcome is WriteOutcome.REJECTED
    assert "no such column" in result.reason
