"""Nothing is removed but by a complete read of the same scope, whose counts agree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.db.hub_tables import LINKS, stage_absences
from shared.domain.reading import ReadCertificate, Refused
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError
from shared.roster.absences import find_absences
from shared.roster.plan import Plan, make_plan
from shared.roster.statements import statements
from tests.integration.roster.district import Hub, Roster, roster, user
from tests.integration.roster.reviewing import set_rules


def plan(hub: Hub, app: int, read: Roster, *, asks: str = "", **more: object) -> Plan:
    """Plan a complete read that asks for something."""
    staging = hub.stage(app, read)
    given = ReadCertificate(Mode.FULL, frozenset(read), dict(staging.staged), None, asks)
    return make_plan(hub.database, staging, replace(given, **more))  # type: ignore[arg-type]


def sync(hub: Hub, app: int, read: Roster, **more: object) -> dict[str, int]:
    """Sync; returns the counts of the users that are not zero."""
    counts = hub.apply(plan(hub, app, read, **more))  # type: ignore[arg-type]
    return {name: count for name, count in counts.get("users", {}).items() if count}


@pytest.mark.parametrize("counts", [{}, {Kind.USERS: 2}, {Kind.USERS: 4}])
def test_a_complete_read_whose_counts_disagree_changes_nothing(
    hub: Hub, counts: dict[Kind, int]
) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=5))
    before = hub.everything()
    read = {Kind.USERS: roster(users=3)[Kind.USERS]}
    with pytest.raises(PermanentConnectorError, match="nothing was changed"):
        plan(hub, app, read, counts=counts)
    assert hub.everything() == before


def test_a_read_of_nothing_but_deletions_is_empty(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=3))
    with pytest.raises(PermanentConnectorError, match="brought no users, but 3 are linked"):
        hub.plan(app, {Kind.USERS: []}, deleted={Kind.USERS: ["user-1"]})


def test_the_right_to_one_kind_removes_no_other(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=3))
    planned = hub.plan(app, roster(users=1), complete=[Kind.ORGS])
    with hub.database.write() as connection:
        run = statements(connection, hub.database, planned.key, 9)
        with pytest.raises(ValueError, match="says nothing of users"):
            find_absences(run, Kind.USERS, planned.absence(Kind.ORGS), is_scope_changed=False)
        assert find_absences(run, Kind.USERS, None, is_scope_changed=False) == 0
    assert planned.absence(Kind.USERS) is None


@pytest.mark.parametrize(
    "rules",
    [
        {"filters": {"schools": ["S1"]}},
        {"schools": {"school": "S1"}},
        {"attributes": {"users.middleName": "givenName"}},
    ],
)
def test_another_filter_or_mapping_puts_out_of_scope_and_the_next_read_removes(
    hub: Hub, rules: dict[str, object]
) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=5))
    set_rules(hub, app, **rules)
    assert sync(hub, app, roster(users=4))["out_of_scope"] == 1
    assert len(hub.records(Kind.USERS)) == 5
    assert hub.link(app, Kind.USERS, "user-5")["ended_why"] == "out_of_scope"
    assert sync(hub, app, roster(users=3))["removed"] == 1
    assert set(hub.records(Kind.USERS)) == {"user1", "user2", "user3", "user5"}


def test_a_connector_that_asks_for_something_else_puts_out_of_scope(hub: Hub) -> None:
    app = hub.app(1)
    sync(hub, app, roster(users=5), asks="2026")
    assert sync(hub, app, roster(users=4), asks="2027") == {"out_of_scope": 1, "unchanged": 4}
    assert sync(hub, app, roster(users=3), asks="2027") == {"removed": 1, "unchanged": 3}
    # and back again: who was only out of scope is who it was
    before = hub.sourced_id(app, Kind.USERS, "user-5")
    read = roster(users=3)
    read[Kind.USERS].append(user(5))
    assert sync(hub, app, read, asks="2026") == {"unchanged": 4}
    assert hub.sourced_id(app, Kind.USERS, "user-5") == before


def test_the_scope_is_that_of_each_kind_s_own_last_complete_read(hub: Hub) -> None:
    app = hub.app(1)
    sync(hub, app, roster(users=5), asks="2026")
    some = roster(users=5)
    # the first read with the other filter is complete in the orgs alone
    sync(hub, app, {Kind.ORGS: some[Kind.ORGS]}, asks="2027")
    assert sync(hub, app, roster(users=4), asks="2027") == {"out_of_scope": 1, "unchanged": 4}


def test_who_was_out_of_scope_for_longer_than_the_grace_period_is_who_it_was(hub: Hub) -> None:
    app = hub.app(1)
    set_rules(hub, app, grace_days=0)
    read = roster(users=2)
    read[Kind.USERS][1] = user(2, identifier=None)
    sync(hub, app, read, asks="2026")
    before = hub.sourced_id(app, Kind.USERS, "user-2")
    sync(hub, app, roster(users=1), asks="2027")
    sync(hub, app, read, asks="2026")
    assert hub.sourced_id(app, Kind.USERS, "user-2") == before
    assert len(hub.records(Kind.USERS)) == 2


def test_who_could_not_be_read_is_there_and_nobody_else_becomes_them(hub: Hub) -> None:
    app = hub.app(1)
    known = roster(users=3)
    known[Kind.USERS][2] = user(3, email="three@d.example")
    hub.sync(app, known)
    read = roster(users=2)
    # somebody new has the SIS id, and the e-mail address, of one who could not be read
    read[Kind.USERS].append(user(9, identifier="1003", email="three@d.example"))
    refused = [Refused(Kind.USERS, "user-3", "familyName", "it is no text", {})]
    counts = hub.sync(app, read, refused=refused)
    assert counts["users"] == {"added": 1, "unchanged": 2, "quarantined": 1}
    assert hub.link(app, Kind.USERS, "user-3")["ended_at"] is None
    assert hub.sourced_id(app, Kind.USERS, "user-9") != hub.sourced_id(app, Kind.USERS, "user-3")


def test_what_one_read_missed_is_forgotten_with_the_next(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=3))
    hub.sync(app, roster(users=2))
    assert hub.count(stage_absences) > 0
    hub.sync(app, roster(users=2))
    assert hub.count(stage_absences) == 0
    assert sum(row["ended_at"] is not None for row in hub.table(LINKS[Kind.USERS])) == 1
