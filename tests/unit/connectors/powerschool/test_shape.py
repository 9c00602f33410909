from __future__ import annotations

import pytest

from connectors.vendors.powerschool.config import Column
from connectors.vendors.powerschool.mapping import FIELDS
from connectors.vendors.powerschool.shape import Shape, columns_of, extension_data
from shared.domain.records import Kind

STUDENT = {"id": 5, "local_id": 9, "name": {"first_name": "Ro"}, "contact_info": {"email": "u@x"}}
MAIL = Column("u_x", "mail")


def with_extension(tables):
    return {**STUDENT, "_extension_data": {"_table_extension": tables}}


@pytest.mark.parametrize(
    ("tables", "found"),
    [
        # one table and one field are themselves, as everywhere on this wire
        ({"name": "U_X", "_field": {"name": "MAIL", "value": "e@x"}}, {MAIL: "e@x"}),
        ([{"name": "u_x", "_field": [{"name": "mail", "value": "e@x"}]}], {MAIL: "e@x"}),
        ([{"name": "u_x", "_field": {"name": "mail", "value": 5}}], {MAIL: "5"}),
        ([{"name": "u_x", "recordFound": False}], {}),
        ("", {}),
        (None, {}),
    ],
)
def test_columns(tables, found):
    assert dict(columns_of(with_extension(tables))) == found
    assert Shape({"email": MAIL}).student(with_extension(tables))["email"] == found.get(MAIL)


def test_no_extension_is_the_usual_fields():
    shape = Shape()
    assert shape.fields(Kind.USERS) == FIELDS[Kind.USERS]
    assert shape.tables is None
    assert shape.student(STUDENT)["email"] == "u@x"


def test_fields_that_are_new_come_after_the_usual_ones():
    shape = Shape({"email": MAIL, "pronouns": Column("u_y", "says")}, with_agents=True)
    assert shape.fields(Kind.USERS) == (*FIELDS[Kind.USERS], "pronouns", "agentSourcedIds")
    assert shape.tables == "u_x,u_y"
    row = shape.student_row(STUDENT, ["contact:8", "contact:7"])
    assert (row[0], row[-2:]) == ("student:5", (None, '["contact:7","contact:8"]'))
    assert len(shape.staff_row({"id": 1, "local_id": "t"}, "3")) == len(row)


def test_what_is_written_is_text():
    data = extension_data({MAIL: "e@x", Column("u_x", "says"): None, Column("u_y", "n"): "1"})
    assert data["_table_extension"][0] == {
        "name": "u_x",
        "recordFound": False,
        "_field": [
            {"name": "mail", "type": "String", "value": "e@x"},
            {"name": "says", "type": "String", "value": ""},
        ],
    }
    assert [table["name"] for table in data["_table_extension"]] == ["u_x", "u_y"]
