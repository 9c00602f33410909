"""A block of CSV rows is read at once as it would be row by row."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.oneroster.blocks import rows_of
from connectors.oneroster.layout import HEADERS
from connectors.oneroster.mapping import BadRowError, row_of, supplied
from shared.domain.reading import Row
from shared.domain.records import FIELDS, Kind

GOOD = {
    "sourcedId": "a-1",
    "status": "",
    "dateLastModified": "",
    "name": "North",
    "type": "school",
    "title": "T",
    "startDate": "2026-08-20",
    "endDate": "2027-06-09",
    "schoolYear": "2027",
    "orgSourcedId": "o-1",
    "courseSourcedId": "c-1",
    "classType": "scheduled",
    "schoolSourcedId": "o-1",
    "termSourcedIds": "t-2, t-1",
    "enabledUser": "true",
    "username": "u",
    "givenName": "G",
    "familyName": "F",
    "userSourcedId": "u-1",
    "classSourcedId": "k-1",
    "roleType": "primary",
    "role": "student",
    "grades": "10,09,10",
    "birthDate": "2012-02-03",
}
OF_KIND = {Kind.ACADEMIC_SESSIONS: {"type": "schoolYear"}}
CELLS = st.sampled_from(
    ["", " ", " x ", "x", "ext:own", "true", "student", "2026-13-40", "é", "a b", "a,b", "x" * 256]
)


def plain(rows: list[Row]) -> list[Row]:
    return [tuple(value or None for value in row) for row in rows]


@given(st.data(), st.sampled_from(list(Kind)), st.sampled_from(["1.1", "1.2"]))
def test_at_once_is_as_one_by_one(data: st.DataObject, kind: Kind, version: str) -> None:
    if kind not in HEADERS[version]:
        return
    header = HEADERS[version][kind][0]
    good = {**GOOD, **OF_KIND.get(kind, {})}
    cell = st.one_of(st.none(), st.none(), st.none(), st.none(), st.none(), CELLS)
    block = [
        [good.get(name, "") if (other := data.draw(cell)) is None else other for name in header]
        for _ in range(data.draw(st.integers(1, 3)))
    ]
    names = supplied(kind, header)
    fields = [field for field in FIELDS[kind] if field.name in names]
    try:
        expected = [row_of(kind, dict(zip(header, row, strict=True)), fields) for row in block]
    except BadRowError:
        assert rows_of(kind, header, fields, block) is None
        return
    made = rows_of(kind, header, fields, block)
    # what it doubts is looked at row by row, which is slower and no less right
    assert made is None or plain(made) == expected


def test_a_plain_block_is_never_doubted() -> None:
    for version, headers in HEADERS.items():
        for kind, (header, *_) in headers.items():
            good = {**GOOD, **OF_KIND.get(kind, {})}
            names = supplied(kind, header)
            fields = [field for field in FIELDS[kind] if field.name in names]
            block = [[good.get(name, "") for name in header]] * 2
            assert rows_of(kind, header, fields, block) is not None, (version, kind)


def test_a_row_of_another_length_is_doubted() -> None:
    header = HEADERS["1.2"][Kind.ORGS][0]
    row = [GOOD.get(name, "") for name in header]
    assert rows_of(Kind.ORGS, header, FIELDS[Kind.ORGS], [row, row[:-1]]) is None
