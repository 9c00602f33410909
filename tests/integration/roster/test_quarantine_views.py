"""Whose quarantine is shown, and how long it is kept."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import insert, update

from shared.db.gate import Gate
from shared.db.hub_tables import quarantine
from shared.db.tables import apps, jobs
from shared.domain.records import Kind, field_names
from shared.roster.attempt import JobKey
from shared.roster.quarantine_views import (
    Wanted,
    count_quarantined,
    forget_quarantine,
    page_quarantine,
    quarantined,
    source_fields,
)
from tests.integration.roster.district import Hub, roster, user


def _run(hub: Hub, app: int, job: int, *, users: int, has_read: bool = True) -> None:
    """Run a job in which so many users lack a name; `has_read`: it ended with its certificate."""
    read = roster(users=1)
    read[Kind.USERS] += [user(n, familyName=None) for n in range(2, users + 2)]
    with hub.database.write() as connection:
        now = hub.database.now(connection)
        connection.execute(
            insert(jobs).values(
                id=job,
                tenant_id=hub.tenant_id,
                app_id=app,
                tier="import",
                mode="full",
                trigger="run_now",
                state="succeeded" if has_read else "failed",
                last_wave=job,
                wave=job,
                due_at=now,
                created_at=now,
                deadline_at=now,
                finished_at=now,
                certificate={"mode": "full"} if has_read else None,
            )
        )
        if has_read:
            connection.execute(update(apps).where(apps.c.id == app).values(last_read_job=job))
    hub.sync(JobKey(job, 1, hub.tenant_id, app), read)


def _age(hub: Hub, job: int, days: int) -> None:
    with hub.database.write() as connection:
        at = hub.database.now(connection) - timedelta(days=days)
        connection.execute(update(quarantine).where(quarantine.c.job_id == job).values(at=at))


def _jobs_of(hub: Hub, wanted: Wanted) -> list[tuple[int, str]]:
    with hub.database.snapshot() as connection:
        rows = list(quarantined(connection, wanted))
        assert count_quarantined(connection, wanted) == len(rows)
    return [(row["job"], row["external_id"]) for row in rows]


def test_the_last_job_of_each_app_that_read_is_shown(hub: Hub) -> None:
    first, second = hub.app(1), hub.app(2)
    _run(hub, first, 101, users=3)
    _run(hub, first, 102, users=1)
    _run(hub, first, 103, users=2, has_read=False)
    _run(hub, second, 104, users=1)
    assert _jobs_of(hub, Wanted()) == [(102, "user-2"), (104, "user-2")]
    assert _jobs_of(hub, Wanted(app_id=first)) == [(102, "user-2")]
    assert len(_jobs_of(hub, Wanted(job_id=103))) == 2
    assert _jobs_of(hub, Wanted(kind=Kind.CLASSES)) == []
    assert _jobs_of(hub, Wanted(tenant="another")) == []
    with hub.database.snapshot() as connection:
        names = source_fields(connection, Wanted())
        assert names[0] == "sourcedId"
        assert set(names) == {"sourcedId", *field_names(Kind.USERS)}
        (one,) = quarantined(connection, Wanted(), limit=1)
    assert one["app"] == "district/app-1"
    assert one["at"].endswith("Z")


def test_what_a_job_left_out_comes_by_the_page(hub: Hub) -> None:
    app = hub.app(1)
    _run(hub, app, 101, users=3)
    found, after = [], 0
    with hub.database.read() as connection:
        while True:
            page = page_quarantine(connection, Wanted(job_id=101), after=after, limit=2)
            assert len(page["records"]) <= 2
            found += [row["external_id"] for row in page["records"]]
            if page["after"] is None:
                break
            after = page["after"]
    assert found == ["user-2", "user-3", "user-4"]


def test_old_rows_are_forgotten_unless_they_are_still_left_out(hub: Hub) -> None:
    app, gate = hub.app(1), Gate(hub.database, relay_after_s=2)
    for job in (101, 102, 103):
        _run(hub, app, job, users=2)
        _age(hub, job, days=100)
    assert forget_quarantine(gate, days=101) == 0
    assert forget_quarantine(gate, days=90, limit=3) == 3
    assert forget_quarantine(gate, days=90, limit=3) == 1
    assert forget_quarantine(gate, days=90, limit=3) == 0
    assert {job for job, _ in _jobs_of(hub, Wanted())} == {103}
