"""Where a record's values come from: which app, which job, when, and by which rule.

What is read here is one record's, so it is small, whatever the size of the hub.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from shared.db.hub_tables import HUB, LINKS, change_log, snake
from shared.db.tables import apps, jobs
from shared.db.views import iso
from shared.domain.records import Kind, field_names
from shared.errors import ConfigurationError

#: What is not known of links as they were.
LINKS_THEN = (
    "links are as of then: begun by then, and ended if they had. That one had ended and came back,"
    " moved to another record or id since, and what its app held, is not kept"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What gave a field its value.

    Attributes:
        app_id: the app whose value it is; None: a person's, or nobody's.
        job_id: the job that brought it; None: a person did.
        actor: who did it by hand, and how; None: a job did.
        before: the value that it replaced; None also where the record was added with it.
        is_add: whether the record was added with it.
        at: when.
    """

    app_id: int | None
    job_id: int | None
    actor: str | None
    before: str | None
    is_add: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Traced:
    """One record with what is known of it.

    Attributes:
        kind: of it.
        sourced_id: of it.
        created_at: when it was added.
        values: by OneRoster's name, status among them.
        origins: by field, for those that hold a value or did.
        changes: rows of the change log until then, oldest first.
        added: the app and the job that added it; the app may be unknown.
    """

    kind: Kind
    sourced_id: str
    created_at: datetime
    values: Mapping[str, str | None]
    origins: Mapping[str, Origin]
    changes: list[Row[Any]]
    added: tuple[int | None, int]


def trace(
    connection: Connection, tenant_id: int, kind: Kind, sourced_id: str, as_of: datetime | None
) -> Traced:
    """Return a record as it is, or as it was, with the origin of each of its values.

    Raises:
        ConfigurationError: it was not there yet.
    """
    hub, log = HUB[kind], change_log.c
    row = connection.execute(
        select(hub).where(hub.c.tenant_id == tenant_id, hub.c.sourced_id == sourced_id)
    ).one()
    if as_of is not None and row.created_at > as_of:
        raise ConfigurationError(
            "--as-of", f"the record was added at {iso(row.created_at)}", "Give a later time."
        )
    changes = connection.execute(
        select(change_log)
        .where(log.tenant_id == tenant_id, log.kind == kind, log.sourced_id == sourced_id)
        .order_by(log.id)
    ).all()
    names = ("status", *field_names(kind))
    values: dict[str, str | None] = {name: getattr(row, snake(name)) for name in names}
    until = [change for change in changes if as_of is None or change.at <= as_of]
    for change in reversed(changes[len(until) :]):
        values.update(json.loads(change.before))
    added = _added_by(connection, kind, row)
    first = Origin(
        app_id=added[0], job_id=added[1], actor=None, before=None, is_add=True, at=row.created_at
    )
    origins = {name: first for name, value in values.items() if value is not None}
    for change in until:
        before = json.loads(change.before)
        for name in json.loads(change.after):
            origins[name] = Origin(
                app_id=change.app_id,
                job_id=change.job_id,
                actor=change.actor,
                before=before.get(name),
                is_add=False,
                at=change.at,
            )
    return Traced(kind, sourced_id, row.created_at, values, origins, until, added)


def show_record(
    connection: Connection, tenant_id: int, kind: Kind, sourced_id: str, as_of: datetime | None
) -> dict[str, Any]:
    """Return a record, its fields with their origins, its links and its history, as JSON.

    Raises:
        ConfigurationError: it was not there yet.
    """
    traced = trace(connection, tenant_id, kind, sourced_id, as_of)
    names = app_names(connection, tenant_id)
    fields = [
        {"field": name, "value": value, **_told(traced.origins.get(name), names)}
        for name, value in traced.values.items()
        if name != "status" and (value is not None or name in traced.origins)
    ]
    added_by, first_job = traced.added
    history = [
        {
            "at": iso(traced.created_at),
            "op": "add",
            "app": names.get(added_by) if added_by else None,
            "job": first_job,
            "by": None,
            "before": {},
            "after": {},
        },
        *(
            {
                "at": iso(change.at),
                "op": change.op,
                "app": names.get(change.app_id),
                "job": change.job_id,
                "by": change.actor,
                "before": json.loads(change.before),
                "after": json.loads(change.after),
            }
            for change in traced.changes
        ),
    ]
    return {
        "kind": kind,
        "sourcedId": sourced_id,
        "status": traced.values["status"],
        "as_of": iso(as_of),
        "fields": fields,
        "links": [
            _link(kind, row, names) if as_of is None else _link_then(row, names, as_of)
            for row in _links_at(connection, kind, sourced_id, as_of)
        ],
        "links_note": None if as_of is None else LINKS_THEN,
        "history": history,
    }


def _links_at(
    connection: Connection, kind: Kind, sourced_id: str, as_of: datetime | None
) -> list[Row[Any]]:
    """Return the links to a record, without those that a job has made since."""
    rows = links_of(connection, kind, sourced_id)
    if as_of is None:
        return rows
    later = connection.execute(
        select(jobs.c.id).where(
            jobs.c.id.in_({row.first_job for row in rows}),
            jobs.c.finished_at.is_(None) | (jobs.c.finished_at > as_of),
        )
    ).scalars()
    made_since = set(later)
    return [row for row in rows if row.first_job not in made_since]


def links_of(connection: Connection, kind: Kind, sourced_id: str) -> list[Row[Any]]:
    """Return the links to a record, in the order of their apps; the app's row comes with each."""
    link = LINKS[kind]
    return list(
        connection.execute(
            select(
                link,
                apps.c.name,
                apps.c.tier,
                apps.c.position,
                apps.c.rules,
                apps.c.removed_at.label("app_removed_at"),
            )
            .join(apps, apps.c.id == link.c.app_id)
            .where(link.c.sourced_id == sourced_id)
            .order_by(apps.c.position, link.c.external_id)
        ).all()
    )


def app_names(connection: Connection, tenant_id: int) -> dict[int, str]:
    """Return the names of a tenant's apps by id, removed ones among them."""
    rows = connection.execute(select(apps.c.id, apps.c.name).where(apps.c.tenant_id == tenant_id))
    return {row.id: row.name for row in rows}


def _added_by(connection: Connection, kind: Kind, row: Row[Any]) -> tuple[int | None, int]:
    app_id = connection.execute(
        select(jobs.c.app_id).where(jobs.c.id == row.first_job)
    ).scalar_one_or_none()
    if app_id is None:
        link = LINKS[kind].c
        app_id = connection.execute(
            select(link.app_id)
            .where(link.sourced_id == row.sourced_id, link.first_job == row.first_job)
            .limit(1)
        ).scalar_one_or_none()
    return app_id, row.first_job


def _told(origin: Origin | None, names: Mapping[int, str]) -> dict[str, Any]:
    if origin is None:
        return {"app": None, "job": None, "by": None, "at": None}
    return {
        "app": names.get(origin.app_id) if origin.app_id else None,
        "job": origin.job_id,
        "by": origin.actor,
        "at": iso(origin.at),
    }


def _link_then(row: Row[Any], names: Mapping[int, str], as_of: datetime) -> dict[str, Any]:
    ended = row.ended_at is not None and row.ended_at <= as_of
    return {
        "app": names.get(row.app_id),
        "external_id": row.external_id,
        "first_job": row.first_job,
        "ended_at": iso(row.ended_at) if ended else None,
        "ended_job": row.ended_job if ended else None,
        "ended_why": row.ended_why if ended else None,
    }


def _link(kind: Kind, row: Row[Any], names: Mapping[int, str]) -> dict[str, Any]:
    base = {name: getattr(row, snake(name)) for name in field_names(kind)}
    return {
        "app": names.get(row.app_id),
        "external_id": row.external_id,
        "fingerprint": row.fingerprint,
        "first_job": row.first_job,
        "last_job": row.last_job,
        "ended_at": iso(row.ended_at),
        "ended_job": row.ended_job,
        "ended_why": row.ended_why,
        "base": {name: value for name, value in base.items() if value is not None},
    }
