"""Apps: added, changed, paused, removed. Connectors are known here by what they declare alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from shared.db.asking import find_app
from shared.db.firing import fire_locked
from shared.db.gate import Gate, Locked
from shared.db.review_tables import plan_rows
from shared.db.tables import apps, schedules
from shared.db.tenants import check_name, find_tenant
from shared.domain.states import JobState, Mode, Tier
from shared.errors import ConfigurationError
from shared.messages import Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApp:
    """What is stored of a new app; its connector has checked `config` and `secrets`."""

    tenant: str
    name: str
    connector: str
    tier: Tier
    modes: Collection[Mode]
    config: Mapping[str, Any]
    secrets: str | None
    after: str | None = None
    upstream_failed: str = "run"


def add_app(gate: Gate, app: NewApp) -> int:
    """Add an app, last in its tenant's order; returns its id. Commits.

    Raises:
        ConfigurationError: a name is wrong or taken, or `after` names no app of the same tier.
    """
    check_name(app.name, "--name")
    _check_upstream_failed(app.upstream_failed)
    with gate.database.read() as connection:
        tenant_id = find_tenant(connection, app.tenant).id
    with gate.locked([tenant_id]) as locked:
        connection = locked.connection
        there = _named(connection, tenant_id, app.name)
        if there is not None:
            raise ConfigurationError(
                "--name", f"{app.tenant} has an app {app.name} already", "Give another name."
            )
        after = _after(connection, tenant_id, app.after, app.tier, None)
        position = connection.execute(
            select(func.coalesce(func.max(apps.c.position), 0) + 1).where(
                apps.c.tenant_id == tenant_id
            )
        ).scalar_one()
        made: int = connection.execute(
            insert(apps)
            .values(
                tenant_id=tenant_id,
                name=app.name,
                connector=app.connector,
                tier=app.tier,
                modes=sorted(app.modes),
                position=position,
                after_app_id=after,
                config=dict(app.config),
                secrets=app.secrets,
                upstream_failed=app.upstream_failed,
                created_at=locked.now,
            )
            .returning(apps.c.id)
        ).scalar_one()
    return made


def change_app(
    gate: Gate,
    app: str,
    *,
    config: Mapping[str, Any] | None = None,
    secrets: str | None = None,
    after: str | None = None,
    upstream_failed: str | None = None,
) -> None:
    """Change what is given of an app. Commits.

    Args:
        gate: of the database.
        app: `TENANT/NAME`.
        config: the whole new config.
        secrets: the whole new secrets, sealed.
        after: the app that it comes after; "" for none.
        upstream_failed: run or skip.

    Raises:
        ConfigurationError: there is no such app, or a value is wrong.
    """
    if upstream_failed is not None:
        _check_upstream_failed(upstream_failed)
    with _app_locked(gate, app) as (locked, row):
        values: dict[str, Any] = {}
        if config is not None:
            values |= {"config": dict(config), "secrets": secrets}
        if upstream_failed is not None:
            values["upstream_failed"] = upstream_failed
        if after is not None:
            values["after_app_id"] = _after(
                locked.connection, row.tenant_id, after or None, Tier(row.tier), row.id
            )
        if values:
            locked.connection.execute(update(apps).where(apps.c.id == row.id).values(values))
            locked.decide("console")


def rename_app(gate: Gate, app: str, name: str) -> None:
    """Give an app another name; its history is told by the new one too. Commits.

    Raises:
        ConfigurationError: there is no such app, or the name is wrong or taken.
    """
    check_name(name, "name")
    with _app_locked(gate, app) as (locked, row):
        there = _named(locked.connection, row.tenant_id, name)
        if there is not None and there.id != row.id:
            tenant = app.partition("/")[0]
            raise ConfigurationError(
                "name", f"{tenant} has an app {name} already", "Give another name."
            )
        locked.connection.execute(update(apps).where(apps.c.id == row.id).values(name=name))


def set_rules(gate: Gate, app: str, rules: Mapping[str, Any]) -> None:
    """Store an app's rules, which were checked before. Commits.

    Raises:
        ConfigurationError: there is no such app.
    """
    with _app_locked(gate, app) as (locked, row):
        locked.connection.execute(
            update(apps).where(apps.c.id == row.id).values(rules=dict(rules) or None)
        )


def pause_app(gate: Gate, app: str, reason: str | None) -> list[Publication]:
    """Pause an app: what waits is skipped, what runs ends. Commits; decides."""
    with _app_locked(gate, app) as (locked, row):
        locked.connection.execute(
            update(apps)
            .where(apps.c.id == row.id)
            .values(paused_at=locked.now, paused_reason=reason)
        )
        locked.decide("console")
    return locked.publications


def resume_app(gate: Gate, app: str) -> list[Publication]:
    """Take an app's jobs again. Commits; decides."""
    with _app_locked(gate, app) as (locked, row):
        locked.connection.execute(
            update(apps).where(apps.c.id == row.id).values(paused_at=None, paused_reason=None)
        )
        locked.decide("console")
    return locked.publications


def remove_app(gate: Gate, app: str) -> list[Publication]:
    """Remove an app with its schedules; its history stays. Commits; decides.

    Raises:
        ConfigurationError: it runs, or another app comes after it.
    """
    with _app_locked(gate, app) as (locked, row):
        connection = locked.connection
        # what is due by its schedules is recorded still
        fire_locked(locked)
        tenant = locked.load()[row.tenant_id]
        if any(
            job.app_id == row.id and job.state is JobState.RUNNING for job in tenant.jobs.values()
        ):
            raise ConfigurationError("APP", f"{app} is running", "Cancel its job first.")
        following = [other.name for other in tenant.apps.values() if other.after == row.id]
        if following:
            raise ConfigurationError(
                "APP", f"{following[0]} comes after it", "Change that app's --after first."
            )
        connection.execute(
            update(apps)
            .where(apps.c.id == row.id)
            .values(removed_at=locked.now, config={}, secrets=None)
        )
        # what its last plan would have changed tells of nothing any more
        connection.execute(delete(plan_rows).where(plan_rows.c.app_id == row.id))
        connection.execute(
            update(schedules)
            .where(schedules.c.app_id == row.id, schedules.c.removed_at.is_(None))
            .values(removed_at=locked.now, next_run_at=None, next_wall=None)
        )
        locked.decide("console")
    return locked.publications


def app_row(connection: Connection, app: str) -> Row[Any]:
    """Return an app's row by `TENANT/NAME`.

    Raises:
        ConfigurationError: there is none.
    """
    _, app_id = find_app(connection, app)
    return connection.execute(select(apps).where(apps.c.id == app_id)).one()


@contextmanager
def _app_locked(gate: Gate, app: str) -> Iterator[tuple[Locked, Row[Any]]]:
    """Hold the lock of an app's tenant."""
    with gate.database.read() as connection:
        tenant_id, app_id = find_app(connection, app)
    with gate.locked([tenant_id]) as locked:
        row = locked.connection.execute(select(apps).where(apps.c.id == app_id)).one()
        yield locked, row


def _named(connection: Connection, tenant_id: int, name: str) -> Row[Any] | None:
    return connection.execute(
        select(apps).where(
            apps.c.tenant_id == tenant_id, apps.c.name == name, apps.c.removed_at.is_(None)
        )
    ).one_or_none()


def _after(
    connection: Connection, tenant_id: int, after: str | None, tier: Tier, app_id: int | None
) -> int | None:
    """Return the id of the app that another comes after: of the same tier, and in no circle."""
    if after is None:
        return None
    row = _named(connection, tenant_id, after.rpartition("/")[2])
    if row is None:
        raise ConfigurationError("--after", f"the tenant has no app {after!r}", "Name one.")
    if row.tier != tier:
        raise ConfigurationError(
            "--after",
            f"{after} is {row.tier}, this app {tier}",
            "Leave it out: the tiers are in order anyway.",
        )
    seen, walk = {app_id}, row
    while True:
        if walk.id in seen:
            raise ConfigurationError(
                "--after", "the apps would wait for each other", "Name another."
            )
        if walk.after_app_id is None:
            found: int = row.id
            return found
        seen.add(walk.id)
        walk = connection.execute(select(apps).where(apps.c.id == walk.after_app_id)).one()


def _check_upstream_failed(value: str) -> None:
    if value not in {"run", "skip"}:
        raise ConfigurationError("--upstream-failed", f"there is no {value!r}", "Give run or skip.")
