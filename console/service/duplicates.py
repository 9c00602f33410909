"""Operations on duplicates: users that look like one person, for a person to judge."""

from __future__ import annotations

from dataclasses import asdict

from console.service.means import Means
from console.service.operation import operation
from console.service.wish import Wish
from shared.db.review_views import names_of
from shared.db.tenants import find_tenant
from shared.db.views import Shown
from shared.domain.records import Kind
from shared.domain.roles import Permission
from shared.roster import duplicates
from shared.roster.browsing import find_record
from shared.roster.duplicate_merge import merge_users
from shared.roster.provenance import show_record


class Merge(Wish):
    """Two users that are one person, by their sourcedIds: who stays, and who goes."""

    keep: str
    other: str
    by: str | None = None


class Distinct(Wish):
    """Two users that are two people, by their sourcedIds."""

    one: str
    other: str
    by: str | None = None


@operation("GET", "/tenants/{tenant}/duplicates", needs=Permission.VIEW, is_audited=True)
def list_duplicates(means: Means, tenant: str) -> Shown:
    """List pairs of active users who share an id, an address, or a name and birth date.

    It takes a look at each user of the tenant.
    """
    return asdict(duplicates.list_duplicates(means.database, _tenant_id(means, tenant)))


@operation("GET", "/tenants/{tenant}/duplicates/pair", needs=Permission.VIEW, is_audited=True)
def compare_users(means: Means, tenant: str, one: str, other: str) -> Shown:
    """Show two users side by side: each field with both values, and the links of each."""
    with means.database.read() as connection:
        tenant_id = find_tenant(connection, tenant).id
        ids = [find_record(connection, tenant_id, id_, (Kind.USERS,))[1] for id_ in (one, other)]
        duplicates.check_pair(connection, tenant_id, *ids)
        shown = [show_record(connection, tenant_id, Kind.USERS, id_, None) for id_ in ids]
        called = names_of(connection, tenant_id, Kind.USERS, ids)
    values = [{field["field"]: field for field in record["fields"]} for record in shown]
    names = list(dict.fromkeys(name for own in values for name in own))
    return {
        "ids": ids,
        "names": [called[id_] for id_ in ids],
        "fields": [
            {
                "field": name,
                "values": [own.get(name, {}).get("value") for own in values],
                "apps": [own.get(name, {}).get("app") for own in values],
            }
            for name in names
        ],
        "links": [record["links"] for record in shown],
    }


@operation("POST", "/tenants/{tenant}/duplicates/merge", needs=Permission.REVIEW)
def merge_duplicates(means: Means, tenant: str, wish: Merge) -> Shown:
    """Make one record of two users; both apps keep their links. It cannot be undone."""
    merged = merge_users(
        means.database, _tenant_id(means, tenant), wish.keep, wish.other, by=means.signed(wish.by)
    )
    return asdict(merged)


@operation("POST", "/tenants/{tenant}/duplicates/distinct", needs=Permission.REVIEW)
def tell_apart(means: Means, tenant: str, wish: Distinct) -> Shown:
    """Say that two users are two people; the pair is listed no more."""
    by = means.signed(wish.by)
    duplicates.judge_distinct(
        means.database, _tenant_id(means, tenant), wish.one, wish.other, by=by
    )
    first, second = sorted((wish.one, wish.other))
    return {"first": first, "second": second, "verdict": "distinct"}


def _tenant_id(means: Means, tenant: str) -> int:
    with means.database.read() as connection:
        return int(find_tenant(connection, tenant).id)
