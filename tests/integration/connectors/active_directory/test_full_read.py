"""Full reads of a real directory: who is in scope, what of them comes, and that it is everybody."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from connectors import registry
from connectors.sdk import ReadRequest
from shared.domain.reading import Refused
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError
from tests.samba_directory import (
    DISABLED,
    ENABLED,
    HERE,
    NO_PASSWORD,
    OFF,
    SCHOOL,
    STAFF,
    STUDENTS,
    WITHOUT_NUMBER,
    settings_of,
    sign_in,
)

GROUPS = f"OU=Groups,{SCHOOL}"


def names(users) -> set[str]:
    return {str(row["givenName"]).removeprefix("Given").strip() for row in users.values()}


def test_two_thousand_users_with_their_roles(samba, kit):
    items = kit.read(settings_of(samba.environment))
    certificate, found = items[-1], kit.rows(items)
    assert certificate.mode is Mode.FULL
    assert certificate.complete == {Kind.ORGS, Kind.USERS, Kind.ROLES}
    users = {key: row for (kind, key), row in found.items() if kind is Kind.USERS}
    assert certificate.counts[Kind.USERS] == len(users) == STUDENTS + STAFF
    assert sum(row["enabledUser"] == "false" for row in users.values()) == DISABLED
    assert sum(row["identifier"] is None for row in users.values()) == WITHOUT_NUMBER
    assert not all(str(row["familyName"]).isascii() for row in users.values())
    roles = [row for (kind, _), row in found.items() if kind is Kind.ROLES]
    count = {name: sum(row["role"] == name for row in roles) for name in ("student", "teacher")}
    # of the staff, 160 are in the groups of teachers; all are in Staff, most by way of these
    assert count == {"student": STUDENTS, "teacher": 160}
    aides = [row for row in roles if row["role"] == "aide"]
    assert len(aides) == STAFF
    assert sum(row["roleType"] == "primary" for row in roles) == STUDENTS + STAFF
    assert {row["userSourcedId"] for row in roles} == users.keys()
    assert {row["name"] for (kind, _), row in found.items() if kind is Kind.ORGS} == {
        "North", "South", "East", "West",
    }  # fmt: skip


def test_as_any_other_client_reads_it(samba, kit):
    """Names, numbers and ids, compared with what python-ldap alone gives."""
    attributes = {
        "username": "sAMAccountName",
        "givenName": "givenName",
        "familyName": "sn",
        "identifier": "employeeID",
        "email": "mail",
    }
    wanted = ["objectGUID", "userAccountControl", *attributes.values()]
    found = samba.admin.search_s(SCHOOL, 2, "(&(objectCategory=person)(objectClass=user))", wanted)
    bare = {
        str(uuid.UUID(bytes_le=values["objectGUID"][0])): {
            "enabledUser": "false" if int(values["userAccountControl"][0]) & 2 else "true",
            **{
                field: values[name][0].decode() if name in values else None
                for field, name in attributes.items()
            },
        }
        for dn, values in found
        if dn is not None
    }
    settings = {**sign_in(samba.environment, "reader"), "ous": SCHOOL}
    ours = {key: row for (_, key), row in kit.rows(kit.read(settings)).items()}
    assert ours == bare


@pytest.mark.parametrize("range_size", [1500, 7, 1799, 1800, 1801])
def test_a_group_of_any_size_is_read_whole(samba, range_size):
    from connectors.transport.ldap import Directory
    from connectors.transport.ldap_line import Server

    given = sign_in(samba.environment, "reader")
    server = Server(given["host"], 636, ca_file=Path(given["ca_file"]))
    with Directory(
        "ad", HERE, server, user=given["user"], password=given["password"], range_size=range_size
    ) as directory:
        parts = list(directory.values(f"CN=All Students,{GROUPS}", "member"))
    members = [member for part in parts for member in part]
    assert len(members) == len(set(members)) == STUDENTS
    assert max(map(len, parts)) == min(range_size, STUDENTS)


def test_groups_in_groups(samba, kit):
    assert len(kit.users(settings_of(samba.environment, groups=f"CN=Everyone,{GROUPS}"))) == 2000
    two = f"CN=Teachers North,{GROUPS}; CN=Teachers West,{GROUPS}"
    assert len(kit.users(settings_of(samba.environment, groups=two))) == 80


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 10, 11])
def test_pages_end_where_they_end(unit, kit, count):
    unit.add_users(count)
    items = kit.read(unit.settings(page_size=5))
    assert items[-1].counts[Kind.USERS] == count
    assert len(kit.rows(items)) == count
    assert items[-1].complete == {Kind.USERS}


def test_what_state_an_account_is_in(unit, kit, samba):
    import ldap

    unit.add_user("off", userAccountControl=ENABLED | NO_PASSWORD | OFF)
    ended = (2024 - 1601) * 366 * 24 * 3600 * 10**7
    unit.add_user("ended", accountExpires=ended)
    unit.add_user("never", accountExpires=0x7FFF_FFFF_FFFF_FFFF)
    password = '"Right-1 password"'.encode("utf-16-le")
    locked = unit.add_user("locked", userAccountControl=ENABLED | OFF)
    unit.set(locked, unicodePwd=password, userAccountControl=ENABLED)
    for _ in range(3):
        with pytest.raises(ldap.INVALID_CREDENTIALS):
            samba.bare("reader").simple_bind_s(locked, "wrong")
    items = kit.read(unit.settings())
    states = {row["givenName"]: row["enabledUser"] for row in kit.rows(items).values()}
    assert states == {
        "Givenoff": "false", "Givenended": "false", "Givennever": "true", "Givenlocked": "true",
    }  # fmt: skip
    assert items[-1].evidence["locked out, and kept enabled"] == "1"
    assert items[-1].evidence["disabled"] == "1"
    assert names(kit.users(unit.settings(disabled="leave_out"))) == {"ended", "never", "locked"}


def test_names_of_every_kind(unit, kit):
    odd = ["a, b", "a+b", 'a "b"', "a\\b", "<a;b>", "#a", "a=b", "(a*)", "ä ö", "名", " x "]
    dns = [
        unit.add_user(name, sAMAccountName=f"{unit.token[5:]}n{i}") for i, name in enumerate(odd)
    ]
    unit.set(dns[0], employeeID=" 17 ", mail=None)
    inner = unit.sub("in, (here)* #1")
    inner.add_user("within")
    circle = unit.add_group("all (of) them*, \\ +", dns[2:5])
    assert names(kit.users(unit.settings())) == {name.strip() for name in odd} | {"within"}
    assert names(kit.users(unit.settings(groups=circle))) == set(odd[2:5])
    assert names(kit.users(unit.settings(ous=inner.dn))) == {"within"}
    assert names(kit.users(unit.settings(ous=inner.dn.upper()))) == {"within"}
    only = {row["identifier"] for row in kit.users(unit.settings()).values()}
    assert only == {None, "17"}


def test_units_in_and_out_of_scope(unit, kit, make_unit):
    unit.add_user("top")
    a, b = unit.sub("a"), unit.sub("b")
    a.add_user("ina")
    b.add_user("inb")
    b.sub("c").add_user("inc")
    beside = make_unit()
    beside.add_user("beside")
    assert names(kit.users(unit.settings())) == {"top", "ina", "inb", "inc"}
    assert names(kit.users(unit.settings(exclude_ous=b.dn))) == {"top", "ina"}
    twice = f"{b.dn}\n{unit.dn};{beside.dn}"
    assert names(kit.users(unit.settings(ous=twice))) == {"top", "ina", "inb", "inc", "beside"}
    assert names(kit.users(unit.settings(user_filter="(|(givenName=Giventop)(sn=Familyinc))"))) == {
        "top", "inc",
    }  # fmt: skip


def test_the_directory_s_own_accounts_are_nobody(samba, kit):
    everyone = kit.users(sign_in(samba.environment, "syncer"))
    assert len(everyone) >= STUDENTS + STAFF
    assert not {"Administrator", "Guest", "krbtgt", "DC1$"} & everyone.keys()


def test_a_primary_group_counts(unit, kit, samba):
    someone = unit.add_user("someone")
    group = unit.add_group("first", [someone])
    sid = samba.admin.search_s(group, 0, "(objectClass=*)", ["objectSid"])[0][1]["objectSid"][0]
    unit.set(someone, primaryGroupID=int.from_bytes(sid[-4:], "little"))
    found = samba.admin.search_s(someone, 0, "(objectClass=*)", ["memberOf"])[0][1]
    assert group.encode() not in found.get("memberOf", [])
    assert names(kit.users(unit.settings(groups=group))) == {"someone"}
    # while it is somebody's primary one, a group cannot be deleted
    unit.set(someone, primaryGroupID=513)


def test_a_circle_of_groups_ends(unit, kit):
    someone = unit.add_user("someone")
    one = unit.add_group("one", [])
    two = unit.add_group("two", [one, someone])
    unit.join(one, two)
    assert names(kit.users(unit.settings(groups=one))) == {"someone"}


def test_other_attributes_and_lists(unit, kit):
    unit.add_user("someone", department="12", otherTelephone=["2", "1"], middleName="M")
    row = kit.users(
        unit.settings(
            attributes="username=userPrincipalName,givenName=givenName,familyName=cn,"
            "middleName=middleName,grades=department,userIds=otherTelephone"
        )
    )
    assert row == {
        "None": {
            "enabledUser": "true", "username": None, "userIds": '["1","2"]',
            "givenName": "Givensomeone", "familyName": "someone", "middleName": "M",
            "grades": '["12"]',
        }
    }  # fmt: skip


def test_a_value_that_is_no_text_refuses_its_user_alone(unit, kit):
    bad = unit.add_user("bad", jpegPhoto=b"\xff\xd8\xff")
    unit.add_user("good")
    settings = unit.settings(
        attributes="username=sAMAccountName,givenName=givenName,familyName=sn,phone=jpegPhoto"
    )
    items = list(kit.source(settings).read(ReadRequest(Mode.FULL)))
    refused = [item for item in items if isinstance(item, Refused)]
    assert [(one.external_id, one.field) for one in refused] == [(unit.id_of(bad), "jpegPhoto")]
    assert len(kit.rows(items)) == 1


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("ous", "OU=Nowhere,{}"),
        ("ous", "no name at all"),
        ("exclude_ous", "OU=Nowhere,{}"),
        ("groups", "CN=Nobody,{}"),
        ("groups", "{}"),
        ("base_dn", "DC=other,DC=test"),
        ("base_dn", "{}"),
        ("user_filter", "(&(x=)"),
    ],
)
def test_what_is_not_there_is_named(unit, kit, setting, value):
    """Else everybody would seem to have gone."""
    settings = unit.settings(**{setting: value.format(unit.dn)})
    for act in (lambda s: s.check(), lambda s: list(s.read(ReadRequest(Mode.FULL)))):
        with pytest.raises(PermanentConnectorError, match=f"active_directory: {setting}: "):
            act(kit.source(settings))


def test_whoever_is_moved_while_pages_are_read_is_not_lost(unit, kit):
    """From a unit that is still to come to one that has been read: neither would show them."""
    a, b = unit.sub("a"), unit.sub("b")
    a.add_user("first")
    moving = b.add_user("moving")
    source = kit.source(unit.settings(ous=f"{a.dn};{b.dn}"))
    reading = source.read(ReadRequest(Mode.FULL))
    items = [next(reading)]
    unit.move(moving, a.dn)
    items += reading
    assert {row["givenName"] for row in kit.rows(items).values()} == {"Givenfirst", "Givenmoving"}


@pytest.mark.parametrize(
    ("user", "missing"),
    [("syncer", []), ("changer", ["deleted"]), ("reader", ["DirSync", "deleted"])],
)
def test_check_tells_what_a_read_does_without(samba, kit, caplog, user, missing):
    kit.source(settings_of(samba.environment, user)).check()
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [line.split(": ")[1] for line in told] == missing


def test_check_of_an_empty_unit(unit, kit):
    with pytest.raises(PermanentConnectorError, match="sees no user"):
        kit.source(unit.settings()).check()


def test_it_is_listed():
    connector = registry.get("active_directory")
    assert connector.simulator is None
    assert connector.capabilities.modes == frozenset(Mode)
