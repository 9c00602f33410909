"""Records of the hub for a person to look at: found by id or by a value, listed by the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, or_, select

from shared.db.engine import Database
from shared.db.hub_tables import HUB, snake
from shared.db.user_search import begins_with, in_order, plan_for_the_words
from shared.domain.records import FIELDS, Kind, field_names
from shared.errors import ConfigurationError, NotFoundError
from shared.roster.history import do_not_compile
from shared.roster.past import records_at
from shared.roster.school_users import school_users

#: Fields that a search looks into, where a kind has them; of users see `begins_with`.
SEARCHED = ("name", "title", "identifier", "courseCode", "classCode")
#: Records that a value may name before its owner is asked for an id.
_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which records are listed.

    Attributes:
        kind: of the records.
        school: sourcedId, identifier or name of an org; None: of all.
        status: active or tobedeleted; None: both.
        search: of users, what `begins_with` finds: the beginning of a name, an address or an id;
            of other kinds, text that one of the `SEARCHED` fields has in it, whatever its case.
        as_of: the instant; None: now.
        after: the sourcedId that the page before ended with.
        limit: the most records.
    """

    kind: Kind
    school: str | None = None
    status: str | None = "active"
    search: str | None = None
    as_of: datetime | None = None
    after: str | None = None
    limit: int = 50


def kind_named(name: str) -> Kind:
    """Return a kind by its name, whatever its case.

    Raises:
        NotFoundError: there is none.
    """
    for kind in Kind:
        if kind.lower() == name.lower():
            return kind
    raise NotFoundError("KIND", f"there is no {name!r}", f"Give one of {', '.join(Kind)}.")


def list_records(database: Database, tenant_id: int, wanted: Wanted) -> list[dict[str, Any]]:
    """Return a page of records by sourcedId, each with its status and every field.

    Raises:
        ConfigurationError: there is no such school, or the kind's records belong to none.
    """
    fields = field_names(wanted.kind)
    with database.read() as connection:
        do_not_compile(connection)
        view = _View(database, connection, tenant_id, wanted.as_of)
        table = view.table(wanted.kind).c
        query = select(table.sourced_id, *(table[snake(name)] for name in ("status", *fields)))
        query = query.where(table.tenant_id == tenant_id)
        if wanted.status is not None:
            query = query.where(table.status == wanted.status)
        if wanted.after is not None:
            query = query.where(table.sourced_id > wanted.after)
        if wanted.search:
            query = query.where(_matches(wanted.kind, table, wanted.search))
        if wanted.school is not None:
            query = query.where(view.belongs(wanted, table, view.school(wanted.school)))
        place: ColumnElement[Any] = table.sourced_id
        if wanted.search or wanted.school:
            plan_for_the_words(connection)
        if wanted.search and wanted.kind is Kind.USERS:
            place = in_order(wanted.search, place)
        rows = connection.execute(query.order_by(place).limit(wanted.limit)).all()
    names = ("sourcedId", "status", *fields)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _matches(kind: Kind, table: Any, search: str) -> ColumnElement[bool]:
    if kind is Kind.USERS:
        return begins_with(search, table)
    return or_(
        *(
            table[snake(name)].icontains(search, autoescape=True)
            for name in SEARCHED
            if name in field_names(kind)
        ),
        table.sourced_id == search,
    )


def find_record(
    connection: Connection,
    tenant_id: int,
    record: str,
    kinds: tuple[Kind, ...],
    *,
    is_id: bool = False,
) -> tuple[Kind, str]:
    """Return kind and sourcedId of one record.

    Args:
        connection: a reading transaction.
        tenant_id: whose.
        record: its sourcedId, or `FIELD=VALUE`; an active record comes before removed ones.
        kinds: that it may be of.
        is_id: whether it can be a sourcedId alone.

    Raises:
        NotFoundError: there is none.
        ConfigurationError: there are several.
    """
    field, equals, value = (record, "", "") if is_id else record.partition("=")
    found: list[tuple[str, Kind, str]] = []
    for kind in kinds:
        hub = HUB[kind].c
        condition: ColumnElement[bool] = hub.sourced_id == record
        if equals and field in field_names(kind):
            condition = hub[snake(field)] == value
        rows = connection.execute(
            select(hub.status, hub.sourced_id)
            .where(hub.tenant_id == tenant_id, condition)
            .order_by(hub.status, hub.sourced_id)
            .limit(_NAMED)
        )
        found += [(row.status, kind, row.sourced_id) for row in rows]
    named = [one for one in found if one[0] == "active"] or found
    if not named:
        raise NotFoundError(
            "RECORD",
            f"there is no record {record!r} of {' or '.join(kinds)}",
            "Give a sourcedId, or FIELD=VALUE; list: bellringer roster list TENANT KIND",
        )
    if len(named) > 1:
        ids = ", ".join(f"{kind} {sourced_id}" for _, kind, sourced_id in named)
        raise ConfigurationError("RECORD", f"{record!r} names several: {ids}", "Give one's id.")
    return named[0][1], named[0][2]


@dataclass(frozen=True, slots=True)
class _View:
    """The tenant's records now, or at an instant."""

    database: Database
    connection: Connection
    tenant_id: int
    as_of: datetime | None

    def table(self, kind: Kind) -> FromClause:
        if self.as_of is None:
            return HUB[kind]
        return records_at(
            kind,
            self.tenant_id,
            self.as_of,
            field_names(kind),
            is_postgresql=self.database.is_postgresql,
        )

    def school(self, named: str) -> list[str]:
        """Return the ids of the orgs that are meant."""
        hub = HUB[Kind.ORGS].c
        found = self.connection.execute(
            select(hub.sourced_id).where(
                hub.tenant_id == self.tenant_id,
                or_(hub.sourced_id == named, hub.identifier == named, hub.name == named),
            )
        ).scalars()
        ids = list(found)
        if not ids:
            raise ConfigurationError(
                "--school", f"there is no org {named!r}", "Give its sourcedId, identifier or name."
            )
        return ids

    def belongs(self, wanted: Wanted, table: Any, orgs: list[str]) -> ColumnElement[bool]:
        """Return the condition: a record belongs to one of the orgs."""
        kind = wanted.kind
        if kind is Kind.ORGS:
            return or_(table.sourced_id.in_(orgs), table.parent_sourced_id.in_(orgs))
        if kind is Kind.USERS:
            if self.as_of is None and not wanted.search:
                page = school_users(
                    self.tenant_id,
                    orgs,
                    status=wanted.status,
                    after=wanted.after,
                    limit=wanted.limit,
                )
                return table.sourced_id.in_(page)  # type: ignore[no-any-return]
            return or_(table.primary_org_sourced_id.in_(orgs), self._has_role(table, orgs))
        if kind is Kind.DEMOGRAPHICS:
            users = self.table(Kind.USERS).c
            primary = select(users.sourced_id).where(
                users.tenant_id == self.tenant_id, users.primary_org_sourced_id.in_(orgs)
            )
            return or_(
                table.user_sourced_id.in_(primary),
                table.user_sourced_id.in_(self._with_role(orgs)),
            )
        for field in FIELDS[kind]:
            if field.ref is Kind.ORGS:
                return table[snake(field.name)].in_(orgs)  # type: ignore[no-any-return]
        raise ConfigurationError(
            "--school", f"{kind} belong to no school", "Leave it out, or list another kind."
        )

    def _has_role(self, users: Any, orgs: list[str]) -> ColumnElement[bool]:
        if self.as_of is not None:
            return users.sourced_id.in_(self._with_role(orgs))  # type: ignore[no-any-return]
        # asked of each user that a search has found, and not of every role of the tenant
        roles = HUB[Kind.ROLES].c
        return (
            select(roles.user_sourced_id)
            .where(
                roles.tenant_id == self.tenant_id,
                roles.user_sourced_id == users.sourced_id,
                roles.status == "active",
                roles.org_sourced_id.in_(orgs),
            )
            .exists()
        )

    def _with_role(self, orgs: list[str]) -> Any:
        roles = self.table(Kind.ROLES).c
        return select(roles.user_sourced_id).where(
            roles.tenant_id == self.tenant_id,
            roles.status == "active",
            roles.org_sourced_id.in_(orgs),
        )
