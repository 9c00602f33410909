from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.vendors.powerschool import mapping
from connectors.vendors.powerschool.mapping import FIELDS
from connectors.vendors.powerschool.rows import Rows
from shared.domain.reading import Batch, Refused
from shared.domain.records import Kind, field_names


def told(kind: Kind, row) -> dict[str, str | None]:
    return dict(zip(FIELDS[kind], row[1:], strict=True))


STUDENT = {
    "id": 5851,
    "local_id": 114679,
    "student_username": "kd.114679",
    "name": {"first_name": "Kim", "last_name": "Dee"},
    "demographics": {"gender": "F", "birth_date": "2011-09-02"},
    "addresses": "",
    "contact_info": {"email": "kd@oak.example"},
    "school_enrollment": {
        "enroll_status": "A",
        "enroll_status_code": 0,
        "grade_level": 10,
        "school_number": 33,
        "school_id": 6,
    },
}


def test_every_field_is_onerosters():
    for kind, names in FIELDS.items():
        assert set(names) <= set(field_names(kind))
    assert set(FIELDS) == set(Kind)


def test_a_student():
    row = mapping.student_row(STUDENT)
    assert row[0] == "student:5851"
    assert told(Kind.USERS, row) == {
        "enabledUser": "true",
        "username": "kd.114679",
        "givenName": "Kim",
        "familyName": "Dee",
        "middleName": None,  # a null is left out on the wire
        "identifier": "114679",  # a number on the wire
        "email": "kd@oak.example",
        "grades": '["10"]',
        "primaryOrgSourcedId": "school:6",  # the DCID, not the number
    }
    assert told(Kind.DEMOGRAPHICS, mapping.demographics_row(STUDENT)) == {
        "userSourcedId": "student:5851",
        "birthDate": "2011-09-02",
        "sex": "female",
    }


def test_a_student_of_whom_little_is_known():
    row = told(Kind.USERS, mapping.student_row({"id": 1, "local_id": "T.Lee", "contact_info": ""}))
    assert row["username"] == row["identifier"] == "T.Lee"
    assert row["email"] is row["grades"] is row["primaryOrgSourcedId"] is None
    assert mapping.student_role_row({"id": 1, "school_enrollment": ""}) is None


def test_school_0_is_the_district_office():
    item = {"id": 1, "school_enrollment": {"school_id": 0}}
    assert mapping.student_role_row(item) is None
    assert told(Kind.USERS, mapping.student_row(item))["primaryOrgSourcedId"] is None


@pytest.mark.parametrize(
    ("enrolled", "status", "enabled"),
    [
        ({"enroll_status_code": 0}, 0, "true"),
        ({"enroll_status_code": "0"}, 0, "true"),
        ({"enroll_status": "A"}, 0, "true"),
        ({"enroll_status_code": -1}, -1, "false"),
        ({"enroll_status": "P"}, -1, "false"),
        ({"enroll_status_code": 2}, 2, "false"),
        ({"enroll_status": "G"}, 3, "false"),
        ({"enroll_status": "H"}, 4, "false"),
        ({"enroll_status": "?"}, 1, "false"),
        ({"enroll_status_code": "x"}, 1, "false"),
        ({}, 0, "true"),
        ("", 0, "true"),
    ],
)
def test_enroll_status(enrolled, status, enabled):
    item = {"id": 1, "school_enrollment": enrolled}
    assert mapping.enroll_status(item) == status
    assert told(Kind.USERS, mapping.student_row(item))["enabledUser"] == enabled


@pytest.mark.parametrize(
    ("level", "grades"),
    [(-3, '["PK"]'), (-1, '["PK"]'), (0, '["KG"]'), (1, '["01"]'), ("9", '["09"]'),
     (12, '["12"]'), (13, '["13"]'), (99, None), (None, None), ("", None)],
)  # fmt: skip
def test_grade_levels(level, grades):
    item = {"id": 1, "school_enrollment": {"grade_level": level}}
    assert told(Kind.USERS, mapping.student_row(item))["grades"] == grades


@pytest.mark.parametrize(
    ("portion", "kind"),
    [(1, "schoolYear"), (2, "semester"), ("3", "term"), (4, "gradingPeriod"), (8, "gradingPeriod"),
     (None, "term")],
)  # fmt: skip
def test_a_term_ends_after_its_last_day_and_is_named_by_the_year_in_which_it_ends(portion, kind):
    item = {"id": 7, "name": "T", "portion": portion, "start_year": 2026,
            "start_date": "2026-08-20", "end_date": "2026-12-31"}  # fmt: skip
    row = mapping.term_row(item)
    assert row[0] == "term:7"
    assert told(Kind.ACADEMIC_SESSIONS, row) == {
        "title": "T",
        "type": kind,
        "startDate": "2026-08-20",
        "endDate": "2027-01-01",
        "schoolYear": "2027",
    }


def test_a_section():
    item = {"id": 9, "school_id": 3, "course_id": 700, "term_id": 2000, "section_number": 12,
            "expression": "1(A-B) 3-4(C)", "staff_id": 60}  # fmt: skip
    row = mapping.section_row(item, {"700": "Algebra"})
    assert row[0] == "section:9"
    assert told(Kind.CLASSES, row) == {
        "title": "Algebra 12",
        "courseSourcedId": "course:700@3",
        "classCode": "12",
        "classType": "scheduled",
        "schoolSourcedId": "school:3",
        "termSourcedIds": '["term:2000"]',
        "periods": '["1","3-4"]',
    }
    teaching = told(Kind.ENROLLMENTS, mapping.section_teacher_row(item, {"60": "staff:30"}))
    assert (teaching["userSourcedId"], teaching["role"], teaching["primary"]) == (
        "staff:30",
        "teacher",
        "true",
    )
    assert mapping.section_teacher_row(item, {}) is None
    assert mapping.section_teacher_row({"id": 9}, {"60": "staff:30"}) is None


def test_one_course_at_two_schools_is_two():
    item = {"id": 700, "course_name": "Algebra", "course_number": "ALG"}
    assert mapping.course_row(item, "3")[0] != mapping.course_row(item, "5")[0]


def test_staff_are_known_by_their_user():
    item = {"id": 67, "users_dcid": 64, "local_id": "T.Lee", "emails": ""}
    assert mapping.staff_row(item, "3")[0] == "staff:64"
    assert told(Kind.USERS, mapping.staff_row(item, "3"))["username"] == "T.Lee"


@pytest.mark.parametrize(
    ("kind", "make", "item", "field"),
    [
        (Kind.ORGS, mapping.school_row, {"name": "no id"}, "id"),
        (Kind.ACADEMIC_SESSIONS, mapping.term_row, {"id": 1, "portion": "half"}, "portion"),
        (Kind.ACADEMIC_SESSIONS, mapping.term_row, {"id": 1, "end_date": "9.6.2027"}, "end_date"),
        (Kind.ACADEMIC_SESSIONS, mapping.term_row, {"id": 1, "end_date": "9999-12-31"}, "end_date"),
        (
            Kind.USERS,
            mapping.student_row,
            {"id": 1, "school_enrollment": {"grade_level": "ten"}},
            "grade_level",
        ),
    ],
)
def test_a_bad_record_is_refused_by_itself(kind, make, item, field):
    rows = Rows()
    good = {"id": 2, "name": "good", "end_date": "2027-06-09", "portion": 1}
    refused = list(rows.make(kind, [item, good], make))
    assert [one.field for one in refused if isinstance(one, Refused)] == [field]
    (batch,) = [b for b in rows.rest(is_full=False) if isinstance(b, Batch)]
    assert len(batch.rows) == 1


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["", "0", "A", "T", "2026-08-20"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)  # fmt: skip
_ENROLLED = st.fixed_dictionaries(
    {}, optional={n: _VALUES for n in ("enroll_status", "enroll_status_code", "grade_level",
                                       "school_id")}
)  # fmt: skip
_NAMES = ("id", "local_id", "name", "student_username", "teacher_username", "demographics",
          "contact_info", "emails", "users_dcid", "portion", "start_year", "start_date", "end_date",
          "course_name", "school_id", "course_id", "term_id", "section_number", "expression",
          "staff_id", "section_id", "student_id", "dropped", "entry_date")  # fmt: skip
_ITEMS = st.fixed_dictionaries(
    {},
    optional={**dict.fromkeys(_NAMES, _VALUES), "school_enrollment": _ENROLLED | _VALUES},
)


@settings(max_examples=400, deadline=None)
@given(st.lists(_ITEMS, max_size=3))
def test_whatever_the_wire_brings_becomes_rows_of_text_or_is_refused(items):
    rows = Rows()
    given_out = [
        *rows.make(Kind.ORGS, items, mapping.school_row),
        *rows.make(Kind.ACADEMIC_SESSIONS, items, mapping.term_row),
        *rows.make(Kind.COURSES, items, lambda item: mapping.course_row(item, "3")),
        *rows.make(Kind.CLASSES, items, lambda item: mapping.section_row(item, {})),
        *rows.make(Kind.ENROLLMENTS, items, lambda item: mapping.enrollment_row(item, item)),
        *rows.students(items),
        *rows.staff(items, "3", set()),
        *rows.rest(is_full=True),
    ]
    for one in given_out:
        assert isinstance(one, Batch | Refused)
        for row in one.rows if isinstance(one, Batch) else ():
            assert len(row) == 1 + len(FIELDS[one.kind])
            assert all(value is None or (isinstance(value, str) and value) for value in row)
            assert row[0]
    for item in items:
        mapping.is_dropped(item)
