"""Two users that are one person after all become one record, and both of its apps keep their links.

Everything is one transaction under the hub lock, a row each in the change log. It is one person's
records, so they pass through Python. A merge is not undone by a job's undo: what the two were is
in the change log, and a person would have to say again whose enrollment is whose.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from shared.db.engine import Database
from shared.db.hub_tables import HUB, LINKS, change_log, hubs, snake
from shared.db.review_tables import conflicts
from shared.domain.records import FIELDS, Kind, decode_list, encode_list, field_names
from shared.roster.duplicates import check_pair, remember
from shared.roster.identity import KEYS
from shared.roster.locking import hub_lock
from shared.roster.provenance import links_of
from shared.roster.rules import FieldRule, parse_app_rules

#: Sets of which a person has all that either record has.
_UNITED = frozenset({"userIds", "agentSourcedIds"})


@dataclass(slots=True)
class Merged:
    """What a merge did.

    Attributes:
        keep: the record that stays.
        other: the one that went.
        fields: of the record that stays, which it took from the other.
        links: how many links of users point to the record that stays now.
        moved: by kind, how many records name it now instead of the other.
        folded: by kind, how many of the other's records it had already; they went.
    """

    keep: str
    other: str
    fields: list[str] = field(default_factory=list)
    links: int = 0
    moved: dict[str, int] = field(default_factory=dict)
    folded: dict[str, int] = field(default_factory=dict)


def merge_users(
    database: Database, tenant_id: int, keep: str, other: str, *, by: str | None
) -> Merged:
    """Make one record of two users. Commits.

    Args:
        database: of the hub.
        tenant_id: whose.
        keep: the sourcedId that stays.
        other: the one that becomes `tobedeleted`.
        by: who has judged it.

    Raises:
        ConfigurationError: they are not two active users of the tenant.
    """
    with database.write() as connection:
        hub_lock(connection, tenant_id)
        check_pair(connection, tenant_id, keep, other)
        at = database.now(connection)
        actor = f"merge of {other} into {keep} by {by or 'somebody'}"
        merge = _Merge(connection, tenant_id, actor, at, Merged(keep, other))
        merge.references()
        merge.agents()
        merge.done.fields = merge.fold(Kind.USERS, keep, other)
        merge.done.links = len(links_of(connection, Kind.USERS, keep))
        connection.execute(
            update(conflicts)
            .where(
                conflicts.c.tenant_id == tenant_id,
                conflicts.c.kind == Kind.USERS,
                conflicts.c.sourced_id == other,
            )
            .values(sourced_id=keep)
        )
        remember(connection, tenant_id, keep, other, "merged", by, at)
        connection.execute(
            update(hubs).where(hubs.c.tenant_id == tenant_id).values(version=hubs.c.version + 1)
        )
    return merge.done


@dataclass(frozen=True, slots=True)
class _Merge:
    """One merge under way."""

    connection: Connection
    tenant_id: int
    actor: str
    at: datetime
    done: Merged

    def references(self) -> None:
        """Let what names the other user name the one that stays."""
        for kind in Kind:
            if "userSourcedId" not in field_names(kind):
                continue
            hub = HUB[kind].c
            mine, theirs = (
                self.connection.execute(
                    select(HUB[kind])
                    .where(hub.tenant_id == self.tenant_id, hub.user_sourced_id == user)
                    .order_by(hub.status, hub.sourced_id)
                ).all()
                for user in (self.done.keep, self.done.other)
            )
            twins = {_key(kind, row): row.sourced_id for row in reversed(mine) if _is_active(row)}
            for row in theirs:
                twin = twins.get(_key(kind, row)) if _is_active(row) else None
                self.change(kind, row, {"userSourcedId": self.done.keep})
                self._rebase(kind, row.sourced_id, "userSourcedId", self.done.keep)
                if twin is not None:
                    self.fold(kind, twin, row.sourced_id)
                    self.done.folded[kind] = self.done.folded.get(kind, 0) + 1
                else:
                    self.done.moved[kind] = self.done.moved.get(kind, 0) + 1

    def agents(self) -> None:
        """Let users whose guardian the other is have the one that stays."""
        hub, link = HUB[Kind.USERS].c, LINKS[Kind.USERS].c
        rows = self.connection.execute(
            select(HUB[Kind.USERS]).where(
                hub.tenant_id == self.tenant_id,
                hub.agent_sourced_ids.contains(f'"{self.done.other}"', autoescape=True),
            )
        ).all()
        for row in rows:
            self.change(
                Kind.USERS, row, {"agentSourcedIds": self._renamed(row.agent_sourced_ids, row)}
            )
            bases = self.connection.execute(
                select(link.app_id, link.external_id, link.agent_sourced_ids).where(
                    link.sourced_id == row.sourced_id, link.agent_sourced_ids.is_not(None)
                )
            ).all()
            for base in bases:
                self.connection.execute(
                    update(LINKS[Kind.USERS])
                    .where(link.app_id == base.app_id, link.external_id == base.external_id)
                    .values(agent_sourced_ids=self._renamed(base.agent_sourced_ids, row))
                )
            self.done.moved[Kind.USERS] = self.done.moved.get(Kind.USERS, 0) + 1

    def fold(self, kind: Kind, keep: str, other: str) -> list[str]:
        """Let one record stand for two; returns the fields that it takes from the other.

        Where both hold a value, the owner's stays, as in any merge of two apps.
        """
        mine, theirs = self._row(kind, keep), self._row(kind, other)
        values = self._united(kind, mine, theirs)
        self.change(kind, mine, values)
        self.connection.execute(
            update(LINKS[kind]).where(LINKS[kind].c.sourced_id == other).values(sourced_id=keep)
        )
        self.change(kind, theirs, {"status": "tobedeleted"}, op="remove")
        return sorted(values)

    def change(
        self, kind: Kind, row: Row[Any], values: Mapping[str, str | None], *, op: str = "update"
    ) -> None:
        """Write values to a record, and to the change log."""
        before = {name: getattr(row, snake(name)) for name in values}
        if before == dict(values):
            return
        self.connection.execute(
            insert(change_log).values(
                actor=self.actor,
                tenant_id=self.tenant_id,
                kind=kind,
                sourced_id=row.sourced_id,
                op=op,
                before=json.dumps(before, ensure_ascii=False),
                after=json.dumps(dict(values), ensure_ascii=False),
                at=self.at,
            )
        )
        self.connection.execute(
            update(HUB[kind])
            .where(self._is(kind, row.sourced_id))
            .values(
                {snake(name): value for name, value in values.items()}
                | {"date_last_modified": self.at}
            )
        )

    def _united(self, kind: Kind, mine: Row[Any], theirs: Row[Any]) -> dict[str, str | None]:
        own, others = (links_of(self.connection, kind, row.sourced_id) for row in (mine, theirs))
        taken: dict[str, str | None] = {}
        for one in FIELDS[kind]:
            column = snake(one.name)
            held, found = getattr(mine, column), getattr(theirs, column)
            if found is None or found == held:
                continue
            if one.name in _UNITED:
                gone = {mine.sourced_id, theirs.sourced_id}
                taken[one.name] = encode_list({*decode_list(held), *decode_list(found)} - gone)
            elif held is None or _is_better(f"{kind}.{one.name}", column, own, others):
                taken[one.name] = found
        return {name: value for name, value in taken.items() if value != getattr(mine, snake(name))}

    def _rebase(self, kind: Kind, sourced_id: str, name: str, value: str) -> None:
        """Let the bases of a record's links hold what the hub calls the same user now."""
        link = LINKS[kind]
        self.connection.execute(
            update(link)
            .where(link.c.sourced_id == sourced_id, link.c[snake(name)] == self.done.other)
            .values({snake(name): value})
        )

    def _renamed(self, value: str, row: Row[Any]) -> str | None:
        ids = {self.done.keep if id_ == self.done.other else id_ for id_ in decode_list(value)}
        return encode_list(ids - {row.sourced_id})

    def _row(self, kind: Kind, sourced_id: str) -> Row[Any]:
        return self.connection.execute(select(HUB[kind]).where(self._is(kind, sourced_id))).one()

    def _is(self, kind: Kind, sourced_id: str) -> ColumnElement[bool]:
        hub = HUB[kind].c
        return (hub.tenant_id == self.tenant_id) & (hub.sourced_id == sourced_id)


def _is_active(row: Row[Any]) -> bool:
    return bool(row.status == "active")


def _key(kind: Kind, row: Row[Any]) -> tuple[Any, ...]:
    """Return what names a record besides its user."""
    return tuple(getattr(row, snake(name)) for name in KEYS[kind] if name != "userSourcedId")


def _is_better(told: str, column: str, own: Sequence[Row[Any]], others: Sequence[Row[Any]]) -> bool:
    """Return whether the field's owner is an app that only the other record was linked to."""
    supplying = []
    for is_other, links in ((False, own), (True, others)):
        for link in links:
            rule = parse_app_rules(link.rules).fields.get(told)
            is_there = link.ended_at is None and link.app_removed_at is None
            if is_there and getattr(link, column) is not None and rule not in {
                FieldRule.FILL, FieldRule.IGNORE
            }:  # fmt: skip
                supplying.append((rule is not FieldRule.OWNER, link.position, is_other))
    return bool(supplying) and min(supplying)[2]
