"""T1', ask: someone wants an app to run now. The only other way, beside a slot, to make a job."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from shared.db import jobs as job_table
from shared.db.firing import fire_locked
from shared.db.gate import Gate, Locked, TenantView
from shared.db.requests import Placed, Request, Requests, add_all
from shared.db.tables import apps, inbox, jobs, tenants
from shared.domain.states import JobState, Mode, Trigger
from shared.domain.tiers import AppView, firing_order, is_downstream
from shared.errors import ConfigurationError, NotFoundError
from shared.messages import Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A wish that an app run now.

    Attributes:
        app: `TENANT/NAME`.
        mode: what to read.
        cascade: also run the tenant's downstream apps, after it.
        actor: who writes it down: intake, console or cli.
        asked_by: the person or service, when known.
        user_id: AMQP `user_id`, which the broker has verified; "" for none.
        message_id: makes a repeat harmless; None: coalescing is the only guard.
        retry_of: the ended job that it repeats.
        is_plan: whether the run is only to be shown: nothing is changed.
    """

    app: str
    mode: Mode = Mode.FULL
    cascade: bool = False
    actor: str = "intake"
    asked_by: str | None = None
    user_id: str = ""
    message_id: str | None = None
    retry_of: int | None = None
    is_plan: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """The answer.

    Attributes:
        job_id: the job that carries the wish.
        coalesced: whether that job was there before.
        duplicate: whether the same message id was seen before; nothing was done then.
        publications: to be relayed by whoever committed.
        cascaded: the jobs that carry it further, upstream first; empty for a duplicate.
    """

    job_id: int
    coalesced: bool
    duplicate: bool
    publications: list[Publication]
    cascaded: tuple[int, ...] = ()


def ask(gate: Gate, wish: Ask) -> Asked:
    """Make the job or jobs of a wish, the tenant's due slots first. Commits.

    Raises:
        ConfigurationError: there is no such app, or it takes no run now; names the field.
    """
    with gate.database.write() as connection:
        seen = _remember(gate, connection, wish)
        if seen is not None:
            return Asked(seen, coalesced=False, duplicate=True, publications=[])
        tenant_id, app_id = find_app(connection, wish.app)
        locked = gate.lock_in(connection, [tenant_id])
        placed = _place(locked, tenant_id, app_id, wish)
        locked.decide(wish.actor)
        # upstream first: the app itself stands before all that cascades from it
        own, *below = placed
        if wish.message_id is not None:
            connection.execute(
                update(inbox)
                .where(inbox.c.user_id == wish.user_id, inbox.c.message_id == wish.message_id)
                .values(job_id=own.job_id, received_at=locked.now)
            )
    return Asked(
        own.job_id,
        own.coalesced,
        duplicate=False,
        publications=locked.publications,
        cascaded=tuple(one.job_id for one in below),
    )


def find_app(connection: Connection, app: str) -> tuple[int, int]:
    """Return the ids of the tenant and of the app that `TENANT/NAME` names.

    Raises:
        ConfigurationError: there is none.
    """
    tenant_name, _, name = app.partition("/")
    if not tenant_name or not name:
        raise NotFoundError(
            "app",
            f"{app!r} names no app of a tenant",
            "Give TENANT/APP; list: bellringer apps list",
        )
    query = (
        select(tenants.c.id.label("tenant_id"), apps.c.id.label("app_id"))
        .join(apps, (apps.c.tenant_id == tenants.c.id) & apps.c.removed_at.is_(None), isouter=True)
        .where(tenants.c.name == tenant_name)
    )
    rows = connection.execute(query.add_columns(apps.c.name)).all()
    if not rows:
        raise NotFoundError(
            "app", f"there is no tenant {tenant_name!r}", "List them: bellringer tenants list"
        )
    for row in rows:
        if row.name == name:
            return row.tenant_id, row.app_id
    raise NotFoundError(
        "app",
        f"{tenant_name} has no app {name!r}",
        f"List them: bellringer apps list {tenant_name}",
    )


def cancel(gate: Gate, job_id: int, *, actor: str, by: str | None) -> tuple[str, list[Publication]]:
    """T7: end a held or queued job at once, a running one at its next beat. Commits.

    Returns:
        The state that the job is in now (`running` means that it was asked to stop), and the
        publications to be relayed; none beside a final state: it had ended before.

    Raises:
        ConfigurationError: there is no such job.
    """
    reason = f"cancelled by {by}" if by else "cancelled"
    tenant_id = tenant_of(gate, job_id)
    with gate.locked([tenant_id]) as locked:
        job = job_table.lock(locked.connection, [job_id])[job_id]
        state = JobState(job.state)
        if state in {JobState.HELD, JobState.QUEUED}:
            locked.end([job_id], state, JobState.CANCELLED, actor=actor, reason=reason)
            job_table.note_outcome(locked.connection, job, JobState.CANCELLED)
            locked.decide(actor)
            state = JobState.CANCELLED
        elif state is JobState.RUNNING and job.cancel_requested_at is None:
            # the reason is the one with which it ends, whoever sees the mark first
            locked.connection.execute(
                update(jobs)
                .where(jobs.c.id == job_id)
                .values(cancel_requested_at=locked.now, reason=reason)
            )
    return state, locked.publications


def tenant_of(gate: Gate, job_id: int) -> int:
    """Return the id of the tenant that owns a job.

    Raises:
        ConfigurationError: there is no such job.
    """
    with gate.database.read() as connection:
        found: int | None = connection.execute(
            select(jobs.c.tenant_id).where(jobs.c.id == job_id)
        ).scalar_one_or_none()
    if found is None:
        raise NotFoundError("job", f"there is no job {job_id}", "List: bellringer jobs list")
    return found


def _remember(gate: Gate, connection: Connection, wish: Ask) -> int | None:
    """Insert the message id; return the job of an earlier copy, None when this is the first."""
    if wish.message_id is None:
        return None
    insert = postgresql.insert if gate.database.is_postgresql else sqlite.insert
    made = connection.execute(
        insert(inbox)
        .values(
            user_id=wish.user_id,
            message_id=wish.message_id,
            received_at=gate.database.now(connection),
        )
        .on_conflict_do_nothing()
        .returning(inbox.c.id)
    ).scalar_one_or_none()
    if made is not None:
        return None
    job_id: int = connection.execute(
        select(inbox.c.job_id).where(
            inbox.c.user_id == wish.user_id, inbox.c.message_id == wish.message_id
        )
    ).scalar_one()
    return job_id


def _place(locked: Locked, tenant_id: int, app_id: int, wish: Ask) -> list[Placed]:
    tenants_by_id = locked.load()
    # what was due before the wish keeps its earlier wave
    fire_locked(locked, tenants_by_id)
    tenant = locked.load()[tenant_id]
    app = tenant.apps.get(app_id)
    if app is None:
        raise ConfigurationError(
            "app", f"{wish.app} was removed", f"List them: bellringer apps list {tenant.name}"
        )
    check_open(tenant, app)
    if wish.mode not in app.modes:
        raise ConfigurationError(
            "mode", f"{app.name} cannot read {wish.mode}", f"Use {' or '.join(sorted(app.modes))}."
        )
    requests = Requests(locked)
    wave = requests.next_wave(tenant)
    order = firing_order(tenant.apps, tenant.positions)
    wanted = [_request(locked, wish, app_id, wave)]
    if wish.cascade:
        wanted += [
            _request(locked, wish, other, wave, Trigger.CASCADE) for other in _below(tenant, app_id)
        ]
    add_all(requests, tenant, wanted, order)
    return requests.write(wish.actor)


def check_open(tenant: TenantView, app: AppView) -> None:
    """See that an app takes jobs now.

    Raises:
        ConfigurationError: it does not; says why.
    """
    if app.closed:
        raise ConfigurationError("app", app.closed, "Resume it first.")
    closed = tenant.policy.closed.get(app.tier)
    if closed:
        raise ConfigurationError(
            "app",
            closed,
            f"Resume it first: bellringer tenants resume {tenant.name}, or tenants rollover"
            f" {tenant.name} --clear.",
        )


def _below(tenant: TenantView, app_id: int) -> list[int]:
    app = tenant.apps[app_id]
    return [
        other.id
        for other in tenant.apps.values()
        if other.closed is None and is_downstream(other, app, tenant.apps)
    ]


def _request(
    locked: Locked, wish: Ask, app_id: int, wave: int, trigger: Trigger | None = None
) -> Request:
    own = Trigger.PLAN if wish.is_plan else Trigger.RUN_NOW
    if wish.retry_of is not None:
        own = Trigger.RETRY
    return Request(
        app_id=app_id,
        mode=wish.mode if trigger is None else Mode.FULL,
        wave=wave,
        trigger=trigger or own,
        due_at=locked.now,
        asked_by=wish.asked_by or wish.user_id or None,
        retry_of=wish.retry_of if trigger is None else None,
    )
