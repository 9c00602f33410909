"""A tenant's hub on each database, and apps that sync what a test hands them.

All records are generated: names and ids are made of a number.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Table, func, insert, select, update

from shared.db.engine import Database
from shared.db.hub_tables import HUB, LINKS, change_log, quarantine, snake
from shared.db.tables import apps, tenants
from shared.domain.reading import Batch, ReadCertificate, Refused, Row
from shared.domain.records import FIELDS, Kind, encode_list, field_names
from shared.domain.states import Mode
from shared.roster.apply import apply_plan
from shared.roster.attempt import JobKey
from shared.roster.locking import hub_lock
from shared.roster.plan import Plan, make_plan
from shared.roster.staging import Staging

Roster = dict[Kind, list[Row]]


def record(kind: Kind, external_id: str, **values: str | None) -> Row:
    """Make a row of all of a kind's fields."""
    assert set(values) <= set(field_names(kind))
    return (external_id, *(values.get(name) for name in field_names(kind)))


def user(number: int, prefix: str = "", **values: str | None) -> Row:
    made: dict[str, str | None] = {
        "enabledUser": "true",
        "username": f"user{number}",
        "givenName": f"Given {number}",
        "familyName": f"Family {number}",
        "identifier": f"{1000 + number}",
        "primaryOrgSourcedId": f"{prefix}school",
    }
    return record(Kind.USERS, f"{prefix}user-{number}", **{**made, **values})


def enrollment(number: int, prefix: str = "", **values: str | None) -> Row:
    made: dict[str, str | None] = {
        "classSourcedId": f"{prefix}class",
        "schoolSourcedId": f"{prefix}school",
        "userSourcedId": f"{prefix}user-{number}",
        "role": "student",
    }
    return record(Kind.ENROLLMENTS, f"{prefix}enrollment-{number}", **{**made, **values})


def roster(users: int = 3, prefix: str = "") -> Roster:
    """A district, a school with one class, and users who are all in it."""
    numbers = range(1, users + 1)
    return {
        Kind.ORGS: [
            # the child comes first: a reference within a kind may point forwards
            record(
                Kind.ORGS,
                f"{prefix}school",
                name="School 1",
                type="school",
                identifier="S1",
                parentSourcedId=f"{prefix}district",
            ),
            record(
                Kind.ORGS, f"{prefix}district", name="District 1", type="district", identifier="D1"
            ),
        ],
        Kind.ACADEMIC_SESSIONS: [
            record(
                Kind.ACADEMIC_SESSIONS,
                f"{prefix}term-{number}",
                title=f"Term {number}",
                type="term",
                startDate=f"2026-0{number}-01",
                endDate=f"2026-0{number}-28",
                schoolYear="2026",
            )
            for number in (1, 2)
        ],
        Kind.COURSES: [
            record(
                Kind.COURSES,
                f"{prefix}course",
                title="Course 1",
                courseCode="C1",
                orgSourcedId=f"{prefix}school",
            )
        ],
        Kind.CLASSES: [
            record(
                Kind.CLASSES,
                f"{prefix}class",
                title="Class 1",
                classCode="K1",
                classType="scheduled",
                courseSourcedId=f"{prefix}course",
                schoolSourcedId=f"{prefix}school",
                termSourcedIds=encode_list([f"{prefix}term-2", f"{prefix}term-1"]),
            )
        ],
        Kind.USERS: [user(number, prefix) for number in numbers],
        Kind.ROLES: [
            record(
                Kind.ROLES,
                f"{prefix}user-{number}/school",
                userSourcedId=f"{prefix}user-{number}",
                roleType="primary",
                role="student",
                orgSourcedId=f"{prefix}school",
            )
            for number in numbers
        ],
        Kind.ENROLLMENTS: [enrollment(number, prefix) for number in numbers],
        Kind.DEMOGRAPHICS: [
            record(
                Kind.DEMOGRAPHICS,
                f"{prefix}user-{number}",
                userSourcedId=f"{prefix}user-{number}",
                birthDate="2012-01-01",
            )
            for number in numbers
        ],
    }


class Hub:
    """One tenant's hub.

    Args:
        database: where it lies.
        jobs: numbers its jobs; another hub's, where there is one in the same database.
    """

    def __init__(self, database: Database, jobs: Iterator[int] | None = None) -> None:
        self.database = database
        self.jobs = jobs or itertools.count(1)
        with database.write() as connection:
            self.tenant_id: int = connection.execute(
                insert(tenants)
                .values(name="district", zone="UTC", created_at=database.now(connection))
                .returning(tenants.c.id)
            ).scalar_one()

    def app(self, position: int, tier: str = "import", **rules: Any) -> int:
        """Add an app with its rules, return its id."""
        with self.database.write() as connection:
            app_id: int = connection.execute(
                insert(apps)
                .values(
                    tenant_id=self.tenant_id,
                    name=f"app-{position}",
                    connector="generated",
                    tier=tier,
                    modes=["full", "incremental"],
                    position=position,
                    config={},
                    rules=rules or None,
                    created_at=self.database.now(connection),
                )
                .returning(apps.c.id)
            ).scalar_one()
        return app_id

    def set_rules(self, app: int, **rules: Any) -> None:
        with self.database.write() as connection:
            connection.execute(update(apps).where(apps.c.id == app).values(rules=rules or None))

    def key_of_another_tenant(self) -> JobKey:
        """A key of an app of a second tenant, both new."""
        app = self.app(99)
        with self.database.write() as connection:
            tenant_id: int = connection.execute(
                insert(tenants)
                .values(name="other", zone="UTC", created_at=self.database.now(connection))
                .returning(tenants.c.id)
            ).scalar_one()
            connection.execute(update(apps).where(apps.c.id == app).values(tenant_id=tenant_id))
        return JobKey(next(self.jobs), 1, tenant_id, app)

    def key(self, app: int) -> JobKey:
        return JobKey(next(self.jobs), 1, self.tenant_id, app)

    def stage(
        self,
        app: int | JobKey,
        read: Mapping[Kind, Iterable[Row]],
        *,
        deleted: Mapping[Kind, Sequence[str]] | None = None,
        refused: Sequence[Refused] = (),
        fields: Mapping[Kind, tuple[str, ...]] | None = None,
    ) -> Staging:
        staging = Staging(self.database, app if isinstance(app, JobKey) else self.key(app))
        for kind, rows in read.items():
            names = (fields or {}).get(kind, field_names(kind))
            staging.add(Batch(kind, names, list(rows)))
        for kind, ids in (deleted or {}).items():
            staging.add(Batch(kind, staging.supplied.get(kind, ()), [], tuple(ids)))
        for one in refused:
            staging.refuse(one)
        return staging

    def plan(
        self,
        app: int | JobKey,
        read: Mapping[Kind, Iterable[Row]],
        *,
        mode: Mode = Mode.FULL,
        complete: Iterable[Kind] | None = None,
        **more: Any,
    ) -> Plan:
        """Read and plan; complete is what was handed in, unless said, and nothing incrementally."""
        staging = self.stage(app, read, **more)
        whole = frozenset(read if complete is None else complete)
        certificate = ReadCertificate(
            mode,
            frozenset() if mode is Mode.INCREMENTAL else whole,
            {kind: staging.staged[kind] - staging.deleted[kind] for kind in read},
        )
        return make_plan(self.database, staging, certificate)

    def apply(self, plan: Plan) -> dict[str, dict[str, int]]:
        with self.database.write() as connection:
            version = hub_lock(connection, self.tenant_id)
            applied = apply_plan(connection, self.database, plan, hub_version=version)
        if plan.certificate.complete:
            self._set_scope(plan)
        return applied.counts

    def _set_scope(self, plan: Plan) -> None:
        """Do what T4 does with the app's row."""
        with self.database.write() as connection:
            connection.execute(
                update(apps).where(apps.c.id == plan.key.app_id).values(scope=plan.scopes)
            )

    def sync(
        self, app: int | JobKey, read: Mapping[Kind, Iterable[Row]], **more: Any
    ) -> dict[str, dict[str, int]]:
        """Run one job; returns its counts by kind, without those that are zero."""
        counts = self.apply(self.plan(app, read, **more))
        return {
            kind: {name: number for name, number in counted.items() if number}
            for kind, counted in counts.items()
        }

    def records(self, kind: Kind, *, status: str = "active") -> dict[str, dict[str, Any]]:
        """The records of one status, by title or name or user name."""
        return {
            self._name(kind, row): row
            for row in self.table(HUB[kind])
            if row["status"] == status and row["tenant_id"] == self.tenant_id
        }

    def sourced_id(self, app: int, kind: Kind, external_id: str) -> str:
        return str(self.link(app, kind, external_id)["sourced_id"])

    def link(self, app: int, kind: Kind, external_id: str) -> dict[str, Any]:
        (found,) = (
            row
            for row in self.table(LINKS[kind])
            if row["app_id"] == app and row["external_id"] == external_id
        )
        return found

    def table(self, table: Table) -> list[dict[str, Any]]:
        """Its rows by their key: PostgreSQL gives them in any order, another after an update."""
        query = select(table).order_by(*table.primary_key)
        with self.database.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def count(self, table: Table) -> int:
        with self.database.read() as connection:
            return connection.execute(select(func.count()).select_from(table)).scalar_one()

    def quarantined(self) -> list[tuple[str, str, str]]:
        """(kind, external id, field), sorted."""
        return sorted(
            (row["kind"], row["external_id"], row["field"]) for row in self.table(quarantine)
        )

    def everything(self) -> dict[str, list[str]]:
        """All that a job may change: hub, links and change log."""
        tables = [*HUB.values(), *LINKS.values(), change_log]
        return {table.name: sorted(map(repr, self.table(table))) for table in tables}

    @staticmethod
    def _name(kind: Kind, row: Mapping[str, Any]) -> str:
        for name in ("username", "title", "name"):
            if name in {snake(field.name) for field in FIELDS[kind]}:
                return str(row[name])
        return str(row["sourced_id"])
