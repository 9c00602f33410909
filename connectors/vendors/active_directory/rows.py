"""Rows on their way to the hub: made of entries, with what is none of ours named as deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from connectors.transport.ldap import Entry
from connectors.vendors.active_directory import mapping
from connectors.vendors.active_directory.config import ActiveDirectoryConfig
from connectors.vendors.active_directory.scope import Scope
from connectors.vendors.active_directory.values import (
    BadValueError,
    first,
    guid_text,
    is_disabled,
    is_locked,
)
from shared.domain.reading import Batch, Refused, Row
from shared.domain.records import Kind


class Rows:
    """Makes the rows of one read; an entry that comes twice is taken once.

    Args:
        config: how entries are mapped.
        scope: who is one of ours, and as what.
        now: the instant (aware) by which accounts have ended.

    Attributes:
        counts: rows given, by kind.
        told: how many users were in a state that people want to know of.
        seen: the objectGUIDs of our users so far.
    """

    def __init__(self, config: ActiveDirectoryConfig, scope: Scope, now: datetime) -> None:
        self.counts: Counter[Kind] = Counter()
        self.told: Counter[str] = Counter()
        self.seen: set[bytes] = set()
        self._config = config
        self._scope = scope
        self._now = now
        self._fields = mapping.user_fields(config)
        self._rules = config.role_rules

    def schools(self) -> Iterator[Batch]:
        """Yield the schools that roles are at, where there are roles."""
        if self._rules:
            rows = mapping.org_rows(self._config)
            self.counts[Kind.ORGS] += len(rows)
            yield Batch(Kind.ORGS, mapping.ORG_FIELDS, rows)

    def everyone(self, entries: Iterable[Entry]) -> Iterator[Batch | Refused]:
        """Yield the rows of those entries that are users of ours."""
        users, roles, refused, _ = self._rows(entries)
        yield from refused
        yield from self._batches(users, roles)

    def changed(
        self, entries: Iterable[Entry], gone: Collection[bytes]
    ) -> Iterator[Batch | Refused]:
        """Yield the rows of entries that have changed; who is none of ours is named as deleted.

        Args:
            entries: as they are now.
            gone: the objectGUIDs of users who are not there any more.
        """
        users, roles, refused, left = self._rows(entries)
        yield from refused
        lost = [guid_text(guid) for guid in (*gone, *left)]
        kept = {row[0] for row in roles}
        people = [*lost, *(str(row[0]) for row in users), *(one.external_id for one in refused)]
        possible = [mapping.role_id(user, rule) for user in people for rule in self._rules]
        ended = tuple(dict.fromkeys(role for role in possible if role not in kept))
        self.told["deleted, or no longer in scope"] += len(lost)
        yield from self._batches(users, roles, tuple(lost), ended)

    def nobody(self) -> Iterator[Batch]:
        """Yield an empty batch of each kind of which there was no row."""
        if not self.counts[Kind.USERS]:
            yield Batch(Kind.USERS, self._fields, [])
        if self._rules and not self.counts[Kind.ROLES]:
            yield Batch(Kind.ROLES, mapping.ROLE_FIELDS, [])

    def _rows(
        self, entries: Iterable[Entry]
    ) -> tuple[list[Row], list[Row], list[Refused], list[bytes]]:
        """Return users, roles, who cannot be read, and who is none of ours."""
        users: list[Row] = []
        roles: list[Row] = []
        refused: list[Refused] = []
        left: list[bytes] = []
        for entry in entries:
            guid = first(entry.values, "objectGUID") or b""
            if guid in self.seen:
                continue
            try:
                if not self._scope.holds(entry.dn, entry.values):
                    left.append(guid)
                    continue
                self.seen.add(guid)
                rules = self._scope.roles_of(entry.dn, entry.values) if self._rules else None
                roles += mapping.role_rows(guid_text(guid), rules or ())
                users.append(mapping.user_row(entry.values, self._config.fields, rules, self._now))
            except BadValueError as error:
                self.seen.add(guid)
                refused.append(_refused(entry, error))
                continue
            self.told["disabled"] += is_disabled(entry.values)
            self.told["locked out, and kept enabled"] += is_locked(entry.values)
        return users, roles, refused, left

    def _batches(
        self,
        users: list[Row],
        roles: list[Row],
        lost: tuple[str, ...] = (),
        ended: tuple[str, ...] = (),
    ) -> Iterator[Batch]:
        self.counts[Kind.USERS] += len(users)
        if users or lost:
            yield Batch(Kind.USERS, self._fields, users, lost)
        if self._rules:
            self.counts[Kind.ROLES] += len(roles)
            if roles or ended:
                yield Batch(Kind.ROLES, mapping.ROLE_FIELDS, roles, ended)


def _refused(entry: Entry, error: BadValueError) -> Refused:
    # what names the account, and nothing more of it
    source: dict[str, str | None] = {}
    for name in ("sAMAccountName", error.field):
        found = first(entry.values, name)
        source[name] = None if found is None else found.decode(errors="replace")
    guid = first(entry.values, "objectGUID") or b""
    known = guid_text(guid) if len(guid) == 16 else entry.dn
    return Refused(Kind.USERS, known, error.field, error.reason, source)
