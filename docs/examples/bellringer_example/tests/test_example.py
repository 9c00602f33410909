"""The package's own tests: the mapping by itself, and every check of the conformance kit."""

from __future__ import annotations

import pytest
from bellringer_example import CONNECTOR
from bellringer_example.mapping import attempt, user_row

from connectors.conformance.kit import CHECKS, examine
from shared.domain.reading import Refused
from shared.domain.records import Kind


def test_a_person_becomes_a_user():
    person = {"id": "p1", "active": 1, "login": "u1", "first": " Re\u0301a ", "last": "Vo"}
    row = user_row({**person, "number": 7, "mail": "U1@Oak.Example", "level": "K"})
    assert row == ("p1", "true", "u1", "Réa", "Vo", "7", "u1@oak.example", '["KG"]')


def test_a_record_without_an_id_is_refused():
    assert isinstance(attempt(Kind.USERS, {"active": "yes"}, user_row), Refused)


@pytest.fixture(scope="module")
def rows():
    return {row.check: row for row in examine(CONNECTOR)}


@pytest.mark.parametrize("check", CHECKS)
def test_it_keeps_what_the_sdk_promises(rows, check):
    assert rows[check].result != "failed", rows[check].detail
