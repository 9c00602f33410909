"""Why a field holds its value: source row → rule → job → the exports that carried it since."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from sqlalchemy import Connection, Row, select

from shared.db.hub_tables import (
    disclosed_fields,
    disclosures,
    snake,
    vendor_provisions,
    vendor_writes,
)
from shared.db.tables import apps, jobs
from shared.db.views import iso
from shared.domain.records import Kind, field_names
from shared.domain.states import JobState, Tier, Trigger
from shared.errors import ConfigurationError
from shared.roster.disclosures import PERSONAL
from shared.roster.privacy import HIDE, PLAIN, Privacy
from shared.roster.provenance import Origin, Traced, app_names, links_of, trace
from shared.roster.rules import AppRules, FieldRule, Filters, parse_app_rules

#: The most exports, and the most writes to a vendor, that are told.
TOLD = 20


def why_value(
    connection: Connection, tenant_id: int, kind: Kind, sourced_id: str, field: str
) -> dict[str, Any]:
    """Return the chain behind a field's value, as JSON.

    Raises:
        ConfigurationError: the kind has no such field.
    """
    if field not in ("status", *field_names(kind)):
        raise ConfigurationError(
            "FIELD", f"{kind} has no {field!r}", f"Give one of {', '.join(field_names(kind))}."
        )
    traced = trace(connection, tenant_id, kind, sourced_id, None)
    names = app_names(connection, tenant_id)
    links = links_of(connection, kind, sourced_id)
    origin = traced.origins.get(field)
    return {
        "kind": kind,
        "record": sourced_id,
        "field": field,
        "value": traced.values[field],
        "sources": [_source(kind, field, link, origin, names) for link in links],
        "rule": _rule(traced, field, origin, links, names),
        "replaced": origin.before if origin else None,
        "job": _job(connection, origin),
        "by": origin.actor if origin else None,
        "at": iso(origin.at) if origin else None,
        "carried_by": _carried(connection, tenant_id, traced, field, origin),
        "written_to": _written(connection, kind, field, origin, links, names),
    }


def _source(
    kind: Kind, field: str, link: Row[Any], origin: Origin | None, names: Mapping[int, str]
) -> dict[str, Any]:
    rules = parse_app_rules(link.rules)
    return {
        # an org's link has a name too, the org's
        "app": names.get(link.app_id),
        "tier": link.tier,
        "external_id": link.external_id,
        "fingerprint": link.fingerprint,
        "value": getattr(link, snake(field)) if field != "status" else None,
        "ended_at": iso(link.ended_at),
        "ended_why": link.ended_why,
        "rule": rules.fields.get(f"{kind}.{field}"),
        "mapped_by": rules.attributes.get(f"{kind}.{field}"),
        "is_decisive": origin is not None and origin.app_id == link.app_id,
    }


def _rule(
    traced: Traced,
    field: str,
    origin: Origin | None,
    links: Sequence[Row[Any]],
    names: Mapping[int, str],
) -> str:
    """Say in a sentence which rule decided."""
    if origin is None:
        return "no app has supplied it"
    if origin.actor is not None:
        return origin.actor
    app = names.get(origin.app_id or 0, "an app")
    if field == "status":
        return _status_rule(traced, origin, app)
    own = {link.app_id: parse_app_rules(link.rules) for link in links}
    told = f"{traced.kind}.{field}"
    mine = own.get(origin.app_id or 0, AppRules())
    mapped = f"; mapped by {mine.attributes[told]}" if told in mine.attributes else ""
    return _merge_rule(told, origin, app, links, own) + mapped


def _status_rule(traced: Traced, origin: Origin, app: str) -> str:
    if origin.is_add:
        return f"{app} showed the record for the first time"
    if traced.values["status"] == "active":
        return f"{app} showed the record again"
    return f"{app} no longer has the record, and no import that is left has it"


def _merge_rule(
    told: str,
    origin: Origin,
    app: str,
    links: Sequence[Row[Any]],
    own: Mapping[int, AppRules],
) -> str:
    column = snake(told.partition(".")[2])
    mine = own.get(origin.app_id or 0, AppRules()).fields.get(told)
    supplying = [
        link.app_id
        for link in links
        if link.ended_at is None
        and link.app_removed_at is None
        and getattr(link, column) is not None
        and own[link.app_id].fields.get(told) not in {FieldRule.FILL, FieldRule.IGNORE}
    ]
    if mine is FieldRule.OWNER:
        return f"{app} owns {told} by its rule"
    if origin.is_add:
        return f"{app} added the record with it"
    if origin.before is None:
        return f"the hub had no value, and {app} filled it"
    if set(supplying) == {origin.app_id}:
        return f"{app} is the only app that supplies it"
    if supplying[:1] == [origin.app_id]:
        return f"{app} is the first of the tenant's apps, in their order, that supplies it"
    return f"{app} changed it, and the hub still held what {app} had before"


def _job(connection: Connection, origin: Origin | None) -> dict[str, Any] | None:
    if origin is None or origin.job_id is None:
        return None
    row = connection.execute(
        select(jobs.c.mode, jobs.c.trigger, jobs.c.asked_by, jobs.c.finished_at, apps.c.name)
        .join(apps, apps.c.id == jobs.c.app_id)
        .where(jobs.c.id == origin.job_id)
    ).one_or_none()
    if row is None:
        return {"id": origin.job_id}
    return {
        "id": origin.job_id,
        "app": row.name,
        "mode": row.mode,
        "trigger": row.trigger,
        "asked_by": row.asked_by,
        "finished_at": iso(row.finished_at),
    }


def _carried(
    connection: Connection, tenant_id: int, traced: Traced, field: str, origin: Origin | None
) -> list[dict[str, Any]]:
    """Return the exports that have sent the value since, newest first, each with its mask.

    Of what tells of a person, the disclosures know; of the rest, what the job says that its target
    has asked for, and the rules of now. A plan sends nothing.
    """
    if origin is None:
        return []
    rows = connection.execute(
        select(jobs.c.id, jobs.c.app_id, jobs.c.finished_at, jobs.c.counts)
        .add_columns(apps.c.name, apps.c.rules)
        .join(apps, apps.c.id == jobs.c.app_id)
        .where(
            jobs.c.tenant_id == tenant_id,
            jobs.c.tier == Tier.EXPORT,
            jobs.c.state == JobState.SUCCEEDED,
            jobs.c.trigger != Trigger.PLAN,
            jobs.c.started_at >= origin.at,
        )
        .order_by(jobs.c.id.desc())
    )
    periods = _periods(connection, tenant_id, traced)
    carried: list[dict[str, Any]] = []
    for row in rows:
        period = None
        if traced.kind in PERSONAL:
            period = next((one for one in periods if _is_within(row, one)), None)
            mask = _mask_told(traced.kind, field, period)
        else:
            mask = _mask_of_rules(traced.kind, field, row)
        if mask is None:
            continue
        told = None if period is None else _period(period)
        carried.append(
            {
                "app": row.name,
                "job": row.id,
                "at": iso(row.finished_at),
                "mask": mask,
                "disclosed": told,
            }
        )
        if len(carried) == TOLD:
            break
    return carried


def _periods(connection: Connection, tenant_id: int, traced: Traced) -> list[Row[Any]]:
    """Return when which app was told what of the person of whom a record tells."""
    person = traced.sourced_id
    if traced.kind is not Kind.USERS:
        person = traced.values.get("userSourcedId") or ""
    return list(
        connection.execute(
            select(disclosures, disclosed_fields.c.fields)
            .join(disclosed_fields, disclosed_fields.c.id == disclosures.c.fields_id)
            .where(disclosures.c.tenant_id == tenant_id, disclosures.c.sourced_id == person)
        )
    )


def _is_within(job: Row[Any], period: Row[Any]) -> bool:
    return (
        period.app_id == job.app_id
        and period.since_job <= job.id
        and (period.until_job is None or job.id < period.until_job)
    )


def _mask_told(kind: Kind, field: str, period: Row[Any] | None) -> str | None:
    """Return the mask under which a field was told; None: it was not."""
    sent = {} if period is None else json.loads(period.fields).get(kind, {})
    return (PLAIN if sent else None) if field == "status" else sent.get(field)


def _mask_of_rules(kind: Kind, field: str, job: Row[Any]) -> str | None:
    """Return the mask under which a job has sent a field of no person; None: it has not."""
    privacy = Privacy(parse_app_rules(job.rules).sends, Filters())
    asked = (job.counts or {}).get("fields")
    if not privacy.sends_kind(kind) or (asked is not None and kind not in asked):
        return None
    if field == "status":
        return PLAIN
    mask = privacy.mask(kind, field)
    is_asked = asked is None or field in asked[kind]
    return mask if is_asked and mask != HIDE else None


def _period(period: Row[Any]) -> dict[str, Any]:
    return {
        "since_job": period.since_job,
        "since_at": iso(period.since_at),
        "fields": json.loads(period.fields),
    }


def _written(
    connection: Connection,
    kind: Kind,
    field: str,
    origin: Origin | None,
    links: Sequence[Row[Any]],
    names: Mapping[int, str],
) -> list[dict[str, Any]]:
    """Return the writes to 2-way apps, since then, that had the field; to make it is one, too."""
    if origin is None:
        return []
    found = []
    two_way = [link for link in links if link.tier == Tier.TWO_WAY]
    for link, writes in product(two_way, (vendor_writes.c, vendor_provisions.c)):
        rows = connection.execute(
            select(writes.job_id, writes["values"], writes.at)
            .where(
                writes.app_id == link.app_id,
                writes.kind == kind,
                writes.external_id == link.external_id,
                writes.state == "confirmed",
                writes.at >= origin.at,
            )
            .order_by(writes.id.desc())
            .limit(TOLD)
        )
        found += [
            {"app": names.get(link.app_id), "job": row.job_id, "at": iso(row.at)}
            for row in rows
            if field in json.loads(row.values)
        ]
    return found
