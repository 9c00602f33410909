"""`bellringer doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pika
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from connectors import registry
from console.cli.output import Json, print_rows
from shared.broker.dramatiq_broker import parameters_of
from shared.db import migrate, sweeping
from shared.db.engine import Database, brief, open_database
from shared.db.gate import Gate, rollover_of
from shared.db.schedules import zone_version
from shared.db.tables import apps, outbox, schedules, tenants
from shared.errors import ConfigurationError
from shared.messages import (
    COMPLETIONS_QUEUE,
    DEAD_LETTERS_QUEUE,
    QUEUE_OF_TIER,
    REJECTED_QUEUE,
    RUN_NOW_QUEUE,
)
from shared.secrets import are_plain
from shared.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `result` is ok, warning or error."""

    check: str
    result: str
    detail: str
    fix: str = ""


def doctor(as_json: Json = False) -> int:
    """Look at database, broker, queues, secrets, connectors, overdue jobs; 1: one is wrong."""
    settings = load_settings()
    found = [*_database(settings), *_broker(settings), *_queues(settings), *_connectors()]
    print_rows(
        [asdict(finding) for finding in found],
        ("check", "result", "detail", "fix"),
        as_json=as_json,
        empty="",
    )
    return 1 if any(finding.result == "error" for finding in found) else 0


def _database(settings: Settings) -> Iterator[Finding]:
    database = open_database(settings)
    where = database.url.render_as_string(hide_password=True)
    try:
        if settings.database_url is None:
            migrate.upgrade(database)
        migrate.check_current(database)
        yield Finding("database", "ok", f"{where}, revision {migrate.newest()}")
        yield from _contents(database)
    except ConfigurationError as error:
        yield Finding("database", "error", f"{where}: {error.problem}", error.fix)
    except OperationalError as error:
        yield Finding(
            "database", "error", f"{where}: {brief(error)}", "Start it, or correct its URL."
        )
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
        told = f"{_place(settings.broker_url)}: {_brief(error)}"
        yield Finding("broker", "error", told, "Start it, or correct BELLRINGER_BROKER_URL.")
        return
    yield Finding("broker", "ok", "it answers")


def _connectors() -> Iterator[Finding]:
    found, broken = registry.installed()
    for name, error in broken.items():
        yield Finding(f"connector {name}", "error", error.problem, error.fix)
    if not broken:
        yield Finding("connectors", "ok", f"{len(found)} are installed")


def _place(url: str) -> str:
    """Return where a URL points, without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _brief(error: Exception) -> str:
    """Say in one line what went wrong, by the error beneath that tells it best."""
    if isinstance(error, httpx.HTTPStatusError):
        # its text has the URL, and with it the password
        return f"it answers {error.response.status_code} {error.response.reason_phrase}"
    beneath = getattr(error, "exception", None) or next(iter(error.args), None)
    if isinstance(beneath, Exception):
        return _brief(beneath)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    told = str(error).strip().splitlines()
    return told[0] if told else type(error).__name__


def _queues(settings: Settings) -> Iterator[Finding]:
    if settings.broker_url is None:
        return
    if settings.management_url is None:
        yield Finding(
            "queues", "warning", "they were not looked at", "Set BELLRINGER_MANAGEMENT_URL."
        )
        return
    vhost = urlsplit(settings.broker_url).path.removeprefix("/") or quote("/", safe="")
    try:
        listed = httpx.get(
            f"{settings.management_url.rstrip('/')}/api/queues/{vhost}", timeout=10, trust_env=False
        )
        listed.raise_for_status()
        queues: dict[str, dict[str, Any]] = {queue["name"]: queue for queue in listed.json()}
    except httpx.HTTPError as error:
        told = f"{_place(settings.management_url)}: {_brief(error)}"
        yield Finding("queues", "error", told, "Correct BELLRINGER_MANAGEMENT_URL.")
        return
    for name in (*QUEUE_OF_TIER.values(), RUN_NOW_QUEUE, COMPLETIONS_QUEUE):
        consumers = queues.get(name, {}).get("consumers", 0)
        ready = queues.get(name, {}).get("messages_ready", 0)
        by = "a worker" if name.startswith("sync.") else "a scheduler"
        yield Finding(
            f"queue {name}",
            "ok" if consumers else "error",
            f"{consumers} consumers, {ready} messages ready",
            "" if consumers else f"Start {by}.",
        )
    for name in (REJECTED_QUEUE, DEAD_LETTERS_QUEUE):
        kept = queues.get(name, {}).get("messages", 0)
        yield Finding(
            f"queue {name}",
            "warning" if kept else "ok",
            f"{kept} messages are kept",
            "Read their header x-bellringer-reason, then purge the queue." if kept else "",
        )
