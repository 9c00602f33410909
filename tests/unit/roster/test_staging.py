"""Fingerprints, and the keys by which records are matched."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.records import FIELDS, Kind
from shared.roster.identity import KEYS
from shared.roster.lines import are_storable, fingerprints_of, is_storable, lines_of

VALUE = st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\0")))
ROW = st.tuples(st.text("ab", min_size=1), VALUE, VALUE, VALUE)


def plain(row: tuple[str | None, ...]) -> tuple[str | None, ...]:
    return tuple(value or None for value in row)


def seed(name: str = "") -> hashlib.blake2b:
    return hashlib.blake2b(name.encode(), digest_size=16)


def fingerprint(row: tuple[str | None, ...], name: str = "") -> str | None:
    (made,) = fingerprints_of(lines_of([row]), seed(name))
    return made


@given(ROW, ROW)
def test_rows_have_one_fingerprint_when_they_are_the_same(
    one: tuple[str | None, ...], other: tuple[str | None, ...]
) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (plain(one) == plain(other))


@given(st.lists(ROW))
def test_a_row_has_the_same_line_whatever_its_neighbours(
    rows: list[tuple[str | None, ...]],
) -> None:
    assert lines_of(rows) == [lines_of([row])[0] for row in rows]
    assert fingerprints_of(lines_of(rows), seed()) == [fingerprint(row) for row in rows]


@given(ROW)
def test_other_fields_make_another_fingerprint(row: tuple[str | None, ...]) -> None:
    assert fingerprint(row, "phone") != fingerprint(row, "sms")
    assert len(fingerprint(row) or "") == 32


def test_what_no_database_stores_is_found() -> None:
    rows = [("user-1", "a\0"), ("user-2", "b"), ("user-3", "\udc80"), ("user-4", "\u00e9\r\t\\")]
    lines = lines_of(rows)
    assert [is_storable(line) for line in lines] == [False, True, False, True]
    assert not are_storable(lines)
    assert are_storable([lines[1], lines[3]])


def test_the_keys_are_fields_and_the_references_among_them_are_to_earlier_kinds() -> None:
    order = list(Kind)
    assert set(KEYS) == set(Kind) - {Kind.USERS}
    for kind, names in KEYS.items():
        fields = {field.name: field for field in FIELDS[kind]}
        assert set(names) <= set(fields)
        for name in names:
            ref = fields[name].ref
            assert ref is None or order.index(ref) < order.index(kind), (kind, name)
