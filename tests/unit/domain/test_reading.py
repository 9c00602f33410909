"""Only a certificate gives the right to take what was not read for gone."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from shared.domain.reading import Absence, ReadCertificate
from shared.domain.records import Kind
from shared.domain.states import Mode


def certificate(mode: Mode, *complete: Kind) -> ReadCertificate:
    return ReadCertificate(mode, frozenset(complete), dict.fromkeys(complete, 1))


def test_a_full_read_gives_the_right_to_what_it_read_completely() -> None:
    given = certificate(Mode.FULL, Kind.USERS)
    right = given.absence(Kind.USERS)
    assert right is not None
    assert right.kind is Kind.USERS
    assert given.absence(Kind.ENROLLMENTS) is None


def test_an_incremental_read_gives_none_whatever_it_says() -> None:
    assert certificate(Mode.INCREMENTAL, *Kind).absence(Kind.USERS) is None


@pytest.mark.parametrize("seal", [None, object(), "seal", Kind.USERS])
def test_nobody_else_makes_one(seal: object) -> None:
    with pytest.raises(TypeError, match="certificate"):
        Absence(Kind.USERS, seal)


def test_the_right_to_one_kind_is_no_right_to_another() -> None:
    right = certificate(Mode.FULL, Kind.ORGS).absence(Kind.ORGS)
    assert right is not None
    with pytest.raises(TypeError, match="certificate"):
        replace(right, kind=Kind.USERS)
    with pytest.raises(AttributeError):
        right.kind = Kind.USERS  # type: ignore[misc]
    assert copy.copy(right).kind is Kind.ORGS
