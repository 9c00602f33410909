"""Undo a job: its values and links go back where nobody has edited since, and the rest is told.

Everything is one transaction under the hub lock. What was restored is in the change log like any
other change, and what an app has been sent already is told, since it cannot be undone there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from shared.db.engine import Database
from shared.db.hub_tables import disclosures, hubs, vendor_provisions, vendor_writes
from shared.db.review_tables import approvals
from shared.db.tables import apps, job_events, jobs, tenants
from shared.domain.records import Kind
from shared.domain.states import UNFINISHED, JobState, Tier, Trigger
from shared.errors import ConfigurationError
from shared.roster.attempt import JobKey
from shared.roster.history import do_not_compile
from shared.roster.locking import hub_lock
from shared.roster.statements import Statements
from shared.roster.undo_effects import gather, judge
from shared.roster.undo_restoring import (
    note_left_links,
    restore,
    restore_links,
    restore_renames,
)

#: Rows of what was left that are told one by one; all are counted.
LEFT_ROWS = 100


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did, or would do.

    Attributes:
        job: the job that it undid.
        records: records that it changed.
        restored: by kind: values, removed records that are back, added records that are gone,
            links.
        already: values that were as before the job already.
        left: values, records and links that stay as they are.
        left_rows: the first of them: kind, record, field and reason.
        sent: what apps have been sent since, a sentence each.
    """

    job: int
    records: int
    restored: dict[str, dict[str, int]]
    already: int
    left: int
    left_rows: list[dict[str, str]]
    sent: list[str]


def undo_job(
    database: Database, job_id: int, *, by: str | None, is_dry_run: bool = False
) -> Undone:
    """Undo what a job did to its tenant's hub. Commits, unless it is a dry run.

    A second time changes nothing more.

    Args:
        database: of the hub.
        job_id: an ended job.
        by: who wants it.
        is_dry_run: only tell what it would do.

    Raises:
        ConfigurationError: there is no such job, it has not ended, or it changes no hub.
    """
    with database.write() as connection:
        job = _ended_job(connection, job_id)
        hub_lock(connection, job.tenant_id)
        do_not_compile(connection)
        attempt = connection.begin_nested()
        key = JobKey(job_id, 0, job.tenant_id, job.app_id)
        run = Statements(connection, key, database.now(connection), database.is_postgresql)
        undone = _undo(run, job, f"undo of job {job_id} by {by or 'somebody'}")
        if is_dry_run:
            attempt.rollback()
        else:
            attempt.commit()
            if undone.restored:
                _record(run, job, undone, by or "somebody")
    return undone


def _undo(run: Statements, job: Row[Any], actor: str) -> Undone:
    gather(run)
    judge(run)
    records = restore(run, actor)
    links = {}
    for kind in Kind:
        links[kind] = restore_links(run, kind)
        note_left_links(run, kind)
    if job.approval_id is not None:
        asked = run.connection.execute(
            select(approvals.c.op, approvals.c.kind).where(approvals.c.id == job.approval_id)
        ).one_or_none()
        if asked is not None and asked.op == "rename":
            kind = Kind(asked.kind)
            links[kind] += restore_renames(run, job.approval_id, kind)
    if records or any(links.values()):
        run.connection.execute(
            update(hubs)
            .where(hubs.c.tenant_id == run.key.tenant_id)
            .values(version=hubs.c.version + 1)
        )
    left_rows = run.rows(
        "SELECT u.kind, u.sourced_id, u.field, u.reason FROM undo AS u WHERE u.verdict = 'left'"
        f" ORDER BY u.kind, u.sourced_id, u.field LIMIT {LEFT_ROWS}"
    )
    any_found = run.value("SELECT count(*) FROM undo") or any(links.values())
    undone = Undone(
        job=run.key.job_id,
        records=records,
        restored=_restored(run, links),
        already=run.value("SELECT count(*) FROM undo AS u WHERE u.verdict = 'already'"),
        left=run.value("SELECT count(*) FROM undo AS u WHERE u.verdict = 'left'"),
        left_rows=[
            dict(zip(("kind", "record", "field", "reason"), row, strict=True)) for row in left_rows
        ],
        sent=_sent(run.connection, job) if any_found else [],
    )
    run.run("DROP TABLE undo")
    return undone


def _record(run: Statements, job: Row[Any], undone: Undone, actor: str) -> None:
    """Note the undo in the job's history; its state stays what it was."""
    told = f"records put back: {undone.records}, values that stay: {undone.left}"
    run.connection.execute(
        insert(job_events).values(
            job_id=job.id,
            from_state=job.state,
            to_state=job.state,
            attempt=job.attempt,
            actor=actor,
            reason=told,
            at=run.at,
        )
    )


def _restored(run: Statements, links: dict[Kind, int]) -> dict[str, dict[str, int]]:
    restored: dict[str, dict[str, int]] = {
        kind: {"links": count} for kind, count in links.items() if count
    }
    counted = run.rows(
        "SELECT u.kind, CASE WHEN u.field <> 'status' THEN 'values'"
        " WHEN u.wanted = 'active' THEN 'back' ELSE 'gone' END AS what, count(*)"
        " FROM undo AS u WHERE u.verdict = 'undo' GROUP BY 1, 2 ORDER BY 1, 2"
    )
    for kind, what, count in counted:
        restored.setdefault(kind, {})[what] = int(count)
    return restored


def _ended_job(connection: Connection, job_id: int) -> Row[Any]:
    row = connection.execute(
        select(jobs, apps.c.name.label("app"), tenants.c.name.label("tenant"))
        .join(apps, apps.c.id == jobs.c.app_id)
        .join(tenants, tenants.c.id == jobs.c.tenant_id)
        .where(jobs.c.id == job_id)
    ).one_or_none()
    if row is None:
        raise ConfigurationError("JOB", f"there is no job {job_id}", "List: bellringer jobs list")
    if JobState(row.state) in UNFINISHED:
        raise ConfigurationError(
            "JOB", f"{job_id} is {row.state}", "Wait for its end, or cancel it."
        )
    if row.trigger == Trigger.PLAN:
        raise ConfigurationError(
            "JOB", f"{job_id} is a plan, which changes nothing", "Undo the job that ran after it."
        )
    if row.tier == Tier.EXPORT:
        raise ConfigurationError(
            "JOB",
            f"{job_id} is an export, which changes nothing of the hub",
            "Undo the import that brought what it sent.",
        )
    return row


def _sent(connection: Connection, job: Row[Any]) -> list[str]:
    """Tell what has left us since, which no undo here can call back."""
    wrote = connection.execute(
        select(func.count()).where(
            vendor_writes.c.job_id == job.id, vendor_writes.c.state == "confirmed"
        )
    ).scalar_one()
    made = connection.execute(
        select(func.count()).where(
            vendor_provisions.c.job_id == job.id, vendor_provisions.c.state == "confirmed"
        )
    ).scalar_one()
    told = []
    if made:
        told.append(
            f"job {job.id} has made or ended {made} records at {job.tenant}/{job.app};"
            " they stay so until its next sync follows the hub"
        )
    if wrote:
        told.append(
            f"job {job.id} has written {wrote} records to {job.tenant}/{job.app};"
            " they stay there until its next sync writes the hub's values"
        )
    later = connection.execute(
        select(jobs.c.id, jobs.c.app_id, apps.c.name)
        .join(apps, apps.c.id == jobs.c.app_id)
        .where(
            jobs.c.tenant_id == job.tenant_id,
            jobs.c.tier != Tier.IMPORT,
            jobs.c.state == JobState.SUCCEEDED,
            # a plan sends nothing
            jobs.c.trigger != Trigger.PLAN,
            jobs.c.id != job.id,
            jobs.c.finished_at >= job.finished_at,
        )
        .order_by(jobs.c.id.desc())
    ).all()
    latest = {row.app_id: row for row in reversed(later)}
    for row in latest.values():
        users = connection.execute(
            select(func.count()).where(
                disclosures.c.app_id == row.app_id,
                disclosures.c.since_at >= job.finished_at,
            )
        ).scalar_one()
        who = "1 user" if users == 1 else f"{users} users"
        first = f", {who} for the first time or with other fields" if users else ""
        told.append(
            f"{job.tenant}/{row.name} has been sent the hub since, last by job {row.id}{first};"
            " its next run sends the restored values"
        )
    return told
