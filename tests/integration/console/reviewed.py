"""A district whose second day has many leave: made once, and copied for each test that changes it."""

from __future__ import annotations

import itertools
import shutil
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import func, select, update

from connectors.district.generate import generate
from connectors.district.model import District
from connectors.district.oneroster_files import write_oneroster
from console.cli.waiting import wait_for_jobs
from console.service import apps, jobs, tenants
from shared.db.engine import Database
from shared.db.hub_tables import quarantine
from shared.db.migrate import upgrade
from shared.db.tables import apps as app_table
from shared.domain.records import Kind
from shared.domain.roles import Role
from shared.settings import Settings
from tests.console_site import ConsoleSite, embedded_settings
from tests.integration.roster.district import Hub, roster, user
from tests.integration.roster.test_conflicts import Disputed


@dataclass(frozen=True)
class Made:
    """The folder of the database, and the ids of what lies in it."""

    folder: Path
    first: int
    plan: int
    second: int
    #: Of the export, what it would send.
    export_plan: int


def make(folder: Path) -> Made:
    """Sync a district, plan its second day and sync that; beside it, a tenant that disagrees."""
    database = open_at(folder)
    site = site_of(database, folder)
    site.desk.call(tenants.add_tenant, wish=tenants.NewTenant(tenant="oak", zone="UTC"))
    site.desk.call(tenants.add_tenant, wish=tenants.NewTenant(tenant="elm", zone="UTC"))
    drop = folder / "drop.zip"
    district = generate("oak", seed=4, students=60)
    write_oneroster(district, drop)
    for connector, name, settings in (
        ("oneroster_csv", "sis", {"path": str(drop), "quiet_s": 0}),
        ("lightspeed", "ls", {"path": str(folder / "out")}),
    ):
        wish = apps.NewApp(connector=connector, name=name, settings=settings)
        site.desk.call(apps.add_app, tenant="oak", wish=wish)
    first = run(site, cascade=True)
    write_oneroster(without_a_third(district), drop)
    plan = run(site, is_plan=True)
    second = run(site)
    export_plan = run(site, app="ls", is_plan=True)
    # its jobs are none of the table, and have numbers of their own
    hub = Disputed(Hub(database, itertools.count(900_000))).hub
    same = roster(users=2)
    same[Kind.USERS] = [user(11, email="one@example.org"), user(12, email="ONE@example.org")]
    fourth = hub.app(4)
    hub.sync(fourth, same)
    with database.write() as connection:
        # of the people in the class, none is among the users: their enrollments were left out
        left_out = select(func.max(quarantine.c.job_id)).scalar_subquery()
        connection.execute(
            update(app_table).where(app_table.c.id == fourth).values(last_read_job=left_out)
        )
    for role in (Role.VIEWER, Role.OPERATOR, Role.DISTRICT_ADMIN):
        site.add_account(role, (role, "oak"), (role, "district"))
    site.add_account("stranger", (Role.DISTRICT_ADMIN, "elm"))
    database.dispose()
    return Made(folder, first, plan, second, export_plan)


def copied(made: Made, folder: Path) -> ConsoleSite:
    """Return a console on a copy of the database; the drop folder is shared."""
    shutil.copy(made.folder / "bellringer.db", folder / "bellringer.db")
    return site_of(open_at(folder), folder)


def run(site: ConsoleSite, app: str = "sis", **wish: bool) -> int:
    """Run an app of oak and wait for all of it; return its job's id."""
    made = site.desk.call(jobs.run_app, tenant="oak", app=app, wish=jobs.RunNow(**wish))
    named = [("oak", job["id"]) for job in (made, *made["cascaded"])]
    wait_for_jobs(site.desk, named)
    return int(made["id"])


def open_at(folder: Path) -> Database:
    database = Database(Settings(state_dir=folder).resolved_database_url())
    upgrade(database)
    return database


def site_of(database: Database, folder: Path) -> ConsoleSite:
    return ConsoleSite(database, embedded_settings(database, state_dir=folder))


def without_a_third(district: District) -> District:
    """A third of the largest school's students are gone, with who cares for them alone."""
    school = Counter(student.school for student in district.students).most_common(1)[0][0]
    own = [student for student in district.students if student.school == school]
    gone = {student.person.number for student in own[: len(own) // 3]}
    kept = {n for s in district.students for n in s.guardians if s.person.number not in gone}
    return replace(
        district,
        guardians=tuple(one for one in district.guardians if one.number in kept),
        students=tuple(s for s in district.students if s.person.number not in gone),
        sections=tuple(
            replace(section, students=tuple(n for n in section.students if n not in gone))
            for section in district.sections
        ),
    )
