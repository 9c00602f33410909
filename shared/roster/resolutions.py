"""Conflicts before a person: listed, shown, and resolved."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select, update

from shared.db.engine import Database
from shared.db.hub_tables import HUB, LINKS, change_log, hubs, snake
from shared.db.review_tables import conflicts
from shared.db.tables import apps, tenants
from shared.db.views import iso
from shared.domain.records import EXTENSIBLE, FIELDS, Field, Kind, encode_list
from shared.errors import ConfigurationError, NotFoundError
from shared.roster.locking import hub_lock

#: What a person may take: the hub's value, the app's, or another one.
CHOICES = ("hub", "app", "value")
#: The states of a conflict.
STATES = ("open", "resolved", "gone")

#: By kind, the fields that name a record to a person; of the others, its user's or class's names.
_NAMES = {
    Kind.ORGS: ("name",),
    Kind.ACADEMIC_SESSIONS: ("title",),
    Kind.COURSES: ("title",),
    Kind.CLASSES: ("title",),
    Kind.USERS: ("givenName", "familyName"),
}


def list_conflicts(
    connection: Connection,
    tenant_id: int | None = None,
    *,
    tenant_ids: Collection[int] | None = None,
    app_id: int | None = None,
    state: str | None = "open",
    after: int = 0,
    limit: int = 1000,
) -> list[dict[str, Any]]:
    """List conflicts, oldest first, as JSON.

    Args:
        connection: a reading transaction.
        tenant_id: whose; None: everybody's.
        tenant_ids: whose, where it is several tenants'; None: everybody's.
        app_id: with which app; None: any.
        state: open, resolved or gone; None: all.
        after: the id that the page before ended with; 0: the first page.
        limit: the most rows.
    """
    query = _conflicts().where(conflicts.c.id > after).order_by(conflicts.c.id).limit(limit)
    if tenant_ids is not None:
        query = query.where(conflicts.c.tenant_id.in_(tenant_ids))
    for column, wanted in (
        (conflicts.c.tenant_id, tenant_id),
        (conflicts.c.app_id, app_id),
        (conflicts.c.state, state),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    return _as_json(connection, connection.execute(query).all())


def show_conflict(connection: Connection, conflict_id: int) -> dict[str, Any]:
    """Return one conflict as JSON.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(_conflicts().where(conflicts.c.id == conflict_id)).one_or_none()
    if row is None:
        raise _no_conflict(conflict_id)
    return _as_json(connection, [row])[0]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person takes.

    Attributes:
        take: hub, app or value.
        value: what to take, where `take` is value; None or "": nothing.
        by: who decides.

    Raises:
        ConfigurationError: it is no choice.
    """

    take: str
    value: str | None = None
    by: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no choice."""
        if self.take not in CHOICES:
            raise ConfigurationError(
                "--take", f"there is no choice {self.take!r}", f"Take one of {', '.join(CHOICES)}."
            )
        if (self.take == "value") != (self.value is not None):
            raise ConfigurationError(
                "--value", "it goes with --take value, and with nothing else", "Give both."
            )


def resolve_conflict(database: Database, conflict_id: int, choice: Choice) -> str | None:
    """Decide a conflict; returns the value that the hub holds from now on. Commits.

    What the app holds otherwise is written to it by its next sync.

    Raises:
        ConfigurationError: there is no such conflict, it is not open, hub or app hold something
            else by now than it was shown with, or the field cannot hold the value.
    """
    moved = None
    with database.write() as connection:
        row = _open_conflict(connection, conflict_id)
        now = database.now(connection)
        held = _held(connection, row)
        if held is None:
            moved = "the record or the app's link to it is gone"
        elif held != (row.ours, row.theirs):
            connection.execute(
                update(conflicts)
                .where(conflicts.c.id == conflict_id)
                .values(ours=held[0], theirs=held[1])
            )
            moved = f"it has moved: the hub holds {_told(held[0])}, the app {_told(held[1])} by now"
        else:
            given = _checked(connection, row, choice.value) if choice.take == "value" else None
            taken = {"hub": row.ours, "app": row.theirs, "value": given}[choice.take]
            _take(connection, row, taken, choice, now)
    if moved is not None:
        raise ConfigurationError("CONFLICT", f"{conflict_id}: {moved}", "Look at it again.")
    return None if taken is None else str(taken)


def _conflicts() -> Select[Any]:
    return (
        select(conflicts, apps.c.name.label("app"), tenants.c.name.label("tenant"))
        .join(apps, apps.c.id == conflicts.c.app_id)
        .join(tenants, tenants.c.id == conflicts.c.tenant_id)
    )


def _as_json(connection: Connection, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    names = _names(connection, rows)
    return [
        {
            "id": row.id,
            "app": f"{row.tenant}/{row.app}",
            "kind": row.kind,
            "record": row.sourced_id,
            "name": names.get((row.tenant_id, row.sourced_id)),
            "external_id": row.external_id,
            "field": row.field,
            "base": row.base,
            "hub": row.ours,
            "theirs": row.theirs,
            "state": row.state,
            "job": row.job_id,
            "at": iso(row.at),
            "resolved_at": iso(row.resolved_at),
            "resolved_by": row.resolved_by,
            "value": row.value,
        }
        for row in rows
    ]


def _names(connection: Connection, rows: Sequence[Row[Any]]) -> dict[tuple[int, str], str]:
    """Return what a person calls the records, by tenant and sourcedId."""
    # a hub's key begins with its tenant
    tenant_ids = {row.tenant_id for row in rows}
    wanted: defaultdict[Kind, set[str]] = defaultdict(set)
    for row in rows:
        wanted[Kind(row.kind)].add(row.sourced_id)
    found: dict[tuple[int, str], str] = {}
    for kind, ids in wanted.items():
        hub = HUB[kind].c
        named = HUB[Kind.USERS].c if "user_sourced_id" in hub else hub
        columns = [named[snake(name)] for name in _NAMES.get(kind, _NAMES[Kind.USERS])]
        query = select(hub.tenant_id, hub.sourced_id, *columns).where(
            hub.tenant_id.in_(tenant_ids), hub.sourced_id.in_(ids)
        )
        if named is not hub:
            query = query.where(
                named.tenant_id == hub.tenant_id, named.sourced_id == hub.user_sourced_id
            )
        for tenant_id, sourced_id, *parts in connection.execute(query):
            found[tenant_id, sourced_id] = " ".join(part for part in parts if part)
    return found


def _no_conflict(conflict_id: int) -> NotFoundError:
    return NotFoundError(
        "CONFLICT", f"there is none {conflict_id}", "List: bellringer conflicts list TENANT"
    )


def _open_conflict(connection: Connection, conflict_id: int) -> Row[Any]:
    """Return an open conflict, under its tenant's hub lock."""
    tenant_id = connection.execute(
        select(conflicts.c.tenant_id).where(conflicts.c.id == conflict_id)
    ).scalar_one_or_none()
    if tenant_id is None:
        raise _no_conflict(conflict_id)
    hub_lock(connection, tenant_id)
    row = connection.execute(select(conflicts).where(conflicts.c.id == conflict_id)).one()
    if row.state != "open":
        raise ConfigurationError(
            "CONFLICT", f"{conflict_id} is {row.state} already", "List the open ones."
        )
    return row


def _held(connection: Connection, row: Row[Any]) -> tuple[str | None, str | None] | None:
    """Return what hub and app hold now; None: one of them has the record no more."""
    hub, link, column = HUB[Kind(row.kind)], LINKS[Kind(row.kind)], snake(row.field)
    found = connection.execute(
        select(hub.c[column], link.c[column])
        .join_from(hub, link, link.c.sourced_id == hub.c.sourced_id)
        .where(
            hub.c.tenant_id == row.tenant_id,
            hub.c.sourced_id == row.sourced_id,
            hub.c.status == "active",
            link.c.app_id == row.app_id,
            link.c.external_id == row.external_id,
            link.c.ended_at.is_(None),
        )
    ).one_or_none()
    return None if found is None else (found[0], found[1])


def _checked(connection: Connection, row: Row[Any], value: str | None) -> str | None:
    """Return a value as its field holds it, or refuse it."""
    field = next(one for one in FIELDS[Kind(row.kind)] if one.name == row.field)
    if not value:
        if field.required:
            raise _refusal(field, "it is required", "Give a value.")
        return None
    if "\x00" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
        raise _refusal(field, "it holds a character that no database can store", "Leave it out.")
    elements = _elements(field, value) if field.many else [value]
    for element in elements:
        extends = (Kind(row.kind), field.name) in EXTENSIBLE and element[:4] == "ext:"
        if field.vocabulary and element not in field.vocabulary and not extends:
            told = ", ".join(sorted(field.vocabulary))
            raise _refusal(field, f"{element!r} is none of its values", f"Give one of {told}.")
        if field.ref is not None:
            target = HUB[field.ref].c
            known = connection.execute(
                select(target.sourced_id).where(
                    target.tenant_id == row.tenant_id,
                    target.sourced_id == element,
                    target.status == "active",
                )
            ).first()
            if known is None:
                raise _refusal(field, f"{element!r} names no record of {field.ref}", "Give an id.")
    return encode_list(elements) if field.many else value


def _elements(field: Field, value: str) -> list[str]:
    try:
        found = json.loads(value)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(one, str) and one for one in found):
        raise _refusal(field, "it holds a list", 'Give JSON such as ["09","10"].')
    if field.required and not found:
        raise _refusal(field, "it is required", "Give a value.")
    return found


def _refusal(field: Field, problem: str, fix: str) -> ConfigurationError:
    return ConfigurationError("--value", f"{field.name}: {problem}", fix)


def _take(
    connection: Connection, row: Row[Any], taken: str | None, choice: Choice, now: datetime
) -> None:
    """Let the hub hold what was chosen, with its row in the change log."""
    hub = HUB[Kind(row.kind)]
    if taken != row.ours:
        connection.execute(
            update(hub)
            .where(hub.c.tenant_id == row.tenant_id, hub.c.sourced_id == row.sourced_id)
            .values({snake(row.field): taken, "date_last_modified": now})
        )
        connection.execute(
            insert(change_log).values(
                actor=f"conflict {row.id} resolved by {choice.by or 'somebody'}",
                app_id=row.app_id if choice.take == "app" else None,
                tenant_id=row.tenant_id,
                kind=row.kind,
                sourced_id=row.sourced_id,
                op="update",
                before=json.dumps({row.field: row.ours}),
                after=json.dumps({row.field: taken}),
                at=now,
            )
        )
        # a plan that was made before must be compared anew
        connection.execute(
            update(hubs).where(hubs.c.tenant_id == row.tenant_id).values(version=hubs.c.version + 1)
        )
    connection.execute(
        update(conflicts)
        .where(conflicts.c.id == row.id)
        .values(state="resolved", resolved_at=now, resolved_by=choice.by, value=taken)
    )


def _told(value: str | None) -> str:
    return "nothing" if value is None else repr(value)
