"""The hub as it was: at every instant what a copy taken then holds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from shared.db.engine import Database
from shared.db.hub_tables import HUB, change_log
from shared.domain.reading import Row
from shared.domain.records import Kind, encode_list, field_names
from shared.domain.states import Mode
from shared.errors import ConfigurationError
from shared.roster.duplicate_merge import merge_users
from shared.roster.history import PastSnapshot, do_not_compile, records_at
from shared.roster.snapshot import Snapshot
from shared.roster.undo import undo_job
from tests.integration.roster.district import Hub, roster, user
from tests.integration.roster.past_jobs import TurningClock, end_job
from tests.integration.roster.test_conflicts import Disputed

ALL = {kind: ("status", "dateLastModified", *field_names(kind)) for kind in Kind}
START = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def turning(hub: Hub) -> Iterator[Hub]:
    """A hub whose every transaction has an instant of its own."""
    url = hub.database.url.render_as_string(hide_password=False)
    hub.database.dispose()
    hub.database = Database(url, clock=TurningClock(START))
    yield hub
    hub.database.dispose()


def now(hub: Hub) -> datetime:
    with hub.database.read() as connection:
        return hub.database.now(connection)


def everybody(hub: Hub, at: datetime | None) -> dict[Kind, set[Any]]:
    """Every record, those that are removed among them; at an instant, or now."""
    found = {}
    with hub.database.snapshot() as connection:
        do_not_compile(connection)
        for kind in Kind:
            table: Any = HUB[kind]
            if at is not None:
                table = records_at(
                    kind, hub.tenant_id, at, ALL[kind], is_postgresql=hub.database.is_postgresql
                )
            names = ["sourced_id", "created_at", *(c.name for c in HUB[kind].columns
                     if c.name not in {"tenant_id", "sourced_id", "created_at", "first_job",
                                       "last_job", "last_app"})]  # fmt: skip
            columns = [table.c[name] for name in names]
            found[kind] = {tuple(row) for row in connection.execute(select(*columns))}
    return found


def picture(hub: Hub, at: datetime | None) -> dict[Kind, list[Any]]:
    """What an export would be given."""
    reader = (
        Snapshot(hub.database, hub.tenant_id, ALL)
        if at is None
        else PastSnapshot(hub.database, hub.tenant_id, ALL, at)
    )
    with reader as snapshot:
        found = {
            kind: list(snapshot.rows(kind, ALL[kind], order_by=(field_names(kind)[0],)))
            for kind in Kind
        }
    values = {value for rows in found.values() for row in rows for value in row}
    assert all(value is None or isinstance(value, str) for value in values)
    return found


def some_users(chance: random.Random, count: int) -> list[Row]:
    return [
        user(
            number,
            givenName=chance.choice(["Given", "Other", "É"]),
            phone=chance.choice([None, "1", "2"]),
            grades=chance.choice([None, encode_list(["09"]), encode_list(["09", "10"])]),
        )
        for number in sorted(chance.sample(range(1, 9), count))
    ]


def merge(hub: Hub, chance: random.Random) -> None:
    """Make one of two users."""
    users = sorted(row["sourced_id"] for row in hub.records(Kind.USERS).values())
    if len(users) > 4:
        merge_users(hub.database, hub.tenant_id, *chance.sample(users, 2), by=None)


def step(hub: Hub, chance: random.Random, apps: list[int], jobs: list[int]) -> None:
    """Sync what has changed at random, undo a job that has been, or merge two users."""
    if jobs and chance.random() < 0.3:
        undo_job(hub.database, chance.choice(jobs), by=None)
        return
    if jobs and chance.random() < 0.3:
        merge(hub, chance)
        return
    app = chance.choice(apps)
    key = hub.key(app)
    users = some_users(chance, chance.randint(4, 8))
    ids = {str(row[0]) for row in users}
    read = roster(users=8)
    read[Kind.USERS] = users
    for kind in (Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS):
        place = 1 + field_names(kind).index("userSourcedId")
        read[kind] = [row for row in read[kind] if row[place] in ids and chance.random() < 0.9]
    mode = chance.choice([Mode.FULL, Mode.INCREMENTAL])
    hub.sync(key, read, mode=mode)
    jobs.append(end_job(hub, app, key.job_id))


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", [1, 4])
def test_any_instant_is_what_a_copy_of_it_holds(turning: Hub, seed: int) -> None:
    hub, chance = turning, random.Random(seed)
    apps, jobs = [hub.app(1), hub.app(2, "two_way"), hub.app(3, "two_way")], []
    copies = []
    for _ in range(10):
        step(hub, chance, apps, jobs)
        copies.append((now(hub), everybody(hub, None), picture(hub, None)))
    assert len({repr(copy[1]) for copy in copies}) > 4, "the series changes too little"
    by_hand = {row["actor"].split()[0] for row in hub.table(change_log) if row["actor"]}
    assert by_hand == {"merge", "undo"}, "the series leaves something out"
    for at, records, rows in copies:
        assert everybody(hub, at) == records
        assert picture(hub, at) == rows


def test_what_a_person_decided_is_not_in_the_past(turning: Hub) -> None:
    hub, disputed = turning, Disputed(turning)
    at, records, rows = now(hub), everybody(hub, None), picture(hub, None)
    disputed.resolve("value", "third@example.org")
    assert picture(hub, None) != rows
    assert everybody(hub, at) == records
    assert picture(hub, at) == rows


def test_before_the_first_record_there_is_nobody_and_after_now_all_that_is(turning: Hub) -> None:
    hub = turning
    before = now(hub)
    hub.sync(hub.app(1), roster(users=2))
    assert set(map(len, picture(hub, before).values())) == {0}
    assert picture(hub, now(hub) + timedelta(days=1)) == picture(hub, None)


def test_the_past_shows_no_field_that_is_not_listed(turning: Hub) -> None:
    hub = turning
    hub.sync(hub.app(1), roster(users=2))
    allowed = {Kind.USERS: ("username",)}
    with PastSnapshot(hub.database, hub.tenant_id, allowed, now(hub)) as past:
        assert len(list(past.rows(Kind.USERS, ("username",)))) == 2
        with pytest.raises(ConfigurationError, match="is not listed"):
            list(past.rows(Kind.USERS, ("email",)))


def test_the_past_of_one_tenant_is_no_other_s(turning: Hub) -> None:
    hub = turning
    hub.sync(hub.app(1), roster(users=2))
    other = hub.key_of_another_tenant()
    with PastSnapshot(hub.database, other.tenant_id, ALL, now(hub)) as past:
        assert list(past.rows(Kind.USERS, ("username",))) == []
