"""Incremental reads, by both ways: after each change what is known is what a full read gives."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.domain.records import Kind
from shared.domain.states import Mode
from tests.samba_directory import ENABLED, NO_PASSWORD, OFF, sign_in

WAYS = ("dirsync", "usn")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Day:
    """A small school, what is known of it, and what happens to it."""

    def __init__(self, unit: Any, outside: Any, kit: Any, way: str) -> None:
        self.unit, self.outside, self.kit = unit, outside, kit
        self.pupils, self.staff = unit.sub("pupils"), unit.sub("staff")
        self.annex = self.staff.sub("annex")
        self.users = {n: self.pupils.add_user(n) for n in ("p0", "p1", "p2", "p3")}
        self.users |= {n: self.staff.add_user(n) for n in ("t0", "t1")}
        self.users["a0"] = self.annex.add_user("a0")
        self.stranger = outside.add_user("stranger")
        self.inner = unit.add_group("inner", [self.users["t1"]])
        self.outer = unit.add_group("outer", [self.users["t0"], self.inner])
        self.club = unit.add_group("club", [self.users["p0"], self.users["p1"]])
        self.settings = unit.settings(
            incremental=way,
            schools="1 One;2 Two",
            roles=f"student 1 {self.pupils.dn};teacher 1 {self.outer};aide 2 {self.staff.dn}",
        )
        self.known: Any = {}
        self.cursor = ""
        self.full()

    def full(self) -> None:
        items = self.kit.read(self.settings)
        self.known, self.cursor = self.kit.rows(items), items[-1].cursor

    def catch_up(self, *, mode: Mode = Mode.INCREMENTAL) -> Any:
        """Read what has changed; what is then known is what a full read gives."""
        items = self.kit.read(self.settings, Mode.INCREMENTAL, self.cursor)
        assert items[-1].mode is mode, items[-1].evidence
        self.known = (
            self.kit.after(self.known, items) if mode is Mode.INCREMENTAL else self.kit.rows(items)
        )
        self.cursor = items[-1].cursor
        assert self.known == self.kit.rows(self.kit.read(self.settings))
        return items

    def roles(self, name: str) -> set[tuple[str, str]]:
        user = self.unit.id_of(self.users[name])
        return {
            (str(row["role"]), str(row["orgSourcedId"]))
            for (kind, _), row in self.known.items()
            if kind is Kind.ROLES and row["userSourcedId"] == user
        }


@pytest.fixture
def day(unit, make_unit, kit, way) -> Iterator[Day]:
    return Day(unit, make_unit(), kit, way)


def test_nothing_has_changed(day, kit):
    items = day.catch_up()
    assert {kind for kind, _ in kit.rows(items)} == {Kind.ORGS}
    assert items[-1].complete == frozenset()


def test_what_happens_to_a_person(day, unit):
    users = day.users
    unit.set(users["p0"], givenName="Éva", mail="p0@school.test", employeeID="77")
    day.catch_up()
    # the others stay: what DirSync does not tell has not changed
    unit.set(users["p0"], mail=None)
    day.catch_up()
    row = day.known[Kind.USERS, unit.id_of(users["p0"])]
    assert (row["givenName"], row["email"], row["identifier"]) == ("Éva", None, "77")
    unit.set(users["p1"], userAccountControl=ENABLED | NO_PASSWORD | OFF)
    unit.set(users["p2"], sAMAccountName="renamed")
    unit.set(users["p3"], accountExpires=10**17)
    day.catch_up()
    assert day.known[Kind.USERS, unit.id_of(users["p1"])]["enabledUser"] == "false"
    users["p0"] = unit.move(users["p0"], day.pupils.dn, "another, name*")
    day.catch_up()
    users["p4"] = day.pupils.add_user("p4")
    gone = unit.id_of(users["t0"])
    unit.delete(users["t0"])
    unit.delete(day.pupils.add_user("brief"))
    items = day.catch_up()
    assert (Kind.USERS, gone) not in day.known
    assert gone in {id_ for item in items[:-1] for id_ in item.deleted if item.kind is Kind.USERS}


def test_who_moves(day, unit, kit):
    users = day.users
    assert day.roles("p0") == {("student", "1")}
    users["p0"] = unit.move(users["p0"], day.staff.dn)
    day.catch_up()
    assert day.roles("p0") == {("aide", "2")}
    left = unit.id_of(users["p1"])
    away = unit.move(users["p1"], day.outside.dn)
    items = day.catch_up()
    assert (Kind.USERS, left) not in day.known
    assert left in {id_ for item in items[:-1] for id_ in item.deleted}
    day.users["stranger"] = unit.move(day.stranger, day.pupils.dn)
    users["p1"] = unit.move(away, day.pupils.dn)
    day.catch_up()
    assert day.roles("stranger") == day.roles("p1") == {("student", "1")}


def test_units_move_with_all_who_are_in_them(day, unit):
    """Nobody below a unit that moves has changed themselves."""
    assert day.roles("a0") == {("aide", "2")}
    annex = unit.move(day.annex.dn, day.pupils.dn)
    day.users["a0"] = f"CN=a0,{annex}"
    day.catch_up()
    assert day.roles("a0") == {("student", "1")}
    there = unit.move(annex, day.outside.dn)
    day.catch_up()
    assert sum(kind is Kind.USERS for kind, _ in day.known) == 6
    unit.move(there, day.staff.dn, "annex again")
    day.catch_up()
    assert sum(kind is Kind.USERS for kind, _ in day.known) == 7


def test_who_joins_and_leaves_a_group(day, unit, way):
    """Only DirSync tells who left; by numbers, everybody is read, and that is said."""
    mode = Mode.INCREMENTAL if way == "dirsync" else Mode.FULL
    users = day.users
    assert day.roles("t0") == day.roles("t1") == {("teacher", "1"), ("aide", "2")}
    unit.join(day.outer, users["p0"])
    unit.leave(day.outer, users["t0"])
    items = day.catch_up(mode=mode)
    assert day.roles("p0") == {("student", "1"), ("teacher", "1")}
    assert day.roles("t0") == {("aide", "2")}
    if way == "usn":
        assert "does not tell who left it" in items[-1].evidence["in full, since"]
    # a group in the group, and one that decides nothing
    unit.join(day.inner, users["p1"])
    unit.leave(day.inner, users["t1"])
    day.catch_up(mode=mode)
    assert day.roles("t1") == {("aide", "2")}
    unit.leave(day.club, users["p1"])
    day.catch_up()


def test_a_group_joins_and_leaves_a_group(day, unit, way):
    mode = Mode.INCREMENTAL if way == "dirsync" else Mode.FULL
    unit.join(day.outer, day.club)
    day.catch_up(mode=mode)
    assert day.roles("p0") == {("student", "1"), ("teacher", "1")}
    # it decides by now
    unit.join(day.club, day.users["p2"])
    day.catch_up(mode=mode)
    unit.leave(day.outer, day.club, day.inner)
    day.catch_up(mode=mode)
    assert day.roles("p2") == {("student", "1")}
    assert day.roles("t1") == {("aide", "2")}


def test_a_group_that_decides_is_deleted(day, unit):
    unit.delete(day.inner)
    items = day.catch_up(mode=Mode.FULL)
    assert "was deleted" in items[-1].evidence["in full, since"]
    assert day.roles("t1") == {("aide", "2")}


def test_by_membership_alone(day, unit, kit, way):
    """Who leaves the group leaves the scope; and a filter's own attributes count."""
    day.settings = unit.settings(
        incremental=way, groups=day.outer, user_filter="(!(department=none))"
    )
    day.full()
    assert len(day.known) == 2
    unit.set(day.users["t0"], department="none")
    day.catch_up()
    assert len(day.known) == 1
    unit.set(day.users["t0"], department=None)
    day.catch_up()
    unit.leave(day.outer, day.users["t0"])
    day.catch_up(mode=Mode.INCREMENTAL if way == "dirsync" else Mode.FULL)
    assert len(day.known) == 1


def test_what_changes_during_a_full_read_comes_with_the_next(day, unit, kit):
    from connectors.sdk import ReadRequest

    reading = kit.source({**day.settings, "page_size": 1}).read(ReadRequest(Mode.FULL))
    first = [next(reading), next(reading)]
    unit.set(day.users["p0"], sn="Later")
    items = [*first, *reading]
    day.known, day.cursor = kit.rows(items), items[-1].cursor
    day.catch_up()


def _edited(cursor: str, **changes: Any) -> str:
    return json.dumps({**json.loads(cursor), **changes})


STALE: dict[str, tuple[Callable[[str], str | None], str]] = {
    "none": (lambda _: None, "no read before"),
    "no cursor": (lambda _: "yesterday", "another form"),
    "another form": (lambda c: _edited(c, form=0), "another form"),
    "no groups": (lambda c: _edited(c, groups=["x"]), "another form"),
    "no mark": (lambda c: _edited(c, mark="x"), "another form"),
    "another server": (lambda c: _edited(c, invocation="0" * 8), "not the server of the last read"),
    "another domain": (lambda c: _edited(c, context="DC=other"), "was of DC=other"),
    "other settings": (lambda c: _edited(c, scope="0"), "settings have changed"),
}


@pytest.mark.parametrize("case", sorted(STALE))
def test_a_cursor_that_means_nothing_here(unit, kit, case, way):
    unit.add_user("someone")
    settings = unit.settings(incremental=way)
    spoil, why = STALE[case]
    cursor = spoil(kit.read(settings)[-1].cursor)
    items = kit.read(settings, Mode.INCREMENTAL, cursor)
    assert items[-1].mode is Mode.FULL
    assert items[-1].complete == {Kind.USERS}
    assert why in items[-1].evidence["in full, since"]
    assert kit.read(settings, Mode.INCREMENTAL, items[-1].cursor)[-1].mode is Mode.INCREMENTAL


def test_a_cookie_that_the_server_rejects(unit, kit):
    unit.add_user("someone")
    settings = unit.settings(incremental="dirsync")
    bad = base64.b64encode(b"MSDS and nothing that follows").decode()
    cursor = _edited(kit.read(settings)[-1].cursor, mark=bad)
    items = kit.read(settings, Mode.INCREMENTAL, cursor)
    assert items[-1].mode is Mode.FULL
    assert "does not know the cookie" in items[-1].evidence["in full, since"]


def test_a_server_that_went_back(unit, kit, samba):
    unit.add_user("someone")
    settings = unit.settings(incremental="usn")
    ahead = str(samba.newest_number() + 1000)
    items = kit.read(settings, Mode.INCREMENTAL, _edited(kit.read(settings)[-1].cursor, mark=ahead))
    assert "gone back" in items[-1].evidence["in full, since"]


def test_changed_settings_are_read_in_full(unit, kit):
    unit.add_user("someone")
    cursor = kit.read(unit.settings())[-1].cursor
    for more in ({"disabled": "leave_out"}, {"user_filter": "(sn=*)"}, {"exclude_ous": unit.dn}):
        items = kit.read(unit.settings(**more), Mode.INCREMENTAL, cursor)
        assert "settings" in items[-1].evidence["in full, since"]


def test_without_the_right_it_goes_by_numbers_and_says_so(unit, kit):
    unit.add_user("someone")
    full = kit.read(unit.settings("reader"))
    assert json.loads(full[-1].cursor)["way"] == "usn"
    assert "Replicating Directory Changes" in full[-1].evidence["DirSync"]
    assert "CN=Deleted Objects" in full[-1].evidence["deleted"]
    other = unit.add_user("other")
    items = kit.read(unit.settings("reader"), Mode.INCREMENTAL, full[-1].cursor)
    assert len(kit.rows(items)) == 1
    assert items[-1].evidence["changes by"] == "uSNChanged"
    # what was deleted is not shown to this account: it stays until a full read, and that is said
    unit.delete(other)
    items = kit.read(unit.settings("reader"), Mode.INCREMENTAL, items[-1].cursor)
    assert not any(item.deleted for item in items[:-1])
    assert "next full sync" in items[-1].evidence["deleted"]


def test_changes_without_what_was_deleted(unit, kit):
    """Samba shows what was deleted to whom it is open, whoever may replicate changes."""
    gone = unit.add_user("someone")
    full = kit.read(unit.settings("changer"))
    assert full[-1].evidence["changes by"] == "DirSync"
    assert "next full sync" in full[-1].evidence["deleted"]
    unit.delete(gone)
    items = kit.read(unit.settings("changer"), Mode.INCREMENTAL, full[-1].cursor)
    assert not any(item.deleted for item in items[:-1])
    assert "next full sync" in items[-1].evidence["deleted"]
    assert "deleted" not in kit.read(unit.settings("syncer"))[-1].evidence


def test_whoever_lost_the_right_reads_in_full(unit, kit, samba):
    unit.add_user("someone")
    cursor = kit.read(unit.settings("syncer"))[-1].cursor
    settings = {**unit.settings("syncer"), **sign_in(samba.environment, "reader")}
    items = kit.read(settings, Mode.INCREMENTAL, cursor)
    assert "no longer use DirSync" in items[-1].evidence["in full, since"]
    assert json.loads(items[-1].cursor)["way"] == "usn"
