"""The rows of many records at once are those that each one gives alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.oneroster.mapping import BadRowError
from connectors.oneroster.rest.columns import rows_of
from connectors.oneroster.rest.records import plain, read_records
from connectors.oneroster.rest.roles import plain_role_of, roles_of
from connectors.oneroster.rest.shape import COLLECTIONS, Form, parts_of
from connectors.oneroster.rest.values import row_of
from shared.domain.records import Kind

ODD = st.one_of(
    st.none(), st.text(max_size=5), st.integers(), st.booleans(), st.floats(allow_nan=False),
    st.lists(st.text(max_size=3), max_size=2), st.just({}), st.just({"sourcedId": "x y"}),
)  # fmt: skip
IDS = st.from_regex(r"[A-Za-z0-9_.-]{1,12}", fullmatch=True)
REFS = st.builds(lambda key: {"sourcedId": key, "type": "org", "href": "x"}, IDS)


def good(part: Any) -> st.SearchStrategy[Any]:
    field = part.field
    match part.form:
        case Form.REF:
            return REFS if field.required else st.one_of(st.none(), REFS)
        case Form.REFS:
            return st.lists(REFS, min_size=int(field.required), max_size=3)
        case Form.LIST:
            return st.lists(st.sampled_from(["09", "KG", "Art, Music", " x "]), max_size=3)
        case Form.USER_IDS:
            pair = st.fixed_dictionaries({"type": IDS, "identifier": IDS})
            return st.one_of(st.none(), st.lists(pair, max_size=2))
    if field.vocabulary:
        return st.sampled_from(sorted(field.vocabulary))
    if field.name.endswith("Date"):
        return st.sampled_from(["2026-08-20", "2026-08-20T00:00:00Z", " 2026-08-20 "])
    return st.one_of(st.from_regex(r"[\w ]{0,8}[a-zé王]", fullmatch=True), st.integers(0, 99))


@st.composite
def pages(draw: Any) -> tuple[str, Kind, list[dict[str, Any]]]:
    version, kind = draw(st.sampled_from(["1.1", "1.2"])), draw(st.sampled_from(COLLECTIONS))
    parts = parts_of(version, kind)
    wanted = [part for part in parts if part.form is not Form.OWN_ID]
    record = st.fixed_dictionaries({"sourcedId": IDS, **{part.key: good(part) for part in wanted}})
    items = draw(st.lists(record, min_size=1, max_size=4))
    if draw(st.booleans()):
        item = draw(st.sampled_from(items))
        item[draw(st.sampled_from(["sourcedId", *(part.key for part in wanted)]))] = draw(ODD)
    return version, kind, items


def read(items: list[dict[str, Any]], version: str, kind: Kind) -> list[Any] | None:
    return read_records(json.dumps({str(kind): items}).encode(), version, kind)


@settings(max_examples=400)
@given(pages())
def test_they_are_the_same_or_one_needs_a_closer_look(page):
    version, kind, items = page
    parts = parts_of(version, kind)
    records = read(items, version, kind)
    together = None if records is None else rows_of(records, parts)
    if records is None or together is None:
        return
    alone = [row_of(item, parts) for item in items]
    assert [tuple(value or None for value in row) for row in together] == alone
    assert [row_of(plain(record), parts) for record in records] == alone


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("kind", COLLECTIONS)
@given(data=st.data())
@settings(max_examples=15)
def test_plain_records_need_no_closer_look(version, kind, data):
    parts = parts_of(version, kind)
    wanted = {part.key: good(part) for part in parts if part.form is not Form.OWN_ID}
    record = st.fixed_dictionaries({"sourcedId": IDS, **wanted})
    records = read(data.draw(st.lists(record, min_size=1, max_size=3)), version, kind)
    assert records is not None
    assert rows_of(records, parts) is not None


@settings(max_examples=300)
@given(
    st.sampled_from(["student", "administrator", "wizard", " student", None]),
    st.lists(st.sampled_from(["s1", "s2", "s 3", ""]), max_size=2),
    st.sampled_from(["primary", "secondary", "third"]),
    st.sampled_from([None, "", "2026-08-20", "soon"]),
)
def test_a_plain_role_is_the_same_as_looked_at_closely(role, orgs, role_type, begin):
    refs = [{"sourcedId": org} for org in orgs]
    types = {"s1": "school", "s2": "district"}
    roles = [{"roleType": role_type, "role": role, "org": ref, "beginDate": begin} for ref in refs]
    for version, more in (("1.1", {"role": role, "orgs": refs}), ("1.2", {"roles": roles})):
        item = {"sourcedId": "u", **more}
        records = read([item], version, Kind.USERS)
        row = None if records is None else plain_role_of(records[0], version, types)
        if row is not None:
            assert [row] == roles_of(item, version, types.get)


def test_an_element_may_have_a_comma_which_no_csv_cell_can_tell():
    parts = parts_of("1.1", Kind.COURSES)
    item = {"sourcedId": "c", "title": "A", "org": {"sourcedId": "s"}, "subjects": ["Art, Music"]}
    row = dict(zip([part.field.name for part in parts], row_of(item, parts)[1:], strict=True))
    assert row["subjects"] == '["Art, Music"]'


@pytest.mark.parametrize("value", [[], {}, {"sourcedId": ""}, {"sourcedId": "a b"}, "a b", 7.5])
def test_a_reference_that_names_nothing_is_told(value):
    parts = parts_of("1.2", Kind.ENROLLMENTS)
    item = {"sourcedId": "e", "role": "student", "user": {"sourcedId": "u"},
            "school": {"sourcedId": "s"}, "class": value}  # fmt: skip
    if value == 7.5:
        assert row_of(item, parts)[1] == "7.5"
        return
    with pytest.raises(BadRowError) as caught:
        row_of(item, parts)
    assert caught.value.field == "classSourcedId"
    records = read([item], "1.2", Kind.ENROLLMENTS)
    assert records is None or rows_of(records, parts) is None


def test_roles_of_1_2_have_ids_that_last():
    org = {"sourcedId": "s1"}
    item = {
        "sourcedId": "u",
        "roles": [
            {"roleType": "secondary", "role": "aide", "org": org},
            {"roleType": "primary", "role": "teacher", "org": org, "beginDate": "2026-08-20"},
            {"roleType": "primary", "role": "teacher", "org": {"sourcedId": "s2"}},
        ],
    }
    rows = roles_of(item, "1.2", lambda _: None)
    assert [row[0] for row in rows] == ["u/s1/aide", "u/primary", "u/s2/teacher"]
    assert rows[1] == ("u/primary", "u", "primary", "teacher", "2026-08-20", None, "s1")


@pytest.mark.parametrize(
    "item",
    [
        {"sourcedId": "u"},
        {"sourcedId": "u", "role": "student", "orgs": []},
        {"sourcedId": "u", "role": "wizard", "orgs": [{"sourcedId": "s"}]},
        {"sourcedId": "u", "role": "student", "orgs": [{}]},
        {"sourcedId": "u", "role": ["student"], "orgs": [{"sourcedId": "s"}]},
        {"role": "student", "orgs": [{"sourcedId": "s"}]},
    ],
)
def test_a_role_of_1_1_that_is_none(item):
    with pytest.raises(BadRowError):
        roles_of(item, "1.1", lambda _: None)
