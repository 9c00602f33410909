"""What a person does to an app or an approval, and larger generated districts for it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select, update

from shared.db.hub_tables import HUB, LINKS
from shared.db.review_tables import approval_rows, approvals, judged_pairs
from shared.db.tables import apps, tenants
from shared.domain.records import Kind
from shared.roster.carrying_out import CarriedOut, carry_out
from shared.roster.locking import hub_lock
from shared.roster.rules import load_rules, parse_app_rules, parse_tenant_rules
from shared.roster.statements import statements
from tests.integration.roster.district import Hub, Roster, enrollment, record, roster, user


def set_rules(hub: Hub, app: int, **rules: Any) -> None:
    """Set all of an app's rules."""
    parse_app_rules(rules)
    with hub.database.write() as connection:
        connection.execute(update(apps).where(apps.c.id == app).values(rules=rules))


def set_unique(hub: Hub, *unique: str) -> None:
    """Set the tenant's unique keys."""
    rules = {"unique": list(unique)}
    parse_tenant_rules(rules)
    with hub.database.write() as connection:
        connection.execute(update(tenants).where(tenants.c.id == hub.tenant_id).values(rules=rules))


def remove_app(hub: Hub, app: int) -> None:
    with hub.database.write() as connection:
        now = hub.database.now(connection)
        connection.execute(update(apps).where(apps.c.id == app).values(removed_at=now))


def waiting(hub: Hub) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The pending approvals, by what they do and to which kind."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in hub.table(approvals):
        if row["state"] == "pending":
            found.setdefault((row["op"], row["kind"]), []).append(row)
    return found


def rows_of(hub: Hub, approval_id: int) -> dict[str, dict[str, Any]]:
    """An approval's rows by external id."""
    return {
        row["external_id"]: row
        for row in hub.table(approval_rows)
        if row["approval_id"] == approval_id
    }


def approve(hub: Hub, approval: dict[str, Any]) -> CarriedOut:
    """Approve, and do what the approval's job does."""
    key = hub.key(approval["app_id"])
    with hub.database.write() as connection:
        connection.execute(
            update(approvals).where(approvals.c.id == approval["id"]).values(state="approved")
        )
        hub_lock(connection, hub.tenant_id)
        run = statements(connection, hub.database, key, 0)
        rules, _ = load_rules(connection, key.app_id)
        return carry_out(run, approval["id"], rules)


def reject(hub: Hub, approval: dict[str, Any]) -> None:
    """Reject; a rename that is rejected says that its pairs are two people each."""
    with hub.database.write() as connection:
        now = hub.database.now(connection)
        connection.execute(
            update(approvals).where(approvals.c.id == approval["id"]).values(state="rejected")
        )
        if approval["op"] != "rename":
            return
        pairs = connection.execute(
            select(approval_rows).where(approval_rows.c.approval_id == approval["id"])
        ).all()
        connection.execute(
            insert(judged_pairs),
            [
                {
                    "tenant_id": hub.tenant_id,
                    "kind": approval["kind"],
                    "first": row.sourced_id,
                    "second": row.new_external_id,
                    "verdict": "distinct",
                    "at": now,
                }
                for row in pairs
            ],
        )


def age_removals(hub: Hub, kind: Kind, days: int) -> None:
    """Let what was removed have been removed so many days earlier."""
    with hub.database.write() as connection:
        at = hub.database.now(connection) - timedelta(days=days)
        link, records = LINKS[kind], HUB[kind]
        connection.execute(update(link).where(link.c.ended_at.is_not(None)).values(ended_at=at))
        connection.execute(
            update(records).where(records.c.status == "tobedeleted").values(date_last_modified=at)
        )


def schools(*sizes: int, per_student: int = 1, prefix: str = "") -> Roster:
    """A district of as many schools, each with so many students, each in classes of the school."""
    made: Roster = {kind: [] for kind in Kind}
    base = roster(users=0, prefix=prefix)
    made[Kind.ORGS] = [row for row in base[Kind.ORGS] if row[0] == f"{prefix}district"]
    made[Kind.ACADEMIC_SESSIONS] = base[Kind.ACADEMIC_SESSIONS]
    numbers = itertools.count(1)
    for school, size in enumerate(sizes, start=1):
        _add_school(made, school, per_student, prefix)
        for number in itertools.islice(numbers, size):
            _add_student(made, school, number, per_student, prefix)
    return made


def without_students(read: Roster, numbers: Iterable[int], prefix: str = "") -> Roster:
    """The same read without these students and all that hangs on them."""
    gone = {f"{prefix}user-{number}" for number in numbers}
    kept = dict(read)
    kept[Kind.USERS] = [row for row in read[Kind.USERS] if row[0] not in gone]
    kept[Kind.ROLES] = [row for row in read[Kind.ROLES] if row[1] not in gone]
    kept[Kind.ENROLLMENTS] = [row for row in read[Kind.ENROLLMENTS] if row[3] not in gone]
    kept[Kind.DEMOGRAPHICS] = [row for row in read[Kind.DEMOGRAPHICS] if row[0] not in gone]
    return kept


def _add_school(made: Roster, school: int, classes: int, prefix: str) -> None:
    org = f"{prefix}school-{school}"
    made[Kind.ORGS].append(
        record(
            Kind.ORGS,
            org,
            name=f"School {school}",
            type="school",
            identifier=f"S{school}",
            parentSourcedId=f"{prefix}district",
        )
    )
    made[Kind.COURSES].append(
        record(
            Kind.COURSES,
            f"{prefix}course-{school}",
            title=f"Course {school}",
            courseCode="C1",
            orgSourcedId=org,
        )
    )
    made[Kind.CLASSES] += [
        record(
            Kind.CLASSES,
            f"{prefix}class-{school}-{number}",
            title=f"Class {school}-{number}",
            classCode=f"K{number}",
            classType="scheduled",
            schoolSourcedId=org,
            courseSourcedId=f"{prefix}course-{school}",
            termSourcedIds=f'["{prefix}term-1"]',
        )
        for number in range(1, classes + 1)
    ]


def _add_student(made: Roster, school: int, number: int, classes: int, prefix: str) -> None:
    org, person = f"{prefix}school-{school}", f"{prefix}user-{number}"
    made[Kind.USERS].append(user(number, prefix, primaryOrgSourcedId=org))
    made[Kind.ROLES].append(
        record(
            Kind.ROLES,
            f"{person}/{school}",
            userSourcedId=person,
            roleType="primary",
            role="student",
            orgSourcedId=org,
        )
    )
    made[Kind.DEMOGRAPHICS].append(
        record(
            Kind.DEMOGRAPHICS, person, userSourcedId=person, birthDate=f"20{number % 90 + 10}-01-01"
        )
    )
    made[Kind.ENROLLMENTS] += [
        (
            f"{prefix}enrollment-{number}-{place}",
            *enrollment(
                number,
                prefix,
                classSourcedId=f"{prefix}class-{school}-{place}",
                schoolSourcedId=org,
            )[1:],
        )
        for place in range(1, classes + 1)
    ]
