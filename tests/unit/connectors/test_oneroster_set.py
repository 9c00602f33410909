"""What a OneRoster set holds, judged by a checker that shares nothing with its writer."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.oneroster.csv_import import OneRosterCsv, OneRosterCsvConfig
from connectors.oneroster.feeds import BulkFeed, ChangesFeed
from connectors.oneroster.ids import Ids
from connectors.oneroster.roles import one_role
from connectors.oneroster.set_writer import SetWriter
from connectors.sdk import ReadRequest
from shared.domain.reading import ReadCertificate, Refused
from shared.domain.records import FIELDS, Field, Kind, decode_list, encode_list
from shared.domain.states import Mode
from shared.errors import ConfigurationError
from tests.oneroster_checker import OneRosterSet, apply_delta, read_set
from tests.unit.connectors.roster_in_memory import (
    MemoryRoster,
    at,
    role_of,
    small_roster,
    user,
)

VERSIONS = ("1.1", "1.2")


@pytest.fixture(params=VERSIONS)
def version(request) -> str:
    return str(request.param)


def _write(roster: MemoryRoster, version: str, since: int | None = None):
    """Write a set, have it judged; returns it with what was left out."""
    feed = BulkFeed(roster, version) if since is None else ChangesFeed(roster, version, at(since))
    with tempfile.TemporaryDirectory() as folder:
        writer = SetWriter(feed, version)
        writer.write(Path(folder))
        made = read_set(Path(folder))
        assert made.problems == []
        if since is None:
            _import(Path(folder))
    return made, writer.left_out


def _import(folder: Path) -> None:
    """Our own importer takes the whole set, each record of it."""
    source = OneRosterCsv(OneRosterCsvConfig(path=folder, quiet_s=0))
    items = list(source.read(ReadRequest(Mode.FULL)))
    assert isinstance(items[-1], ReadCertificate)
    assert not [item for item in items if isinstance(item, Refused)]


def _rows(made: OneRosterSet, name: str) -> dict[str, dict[str, str]]:
    return made.tables.get(name, {})


def test_a_bulk_set_has_the_hub(version):
    made, left_out = _write(small_roster(), version)
    assert left_out == {}
    assert made.version == version
    assert {name: len(rows) for name, rows in made.tables.items() if name != "roles"} == {
        "academicSessions": 2, "orgs": 2, "courses": 1, "classes": 1, "users": 2, "enrollments": 2,
        "demographics": 1,
    }  # fmt: skip
    assert _rows(made, "demographics")["u2"]["birthDate"] == "2012-02-29"


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Kind.ENROLLMENTS, "enrollments: a bulk set of OneRoster"),
        (Kind.CLASSES, "classes: a bulk set of OneRoster"),
        (Kind.ROLES, "users without a role"),
    ],
)
def test_a_hub_that_lacks_what_is_required_is_refused(kind, told, version):
    roster = small_roster()
    for id_ in roster.kinds[kind]:
        roster.remove(kind, id_)
    with pytest.raises(ConfigurationError, match=told):
        _write(roster, version)


def test_what_may_be_absent_has_no_file(version):
    roster = small_roster()
    roster.remove(Kind.DEMOGRAPHICS, "dm")
    made, _ = _write(roster, version)
    assert made.modes["demographics"] == "absent"


def test_what_names_nothing_is_left_out_and_said(version):
    roster = small_roster()
    roster.put(Kind.USERS, "u3", user("u3", agentSourcedIds=encode_list(["u9", "u1"])))
    roster.put(Kind.ROLES, "r-u3", role_of("u3", "student"))
    roster.put(Kind.USERS, "u4", user("u4"))
    enrolled = {"schoolSourcedId": "s", "role": "student"}
    roster.put(Kind.ENROLLMENTS, "e3", {**enrolled, "classSourcedId": "x", "userSourcedId": "u3"})
    roster.put(Kind.ENROLLMENTS, "e4", {**enrolled, "classSourcedId": "cl", "userSourcedId": "u4"})
    made, left_out = _write(roster, version)
    assert _rows(made, "users")["u3"]["agentSourcedIds"] == "u1"
    assert "u4" not in _rows(made, "users")
    assert roster.not_sent == [(Kind.USERS, "u4")]
    assert left_out == {
        f"users without a role that OneRoster {version} knows": 1,
        "enrollments whose classSourcedId is not in the set": 1,
        "enrollments whose userSourcedId is not in the set": 1,
    }


def test_terms_of_districts_own_go_in_1_2_alone():
    roster = small_roster()
    roster.put(Kind.USERS, "u3", user("u3"))
    roster.put(Kind.ROLES, "r-u3", role_of("u3", "ext:nurse"))
    roster.put(Kind.DEMOGRAPHICS, "dm", {"userSourcedId": "u2", "sex": "other"})
    newer, left_out = _write(roster, "1.2")
    assert _rows(newer, "roles")["r-u3"]["role"] == "ext:nurse"
    assert _rows(newer, "demographics")["u2"]["sex"] == "other"
    assert left_out == {}
    older, left_out = _write(roster, "1.1")
    assert "u3" not in _rows(older, "users")
    assert _rows(older, "demographics")["u2"]["sex"] == ""
    assert left_out == {
        "demographics.sex values that OneRoster 1.1 does not know": 1,
        "users without a role that OneRoster 1.1 knows": 1,
    }


def test_1_1_has_one_role_and_its_orgs_on_the_user():
    roster = small_roster()
    roster.put(Kind.ORGS, "s2", {"name": "School 2", "type": "school"})
    roster.put(Kind.USERS, "u3", user("u3", primaryOrgSourcedId="s2"))
    roster.put(Kind.ROLES, "r1", role_of("u3", "aide"))
    roster.put(Kind.ROLES, "r2", role_of("u3", "principal", "s", "secondary"))
    roster.put(Kind.ROLES, "r3", role_of("u3", "siteAdministrator", "s2", "secondary"))
    roster.put(Kind.ROLES, "r4", role_of("u3", "teacher", "s2", "secondary"))
    made, left_out = _write(roster, "1.1")
    row = _rows(made, "users")["u3"]
    assert (row["role"], row["orgSourcedIds"]) == ("administrator", "s2,s")
    assert left_out == {"roles beside the one for which OneRoster 1.1 has room": 2}


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (["counselor"], "aide"),
        (["counselor", "parent"], "parent"),
        (["guardian", "parent"], "parent"),
        (["districtAdministrator"], "administrator"),
        (["ext:nurse"], None),
        ([], None),
    ],
)
def test_the_role_that_1_1_takes(roles, expected):
    rows = [(role, "u", "primary", role, None, None, "s") for role in roles]
    one = one_role(rows, None)
    assert (one.role if one else None) == expected


def test_1_2_has_one_primary_role_for_each_user_and_org():
    roster = small_roster()
    roster.put(Kind.ROLES, "r-u1b", role_of("u1", "principal"))
    roster.put(Kind.USERS, "u2", user("u2", primaryOrgSourcedId="d"))
    made, left_out = _write(roster, "1.2")
    assert _rows(made, "roles")["r-u1b"]["roleType"] == "secondary"
    assert _rows(made, "users")["u2"]["primaryOrgSourcedId"] == ""
    assert sum(left_out.values()) == 2


def test_values_that_no_cell_can_hold(version):
    roster = small_roster()
    roster.put(
        Kind.COURSES,
        "co",
        {
            "title": 'A "b",\r\nc',
            "orgSourcedId": "s",
            "subjects": encode_list(["Art, Music", "Science"]),
            "subjectCodes": encode_list(["1"]),
            "schoolYearSourcedId": "t",
        },
    )
    made, left_out = _write(roster, version)
    row = _rows(made, "courses")["co"]
    assert (row["title"], row["subjects"]) == ('A "b", c', "Art Music,Science")
    assert (row["subjectCodes"], row["schoolYearSourcedId"]) == ("", "")
    assert left_out == {
        "line breaks, or commas within a list's element (written without them)": 2,
        "subject codes where there are several, or several subjects": 1,
    }


def test_changes_name_what_is_gone_with_its_time(version):
    roster = small_roster()
    roster.now = 5
    roster.remove(Kind.ENROLLMENTS, "e-u2")
    roster.remove(Kind.USERS, "u2")
    roster.remove(Kind.ROLES, "r-u2")
    made, _ = _write(roster, version, since=5)
    gone = _rows(made, "users")["u2"]
    assert (gone["status"], gone["dateLastModified"]) == ("tobedeleted", "2026-09-01T04:05:00.123Z")
    # nobody has removed them, but whose they are is gone
    assert _rows(made, "demographics")["u2"]["status"] == "tobedeleted"
    assert set(_rows(made, "enrollments")) == {"e-u2"}
    if version == "1.1":
        assert (gone["role"], gone["orgSourcedIds"]) == ("student", "s")
    nothing, _ = _write(roster, version, since=6)
    assert set(nothing.modes.values()) == {"absent"}


def test_a_new_role_tells_of_its_user_in_1_1():
    roster = small_roster()
    roster.now = 1
    roster.put(Kind.ROLES, "r-u1b", role_of("u1", "teacher", "d", "secondary"))
    made, _ = _write(roster, "1.1", since=1)
    assert _rows(made, "users")["u1"]["orgSourcedIds"] == "s,d"


def test_demographics_that_came_anew_are_not_gone(version):
    roster = small_roster()
    before, _ = _write(roster, version)
    roster.now = 1
    roster.remove(Kind.DEMOGRAPHICS, "dm")
    roster.put(Kind.DEMOGRAPHICS, "dm2", {"userSourcedId": "u2", "sex": "female"})
    made, _ = _write(roster, version, since=1)
    now, _ = _write(roster, version)
    assert apply_delta(before.tables, made) == now.tables


# Properties

AWKWARD = st.text(
    st.one_of(
        st.sampled_from(list(",\"'\r\n\t;=+-{}[]\\ \u00e9\u2028\x85\x0b\ufeff")),
        st.characters(exclude_categories=("Cs",), exclude_characters="\x00"),
    ),
    max_size=12,
)
IDS = {
    Kind.ORGS: ("o1", "o2", "s", "d"),
    Kind.ACADEMIC_SESSIONS: ("a1", "t", "y"),
    Kind.COURSES: ("c1", "c2", "co"),
    Kind.CLASSES: ("k1", "k2", "cl"),
    Kind.USERS: ("v1", "v2", "v3", "u1", "u2"),
    Kind.ROLES: ("p1", "p2", "p3", "p4"),
    Kind.ENROLLMENTS: ("n1", "n2", "n3", "n4"),
    Kind.DEMOGRAPHICS: ("g1", "g2"),
}
#: These stay as they are, so that there is always a set.
SOUND = {"s", "d", "t", "y", "co", "cl", "u1", "u2"}
_OWNERS = {"g1": "v1", "g2": "v2"}
DATES = st.sampled_from(["2026-08-20", "2027-06-10"])


def _values(kind: Kind, *, blank: bool):
    return st.fixed_dictionaries({f.name: _value(f, blank=blank) for f in FIELDS[kind]})


def _value(field: Field, *, blank: bool):
    if field.ref is not None:
        one = st.sampled_from((*IDS[field.ref], "nobody"))
        made = st.lists(one, max_size=3).map(encode_list) if field.many else one
    elif field.many:
        made = st.lists(AWKWARD, max_size=3).map(encode_list)
    elif field.vocabulary:
        made = st.sampled_from([*sorted(field.vocabulary), "ext:own"])
    elif field.name.endswith("Date"):
        made = DATES
    else:
        made = AWKWARD
    if not field.required:
        return st.none() | made
    if blank:
        return st.none() | made
    return made.filter(lambda value: value is not None and value.strip())


def _edits(*, blank: bool):
    edit = st.sampled_from(list(Kind)).flatmap(
        lambda kind: st.tuples(
            st.just(kind),
            st.sampled_from([id_ for id_ in IDS[kind] if id_ not in SOUND]),
            st.none() | _values(kind, blank=blank),
        )
    )
    return st.lists(edit, max_size=25)


def _edit(roster: MemoryRoster, edits) -> None:
    for kind, id_, values in edits:
        known = roster.kinds[kind].get(id_)
        if values is None:
            if known is not None:
                roster.remove(kind, id_)
            continue
        if kind is Kind.DEMOGRAPHICS:
            # the hub knows them by their user, each of whom has them once
            values = {**values, "userSourcedId": _OWNERS[id_]}
        roster.put(kind, id_, _of_this_hub(roster, kind, values))


def _of_this_hub(roster: MemoryRoster, kind: Kind, values):
    """A hub makes its ids itself: nothing names a record before there is one, gone or not."""
    made = dict(values)
    for field in FIELDS[kind]:
        value = made[field.name]
        if field.ref is None or value is None:
            continue
        known = roster.kinds[field.ref]
        if field.many:
            listed = decode_list(value)
            made[field.name] = encode_list(id_ if id_ in known else "nobody" for id_ in listed)
        elif value not in known:
            made[field.name] = "nobody"
    return made


@settings(max_examples=60, deadline=None)
@given(version=st.sampled_from(VERSIONS), edits=_edits(blank=True))
def test_whatever_the_hub_holds_a_bulk_set_conforms(version, edits):
    roster = small_roster()
    _edit(roster, edits)
    made, left_out = _write(roster, version)
    active = sum(s.is_active for s in roster.kinds[Kind.ENROLLMENTS].values())
    lost = sum(n for why, n in left_out.items() if why.startswith("enrollments w"))
    assert len(_rows(made, "enrollments")) == active - lost


@settings(max_examples=80, deadline=None)
@given(
    version=st.sampled_from(VERSIONS),
    before=_edits(blank=False),
    after=st.lists(_edits(blank=False), min_size=1, max_size=3),
)
def test_the_old_set_and_the_changes_are_the_new_set(version, before, after):
    roster = small_roster()
    _edit(roster, before)
    old, _ = _write(roster, version)
    for edits in after:
        roster.now += 1
        _edit(roster, edits)
    changes, _ = _write(roster, version, since=1)
    new, _ = _write(roster, version)
    assert apply_delta(old.tables, changes) == new.tables


@given(ids=st.lists(st.text(max_size=3), max_size=3000), others=st.lists(st.text(max_size=3)))
@settings(max_examples=30, deadline=None)
def test_ids_are_a_set(ids, others):
    found = Ids()
    for id_ in ids:
        found.add(id_)
    assert len(found) == len(set(ids))
    assert all(id_ in found for id_ in ids)
    assert [id_ in found for id_ in others] == [id_ in set(ids) for id_ in others]


def test_ids_grow():
    found = Ids()
    for number in range(20_000):
        found.add(f"id-{number}")
    assert len(found) == 20_000
    assert "id-19999" in found
    assert "id-20000" not in found
