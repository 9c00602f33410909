"""What a person says to an approval: yes, which makes a job, or no; and what nobody says lapses.

Locks: the approvals by id, then their tenants, then the jobs, as an apply does: see
docs/decisions/009-an-approval-is-locked-before-its-tenant.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from shared.db.asking import check_open
from shared.db.firing import fire_locked
from shared.db.gate import Gate, Locked
from shared.db.requests import Request, Requests, add_all
from shared.db.review_tables import approvals
from shared.db.tables import jobs
from shared.db.tenants import removals_suspended
from shared.domain.states import UNFINISHED, JobState, Mode, Trigger
from shared.domain.tiers import firing_order
from shared.errors import ConfigurationError
from shared.messages import Publication


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of an approval.

    Attributes:
        approval: its id.
        state: approved or rejected.
        job: that carries it out; None: it was rejected.
        is_new: whether it was decided now, and not before.
    """

    approval: int
    state: str
    job: int | None
    is_new: bool


def approve(
    gate: Gate, ids: Sequence[int], *, by: str | None, actor: str
) -> tuple[list[Decided], list[Publication]]:
    """Approve what waits, all or nothing: each gets a job, which goes through the gate. Commits.

    Idempotent: what was approved before keeps its job, unless that ended without success; then it
    gets another one.

    Raises:
        ConfigurationError: one is unknown, decided otherwise, replaced or past its deadline, or
            its app takes no jobs now, or nothing may be removed.
    """
    with gate.database.write() as connection:
        rows = _lock(connection, ids)
        locked = gate.lock_in(connection, {row.tenant_id for row in rows})
        made = {row.id: _job_of(connection, row.id) for row in rows if row.state == "approved"}
        again = {id_ for id_, job in made.items() if job is None or _is_over(job)}
        wanted = [row for row in rows if row.state != "approved" or row.id in again]
        for row in wanted:
            _check_open(row, locked.now, "approved")
        if wanted:
            jobs_made = _make_jobs(locked, wanted, by, actor)
            _decide(connection, wanted, "approved", by, locked.now)
            locked.decide(actor)
        else:
            jobs_made = {}
    told = [
        Decided(row.id, "approved", jobs_made[row.id], is_new=True)
        if row.id in jobs_made
        else Decided(row.id, "approved", made[row.id].id, is_new=False)  # type: ignore[union-attr]
        for row in rows
    ]
    return told, locked.publications


def reject(gate: Gate, ids: Sequence[int], *, by: str | None) -> list[Decided]:
    """Reject what waits, all or nothing: it is not done, and not asked for again. Commits.

    Idempotent.

    Raises:
        ConfigurationError: one is unknown, decided otherwise, replaced or past its deadline.
    """
    with gate.database.write() as connection:
        rows = _lock(connection, ids)
        now = gate.database.now(connection)
        wanted = [row for row in rows if row.state != "rejected"]
        for row in wanted:
            _check_open(row, now, "rejected")
        _decide(connection, wanted, "rejected", by, now)
    new = {row.id for row in wanted}
    return [Decided(row.id, "rejected", None, is_new=row.id in new) for row in rows]


def lapse(gate: Gate, *, limit: int = 200) -> int:
    """Let what nobody decided in time lapse; returns how many. Commits.

    Bounded, and safe beside others like it.
    """
    with gate.database.read() as connection:
        if not _overdue(connection, gate.database.now(connection), 1):
            return 0
    with gate.database.write() as connection:
        now = gate.database.now(connection)
        overdue = _overdue(connection, now, limit, is_locked=True)
        return connection.execute(
            update(approvals)
            .where(approvals.c.id.in_(overdue), approvals.c.state == "pending")
            .values(state="lapsed", decided_at=now)
        ).rowcount


def _overdue(
    connection: Connection, now: datetime, limit: int, *, is_locked: bool = False
) -> list[int]:
    query = (
        select(approvals.c.id)
        .where(approvals.c.state == "pending", approvals.c.deadline_at <= now)
        .order_by(approvals.c.id)
        .limit(limit)
    )
    if is_locked:
        query = query.with_for_update(skip_locked=True)
    return list(connection.execute(query).scalars())


def _lock(connection: Connection, ids: Sequence[int]) -> list[Row[Any]]:
    """Lock approvals by id, in order."""
    query = (
        select(approvals).where(approvals.c.id.in_(ids)).order_by(approvals.c.id).with_for_update()
    )
    rows = list(connection.execute(query))
    missing = set(ids) - {row.id for row in rows}
    if missing:
        raise ConfigurationError("ID", f"there is no approval {min(missing)}", _LIST)
    return rows


_LIST = "List them: bellringer approvals list"


def _check_open(row: Row[Any], now: datetime, wish: str) -> None:
    """See that a person may still decide.

    Raises:
        ConfigurationError: they may not; says who or what came before.
    """
    name = f"approval {row.id}"
    by = f" by {row.decided_by}" if row.decided_by else ""
    match row.state:
        case "approved" | "rejected" if row.state != wish:
            problem, fix = f"{name} was {row.state}{by} before", _LIST
        case "replaced":
            along = row.counts.get("with")
            problem = f"{name} was replaced: a newer read proposes something else, or nothing"
            if along is not None and not row.counts["proposed"]:
                problem = f"{name} is closed: all of it went along with approval {along}"
            fix = _LIST
        case _ if row.state == "lapsed" or row.deadline_at <= now:
            problem = f"{name} has lapsed: its deadline was {row.deadline_at:%Y-%m-%dT%H:%M:%SZ}"
            fix = "The next complete read proposes anew what is still missing."
        case _:
            return
    raise ConfigurationError("ID", problem, fix)


def _job_of(connection: Connection, approval_id: int) -> Row[Any] | None:
    """Return the newest job that carries an approval out."""
    return connection.execute(
        select(jobs).where(jobs.c.approval_id == approval_id).order_by(jobs.c.id.desc()).limit(1)
    ).one_or_none()


def _is_over(job: Row[Any]) -> bool:
    return job.state not in {*UNFINISHED, JobState.SUCCEEDED}


def _make_jobs(
    locked: Locked, rows: Sequence[Row[Any]], by: str | None, actor: str
) -> dict[int, int]:
    """Make a job for each; returns approval → job."""
    # what was due before keeps its earlier wave
    fire_locked(locked)
    requests = Requests(locked)
    approval_of: list[int] = []
    for tenant in locked.load().values():
        own = [row for row in rows if row.tenant_id == tenant.id]
        wave = requests.next_wave(tenant)
        wanted = []
        for row in own:
            app = tenant.apps.get(row.app_id)
            if app is None:
                raise ConfigurationError("ID", f"the app of approval {row.id} was removed", _LIST)
            check_open(tenant, app)
            suspended = removals_suspended(locked.connection, tenant.id, locked.now)
            if row.op == "remove" and suspended is not None:
                raise ConfigurationError(
                    "ID", suspended, f"Wait, or: bellringer tenants rollover {tenant.name} --clear"
                )
            wanted.append(
                Request(
                    app_id=row.app_id,
                    mode=Mode.FULL,
                    wave=wave,
                    trigger=Trigger.APPROVAL,
                    due_at=locked.now,
                    asked_by=by,
                    approval_id=row.id,
                )
            )
        order = firing_order(tenant.apps, tenant.positions)
        placed = add_all(requests, tenant, wanted, order)
        approval_of += [request.approval_id for request in placed if request.approval_id]
    made = requests.write(actor)
    return {id_: one.job_id for id_, one in zip(approval_of, made, strict=True)}


def _decide(
    connection: Connection, rows: Sequence[Row[Any]], state: str, by: str | None, at: datetime
) -> None:
    connection.execute(
        update(approvals)
        .where(approvals.c.id.in_([row.id for row in rows]))
        .values(state=state, decided_at=at, decided_by=by)
    )
