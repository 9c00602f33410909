"""Operations on the roster: the records of a tenant's hub, now or as they were.

Whoever looks at people is written down; what they searched for is not, since it names people, too.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from annotated_types import Ge, Le
from sqlalchemy import select

from console.service.means import Means
from console.service.operation import operation
from shared.db.hub_tables import HUB
from shared.db.review_views import names_of
from shared.db.tenants import find_tenant
from shared.db.views import Shown
from shared.domain.records import Kind, field_names
from shared.domain.roles import Permission
from shared.errors import ConfigurationError
from shared.roster import disclosures
from shared.roster.browsing import Wanted, find_record, kind_named, list_records
from shared.roster.history import parse_as_of
from shared.roster.provenance import show_record
from shared.roster.related import related_records
from shared.roster.why_value import why_value

Status = Literal["active", "tobedeleted", "all"]
_Limit = Annotated[int, Ge(1), Le(10_000)]


@operation("GET", "/tenants/{tenant}/roster/{kind}", needs=Permission.VIEW, is_audited=True)
def list_roster(
    means: Means,
    tenant: str,
    kind: str,
    school: str | None = None,
    status: Status = "active",
    search: str | None = None,
    as_of: str | None = None,
    after: str | None = None,
    limit: _Limit = 50,
) -> Shown:
    """List records of a kind by sourcedId, a page at a time, now or as they were.

    Of users a search finds the beginning of a name, an address or an id. `next` is the `after` of
    the next page.
    """
    wanted_kind = kind_named(kind)
    tenant_id, then = _at(means, tenant, as_of)
    wanted = Wanted(
        kind=wanted_kind,
        school=school or None,
        status=None if status == "all" else status,
        search=search or None,
        as_of=then,
        after=after,
        limit=limit + 1,
    )
    rows = list_records(means.database, tenant_id, wanted)
    page, has_more = rows[:limit], len(rows) > limit
    return {"records": page, "next": page[-1]["sourcedId"] if has_more else None}


@operation("GET", "/tenants/{tenant}/find-record", needs=Permission.VIEW, is_audited=True)
def find_roster_record(
    means: Means, tenant: str, record: str, kind: str | None = None, field: str | None = None
) -> Shown:
    """Tell kind and sourcedId of a record by its sourcedId, or by `FIELD=VALUE`.

    Without a kind, it is looked for among those that have the field.
    """
    if kind:
        kinds: tuple[Kind, ...] = (kind_named(kind),)
    else:
        kinds = _kinds_with(field) if field else tuple(Kind)
    tenant_id, _ = _at(means, tenant, None)
    with means.database.read() as connection:
        found, sourced_id = find_record(connection, tenant_id, record, kinds)
    return {"kind": found, "sourcedId": sourced_id}


@operation(
    "GET", "/tenants/{tenant}/roster/{kind}/{record}", needs=Permission.VIEW, is_audited=True
)
def show_roster_record(
    means: Means,
    tenant: str,
    kind: str,
    record: str,
    as_of: str | None = None,
    is_whole: bool = False,
) -> Shown:
    """Show a record by its sourcedId: each field with its app and job, its links, its history.

    The whole also has what it names and what names it now, by groups, and to whom exports have told
    of it, if it is a user.
    """
    wanted = kind_named(kind)
    tenant_id, then = _at(means, tenant, as_of)
    with means.database.read() as connection:
        find_record(connection, tenant_id, record, (wanted,), is_id=True)
        shown = show_record(connection, tenant_id, wanted, record, then)
        if not is_whole:
            return shown
        is_user = wanted is Kind.USERS
        return {
            **shown,
            "name": names_of(connection, tenant_id, wanted, [record]).get(record),
            "related": related_records(connection, tenant_id, wanted, record),
            "disclosures": disclosures.disclosures_of(connection, tenant_id, record)
            if is_user
            else [],
        }


@operation(
    "GET", "/tenants/{tenant}/roster/{kind}/{record}/why", needs=Permission.VIEW, is_audited=True
)
def explain_value(means: Means, tenant: str, kind: str, record: str, field: str) -> Shown:
    """Say why a field holds its value: source row, rule, job, and the exports that carried it."""
    wanted = kind_named(kind)
    tenant_id, _ = _at(means, tenant, None)
    with means.database.read() as connection:
        find_record(connection, tenant_id, record, (wanted,), is_id=True)
        return why_value(connection, tenant_id, wanted, record, field)


@operation("GET", "/tenants/{tenant}/orgs", needs=Permission.VIEW)
def list_orgs(means: Means, tenant: str) -> list[Shown]:
    """List a tenant's schools, and its other organisations, by name: the first 1000."""
    with means.database.read() as connection:
        orgs = HUB[Kind.ORGS].c
        rows = connection.execute(
            select(orgs.sourced_id, orgs.name, orgs.type)
            .where(orgs.tenant_id == find_tenant(connection, tenant).id, orgs.status == "active")
            .order_by(orgs.name, orgs.sourced_id)
            .limit(1000)
        )
        return [{"sourcedId": row.sourced_id, "name": row.name, "type": row.type} for row in rows]


@operation("GET", "/tenants/{tenant}/disclosures", needs=Permission.VIEW, is_audited=True)
def list_disclosures(means: Means, tenant: str, record: str) -> list[Shown]:
    """List which apps were told what of a person, under which masks, since and until when.

    `record` is a user's sourcedId, identifier or username, or `FIELD=VALUE`.
    """
    tenant_id, _ = _at(means, tenant, None)
    with means.database.read() as connection:
        if "=" in record:
            _, record = find_record(connection, tenant_id, record, (Kind.USERS,))
        return disclosures.disclosures_of(connection, tenant_id, record)


def _at(means: Means, tenant: str, as_of: str | None) -> tuple[int, datetime | None]:
    """Return a tenant's id, and the instant that is meant in its zone."""
    with means.database.read() as connection:
        row = find_tenant(connection, tenant)
    return row.id, parse_as_of(as_of, row.zone) if as_of else None


def _kinds_with(field: str) -> tuple[Kind, ...]:
    kinds = tuple(kind for kind in Kind if field == "status" or field in field_names(kind))
    if not kinds:
        raise ConfigurationError(
            "FIELD", f"no kind has {field!r}", "Give OneRoster's name, such as email."
        )
    return kinds
