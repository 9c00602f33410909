"""Active users that look like one person: listed for someone to judge, and told apart for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from shared.db.engine import Database
from shared.db.hub_tables import HUB, hubs
from shared.db.review_tables import duplicate_counts, judged_pairs
from shared.domain.records import Kind
from shared.errors import ConfigurationError
from shared.roster.history import do_not_compile

#: A value that more users share than this names no person.
SHARED_BY = 10
#: The most pairs that are listed; the pairs with the strongest reasons come first.
PAIRS = 1000

_ALIKE = {
    "identifier": "u.identifier",
    "userMasterIdentifier": "u.user_master_identifier",
    "email": "lower(u.email)",
}
_NAMED = (
    "lower(u.given_name) || ' ' || lower(u.family_name) || ' ' || d.birth_date",
    f" JOIN {HUB[Kind.DEMOGRAPHICS].name} AS d ON d.tenant_id = u.tenant_id"
    " AND d.user_sourced_id = u.sourced_id AND d.status = 'active'",
)


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What looks like one person.

    Attributes:
        pairs: first, second, their names, and what they share.
        shared: values that too many users share to name one of them: field, value and users.
        is_cut: whether there are more pairs than are listed.
    """

    pairs: list[dict[str, Any]]
    shared: list[dict[str, Any]]
    is_cut: bool


def list_duplicates(database: Database, tenant_id: int) -> Duplicates:
    """Return the pairs of a tenant's active users that share a value which should name one person.

    Pairs that a person has judged distinct are left out.
    """
    bound = {"tenant": tenant_id, "most": SHARED_BY, "pairs": PAIRS + 1}
    agg = "string_agg" if database.is_postgresql else "group_concat"
    likenesses = _likenesses()
    pairs = (
        f"WITH alike AS MATERIALIZED ({likenesses}),"
        " few AS MATERIALIZED (SELECT a.field, a.value, a.place, a.sourced_id FROM alike AS a"
        " WHERE a.users BETWEEN 2 AND :most),"
        " pairs AS MATERIALIZED (SELECT a.sourced_id AS first, b.sourced_id AS second,"
        f" min(a.place) AS place, {agg}(a.field, ',') AS fields FROM few AS a JOIN few AS b"
        " ON b.field = a.field AND b.value = a.value AND a.sourced_id < b.sourced_id"
        " GROUP BY a.sourced_id, b.sourced_id)"
        " SELECT p.first, p.second, p.fields FROM pairs AS p"
        " LEFT JOIN judged_pairs AS j ON j.tenant_id = :tenant AND j.kind = 'users'"
        " AND j.first = p.first AND j.second = p.second AND j.verdict = 'distinct'"
        " WHERE j.first IS NULL ORDER BY p.place, p.first, p.second LIMIT :pairs"
    )
    shared = (
        f"WITH alike AS MATERIALIZED ({likenesses})"
        " SELECT a.field, a.value, max(a.users) AS users FROM alike AS a WHERE a.users > :most"
        " GROUP BY a.field, a.value ORDER BY 3 DESC, 1, 2 LIMIT :pairs"
    )
    with database.read() as connection:
        version = hub_version(connection, tenant_id)
        if database.is_postgresql:
            connection.exec_driver_sql("SET LOCAL enable_nestloop = off")
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        do_not_compile(connection)
        found = connection.execute(text(pairs), bound).all()
        many = connection.execute(text(shared), {**bound, "pairs": 100}).all()
        people = _people(connection, tenant_id, {id_ for row in found for id_ in row[:2]})
    _keep(database, tenant_id, version, len(found))
    return Duplicates(
        pairs=[
            {
                "first": row.first,
                "second": row.second,
                "names": [people[row.first], people[row.second]],
                "same": sorted(row.fields.split(",")),
            }
            for row in found[:PAIRS]
        ],
        shared=[{"field": row.field, "value": row.value, "users": row.users} for row in many],
        is_cut=len(found) > PAIRS,
    )


def count_duplicates(database: Database, tenant_id: int) -> int:
    """Return how many pairs of a tenant look like one person, `PAIRS` + 1 at most. Commits.

    They are counted again only when the roster has changed, or somebody has judged a pair, since
    they were last counted or listed: to count them takes a look at each user. A page that may not
    wait shows what was counted last (`shared.db.open_work.count_open`).
    """
    kept = duplicate_counts.c
    with database.read() as connection:
        version = hub_version(connection, tenant_id)
        pairs: int | None = connection.execute(
            select(kept.pairs).where(kept.tenant_id == tenant_id, kept.hub_version == version)
        ).scalar_one_or_none()
    if pairs is not None:
        return pairs
    found = list_duplicates(database, tenant_id)
    return len(found.pairs) + found.is_cut


def hub_version(connection: Connection, tenant_id: int) -> int:
    """Return the version of a tenant's roster, which every change of it raises."""
    found: int | None = connection.execute(
        select(hubs.c.version).where(hubs.c.tenant_id == tenant_id)
    ).scalar_one_or_none()
    return found or 0


def _keep(database: Database, tenant_id: int, version: int, pairs: int) -> None:
    with database.write() as connection:
        upsert = postgresql.insert if database.is_postgresql else sqlite.insert
        made = {"hub_version": version, "pairs": pairs, "at": database.now(connection)}
        connection.execute(
            upsert(duplicate_counts)
            .values(tenant_id=tenant_id, **made)
            .on_conflict_do_update(index_elements=["tenant_id"], set_=made)
        )


def judge_distinct(
    database: Database, tenant_id: int, one: str, other: str, *, by: str | None
) -> None:
    """Remember that two users are two people. Commits; idempotent.

    Raises:
        ConfigurationError: they are not two active users of the tenant.
    """
    first, second = sorted((one, other))
    with database.write() as connection:
        check_pair(connection, tenant_id, first, second)
        remember(connection, tenant_id, first, second, "distinct", by, database.now(connection))


def check_pair(connection: Connection, tenant_id: int, one: str, other: str) -> None:
    """See that two ids are those of two active users.

    Raises:
        ConfigurationError: they are not.
    """
    if one == other:
        raise ConfigurationError("OTHER", "it is the same record twice", "Give two ids.")
    hub = HUB[Kind.USERS].c
    there = set(
        connection.execute(
            select(hub.sourced_id).where(
                hub.tenant_id == tenant_id,
                hub.sourced_id.in_([one, other]),
                hub.status == "active",
            )
        ).scalars()
    )
    for sourced_id in (one, other):
        if sourced_id not in there:
            raise ConfigurationError(
                "RECORD",
                f"there is no active user {sourced_id!r}",
                "List: bellringer duplicates list TENANT",
            )


def remember(
    connection: Connection,
    tenant_id: int,
    first: str,
    second: str,
    verdict: str,
    by: str | None,
    at: datetime,
) -> None:
    """Write down what a person has judged of two users; a later word replaces an earlier one."""
    upsert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    made: Mapping[str, Any] = {"verdict": verdict, "by": by, "at": at}
    connection.execute(
        upsert(judged_pairs)
        .values(tenant_id=tenant_id, kind=Kind.USERS, first=first, second=second, **made)
        .on_conflict_do_update(
            index_elements=["tenant_id", "kind", "first", "second"], set_=dict(made)
        )
    )
    # one fewer by now; the next one who asks counts them again
    kept = duplicate_counts.c
    connection.execute(
        update(duplicate_counts)
        .where(kept.tenant_id == tenant_id, kept.pairs > 0)
        .values(pairs=kept.pairs - 1, hub_version=-1)
    )


def _likenesses() -> str:
    """Return a query: field, value, how strong it is, whose it is, and how many users share it."""
    users = f"{HUB[Kind.USERS].name} AS u"
    active = "u.tenant_id = :tenant AND u.status = 'active'"
    found = [
        f"SELECT '{field}' AS field, {value} AS value, {place} AS place, u.sourced_id"
        f" FROM {users} WHERE {active} AND {value} IS NOT NULL"
        for place, (field, value) in enumerate(_ALIKE.items())
    ]
    value, join = _NAMED
    found.append(
        f"SELECT DISTINCT 'name and birth date', {value}, {len(_ALIKE)}, u.sourced_id"
        f" FROM {users}{join} WHERE {active} AND {value} IS NOT NULL"
    )
    return (
        "SELECT f.*, count(*) OVER (PARTITION BY f.field, f.value) AS users"
        f" FROM ({' UNION ALL '.join(found)}) AS f"
    )


def _people(connection: Connection, tenant_id: int, ids: set[str]) -> dict[str, str]:
    hub = HUB[Kind.USERS].c
    rows = connection.execute(
        select(hub.sourced_id, hub.given_name, hub.family_name, hub.username).where(
            hub.tenant_id == tenant_id, hub.sourced_id.in_(ids)
        )
    )
    return {row.sourced_id: f"{row.given_name} {row.family_name} ({row.username})" for row in rows}
