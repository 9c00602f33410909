"""The mapper: batches in, batches with mapped values out."""

from __future__ import annotations

import pytest

from shared.domain.reading import Batch, Refused
from shared.domain.records import Kind
from shared.errors import ConfigurationError
from shared.roster.mapping import Mapper

BATCH = Batch(
    Kind.USERS,
    ("username", "email", "grades"),
    [("u1", "Ana", None, '["10"]'), ("u2", "Teo", "teo@x.example", None)],
    ("u3",),
)


def test_a_value_is_replaced_and_a_new_field_is_the_last() -> None:
    mapper = Mapper({"users.email": "username + '@x.example'", "users.sms": "sourcedId"})
    mapped, refused = mapper.map(BATCH)
    assert mapped == Batch(
        Kind.USERS,
        ("username", "email", "grades", "sms"),
        [
            ("u1", "Ana", "Ana@x.example", '["10"]', "u1"),
            ("u2", "Teo", "Teo@x.example", None, "u2"),
        ],
        ("u3",),
    )
    assert refused == []


def test_a_list_is_mapped_by_its_elements() -> None:
    mapped, _ = Mapper({"users.grades": "grades.map(g, g == '10' ? '11' : g)"}).map(BATCH)
    assert [row[3] for row in mapped.rows] == ['["11"]', None]


def test_a_record_that_fails_is_refused_with_its_source_and_the_others_go_on() -> None:
    mapped, refused = Mapper({"users.sms": "email.split('@')[1]"}).map(BATCH)
    assert [row[0] for row in mapped.rows] == ["u2"]
    source = {"sourcedId": "u1", "username": "Ana", "email": None, "grades": '["10"]'}
    (one,) = refused
    assert one == Refused(Kind.USERS, "u1", "sms", one.reason, source)
    assert "its mapping fails" in one.reason


def test_a_value_that_the_field_cannot_hold_is_refused() -> None:
    _, refused = Mapper({"users.grades": "username"}).map(BATCH)
    assert [one.field for one in refused] == ["grades", "grades"]


def test_other_kinds_and_deletions_alone_pass() -> None:
    mapper = Mapper({"users.email": "username"})
    for batch in (Batch(Kind.ORGS, ("name",), [("o1", "X")]), Batch(Kind.USERS, (), [], ("u1",))):
        assert mapper.map(batch) == (batch, [])


def test_a_row_that_is_no_row_is_left_to_staging() -> None:
    batch = Batch(Kind.USERS, ("username",), [("u1",), ("", "Ana")])
    mapped, _ = Mapper({"users.email": "username"}).map(batch)
    assert mapped.rows == batch.rows


def test_a_wrong_expression_names_its_rule() -> None:
    with pytest.raises(ConfigurationError, match=r"attributes\.users\.email"):
        Mapper({"users.email": "nobody.knows()"})
