"""Imports by a worker's job: what the directory has is what the hub has, in full and by changes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from sqlalchemy import select

from connectors import registry
from shared.broker.connect import open_broker
from shared.db import apps
from shared.db.asking import Ask, ask
from shared.db.engine import Database
from shared.db.gate import Gate
from shared.db.hub_tables import HUB
from shared.db.migrate import upgrade
from shared.db.tenants import add_tenant
from shared.db.views import show_job
from shared.domain.records import Kind
from shared.domain.states import JobState, Mode
from shared.settings import Settings
from workers.bootstrap import build


def test_a_school_comes_in_and_changes(unit: Any, sqlite_url: str, tmp_path: Path) -> None:
    pupils, staff = unit.sub("pupils"), unit.sub("staff")
    people = [pupils.add_user(f"p{n}", employeeID=f"{unit.token}{n}") for n in range(12)]
    teachers = [staff.add_user(f"t{n}") for n in range(3)]
    group = unit.add_group("all teachers", teachers)
    settings = unit.settings(
        schools="1 One", roles=f"student 1 {pupils.dn}; teacher 1 {group}", page_size=5
    )
    connector = registry.get("active_directory")
    config = Settings(
        database_url=sqlite_url, state_dir=tmp_path / "state", private_networks="127.0.0.0/8"
    )
    database = Database(config.resolved_database_url())
    upgrade(database)
    gate, broker = Gate(database), open_broker(config)
    runner = build(config, database, broker, threading.Event())
    add_tenant(gate, "oak", "America/New_York")
    apps.add_app(
        gate,
        apps.NewApp(
            tenant="oak", name="ad", connector=connector.name, tier=connector.tier,
            modes=connector.capabilities.modes, config=settings, secrets=None,
        ),
    )  # fmt: skip

    def run(mode: Mode) -> dict[str, Any]:
        job_id = ask(gate, Ask(app="oak/ad", mode=mode, actor="cli")).job_id
        runner.run(job_id)
        with database.read() as connection:
            job = show_job(connection, job_id)
        assert job is not None
        assert job["state"] == JobState.SUCCEEDED, job["reason"]
        counts: dict[str, Any] = job["counts"]
        return {k: {n: v for n, v in c.items() if v} for k, c in counts.items()}

    def active(kind: Kind) -> list[Any]:
        table = HUB[kind]
        with database.read() as connection:
            return list(connection.execute(select(table).where(table.c.status == "active")))

    try:
        run(Mode.FULL)
        assert (len(active(Kind.USERS)), len(active(Kind.ROLES))) == (15, 15)
        assert [row.name for row in active(Kind.ORGS)] == ["One"]

        unit.set(people[0], givenName="Changed", userAccountControl=0x222)
        unit.delete(people[1])
        unit.move(people[2], unit.samba.base)  # out of scope
        unit.leave(group, teachers[0])
        pupils.add_user("new")
        counts = run(Mode.INCREMENTAL)
        assert counts["users"]["removed"] == 2
        assert counts["users"]["added"] == 1
        changed = [row for row in active(Kind.USERS) if row.given_name == "Changed"]
        assert [row.enabled_user for row in changed] == ["false"]
        assert (len(active(Kind.USERS)), len(active(Kind.ROLES))) == (14, 13)
        full = run(Mode.FULL)
        assert full["users"].keys() == full["roles"].keys() == {"unchanged"}
    finally:
        unit.delete(f"CN=p2,{unit.samba.base}")
        broker.close()
        database.dispose()
