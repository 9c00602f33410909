"""What is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pika
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from connectors import registry
from console.operators.management import Management, ManagementError, QueueState, brief, place_of
from shared.broker.dramatiq_broker import parameters_of
from shared.db import engine as engines
from shared.db import migrate, sweeping
from shared.db.account_tables import grants
from shared.db.engine import Database
from shared.db.gate import Gate, rollover_of
from shared.db.schedules import zone_version
from shared.db.tables import apps, outbox, schedules, tenants
from shared.domain.roles import Role
from shared.errors import ConfigurationError
from shared.messages import (
    COMPLETIONS_QUEUE,
    DEAD_LETTERS_QUEUE,
    QUEUE_OF_TIER,
    REJECTED_QUEUE,
    RUN_NOW_QUEUE,
)
from shared.secrets import are_plain
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `result` is ok, warning or error."""

    check: str
    result: str
    detail: str
    fix: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Look at database, broker, queues, secrets, connectors and overdue jobs."""
    return [*_database(settings), *_broker(settings), *_queues(settings), *_connectors()]


def _database(settings: Settings) -> Iterator[Finding]:
    database = engines.open_database(settings)
    where = database.url.render_as_string(hide_password=True)
    try:
        if settings.database_url is None:
            migrate.upgrade(database)
        migrate.check_current(database)
        yield Finding("database", "ok", f"{where}, revision {migrate.newest()}")
        yield from _contents(database)
        yield from _networks(settings, database)
    except ConfigurationError as error:
        yield Finding("database", "error", f"{where}: {error.problem}", error.fix)
    except OperationalError as error:
        told = f"{where}: {engines.brief(error)}"
        yield Finding("database", "error", told, "Start it, or correct its URL.")
    finally:
        database.dispose()


def _contents(database: Database) -> Iterator[Finding]:
    with database.read() as connection:
        sealed = connection.execute(
            select(apps.c.secrets).where(apps.c.secrets.is_not(None), apps.c.removed_at.is_(None))
        ).scalars()
        plain = sum(are_plain(secrets) for secrets in sealed)
        waiting = connection.execute(select(func.count()).select_from(outbox)).scalar_one()
        stale = connection.execute(
            select(func.count())
            .select_from(schedules)
            .where(schedules.c.next_run_at.is_not(None), schedules.c.zone_version != zone_version())
        ).scalar_one()
    if plain:
        yield Finding(
            "secrets",
            "warning",
            f"those of {plain} apps are stored as they are",
            "Set BELLRINGER_SECRET_KEY, then give them again: bellringer apps set",
        )
    else:
        yield Finding("secrets", "ok", "none is stored as it is")
    yield Finding("outbox", "ok" if waiting < 1000 else "warning", f"{waiting} messages wait")
    yield Finding(
        "zone database",
        "ok" if not stale else "warning",
        f"version {zone_version()}; {stale} slots were computed by another",
        "" if not stale else "A scheduler computes them anew when it starts.",
    )
    yield from _rollovers(database)
    overdue = sweeping.find_overdue(Gate(database), longer_than_s=3600)
    for job in overdue[:20]:
        yield Finding(
            "overdue job",
            "warning",
            f"job {job.job_id} waits since {job.since:%Y-%m-%dT%H:%M:%SZ}: {job.reason}",
            f"bellringer why {job.job_id}",
        )
    if not overdue:
        yield Finding("overdue jobs", "ok", "none waits for longer than an hour")


def _networks(settings: Settings, database: Database) -> Iterator[Finding]:
    """Tell where this machine is reached by whom it is not: by a district's administrators."""
    if settings.database_url is not None or settings.private_networks is not None:
        return
    with database.read() as connection:
        is_shared = connection.execute(
            select(grants.c.account_id).where(grants.c.role == Role.DISTRICT_ADMIN).limit(1)
        ).first()
    if is_shared:
        yield Finding(
            "networks",
            "warning",
            "a district's administrators can have apps reach this machine",
            "Set BELLRINGER_PRIVATE_NETWORKS, to none or to the networks that apps may reach.",
        )


def _rollovers(database: Database) -> Iterator[Finding]:
    """Tell of the periods in which something is suspended, those to come among them."""
    with database.read() as connection:
        now = database.now(connection)
        rows = connection.execute(
            select(tenants)
            .where(tenants.c.rollover_scope.is_not(None), tenants.c.rollover_until > now)
            .order_by(tenants.c.name)
        ).all()
    for row in rows:
        rollover = rollover_of(row)
        if rollover is None:
            continue
        is_now = rollover.covers(now)
        yield Finding(
            f"rollover of {row.name}",
            "warning" if is_now else "ok",
            rollover.describe() if is_now else rollover.announce(),
            f"bellringer tenants rollover {row.name} --clear" if is_now else "",
        )


def _broker(settings: Settings) -> Iterator[Finding]:
    if settings.broker_url is None:
        yield Finding("broker", "ok", "embedded: BELLRINGER_BROKER_URL is not set")
        return
    try:
        pika.BlockingConnection(parameters_of(settings.broker_url)).close()
    except (pika.exceptions.AMQPError, OSError) as error:
        told = f"{place_of(settings.broker_url)}: {brief(error)}"
        yield Finding("broker", "error", told, "Start it, or correct BELLRINGER_BROKER_URL.")
        return
    yield Finding("broker", "ok", "it answers")


def _connectors() -> Iterator[Finding]:
    found, broken = registry.installed()
    for name, error in broken.items():
        yield Finding(f"connector {name}", "error", error.problem, error.fix)
    if not broken:
        yield Finding("connectors", "ok", f"{len(found)} are installed")


def _queues(settings: Settings) -> Iterator[Finding]:
    if settings.broker_url is None:
        return
    if settings.management_url is None:
        yield Finding(
            "queues", "warning", "they were not looked at", "Set BELLRINGER_MANAGEMENT_URL."
        )
        return
    try:
        queues = Management(settings).queues()
    except ManagementError as error:
        yield Finding("queues", "error", error.problem, error.fix)
        return
    for name in (*QUEUE_OF_TIER.values(), RUN_NOW_QUEUE, COMPLETIONS_QUEUE):
        yield _read_queue(name, queues.get(name))
    for name in (REJECTED_QUEUE, DEAD_LETTERS_QUEUE):
        found = queues.get(name)
        kept = 0 if found is None else found.ready + found.unacknowledged
        yield Finding(
            f"queue {name}",
            "warning" if kept else "ok",
            f"{kept} messages are kept",
            "Look at them, and replay or drop them: the console's page /operators." if kept else "",
        )


def _read_queue(name: str, found: QueueState | None) -> Finding:
    consumers, ready = (0, 0) if found is None else (found.consumers, found.ready)
    by = "a worker" if name.startswith("sync.") else "a scheduler"
    return Finding(
        f"queue {name}",
        "ok" if consumers else "error",
        f"{consumers} consumers, {ready} messages ready",
        "" if consumers else f"Start {by}.",
    )
