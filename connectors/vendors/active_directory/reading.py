"""The two reads: everyone, or whoever has changed. Both make rows of whole entries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from connectors.transport.ldap import Directory, Entry, guid_filter
from connectors.vendors.active_directory import mapping
from connectors.vendors.active_directory.changes import USERS, Changes, Delta
from connectors.vendors.active_directory.config import ActiveDirectoryConfig
from connectors.vendors.active_directory.cursor import Cursor
from connectors.vendors.active_directory.domain import Domain
from connectors.vendors.active_directory.rows import Rows
from connectors.vendors.active_directory.scope import Scope
from connectors.vendors.active_directory.values import first
from shared.domain.reading import Batch, ReadCertificate, Refused
from shared.domain.records import Kind
from shared.domain.states import Mode

#: Entries that are asked for by their ids in one search.
_IDS = 200

Read = Iterator[Batch | Refused | ReadCertificate]


@dataclass(frozen=True, slots=True)
class Reading:
    """One read of a domain.

    Attributes:
        config: who is read, and as what.
        directory: signed in.
        domain: as it was when the read began.
        scope: what the settings mean.
        rows: makes the rows.
    """

    config: ActiveDirectoryConfig
    directory: Directory
    domain: Domain
    scope: Scope
    rows: Rows

    def full(self, changes: Changes, cursor: Cursor, notes: dict[str, str]) -> Read:
        """Yield everyone, then the certificate.

        Args:
            changes: of the domain.
            cursor: where the next incremental read goes on, taken before anything is read.
            notes: what a person should know.
        """
        yield from self.rows.schools()
        for base in self.scope.units or (self.domain.context,):
            for page in self.directory.search(base, self._wanted, self._attributes):
                yield from self.rows.everyone(page)
        # whoever was moved, meanwhile, to where had been read already
        late = changes.users_since(cursor) - self.rows.seen
        for _, entries in self._entries(late):
            yield from self.rows.everyone(entries)
        yield from self.rows.nobody()
        kinds = {Kind.USERS, *((Kind.ORGS, Kind.ROLES) if self.config.role_rules else ())}
        yield self._certificate(Mode.FULL, frozenset(kinds), cursor, notes)

    def incremental(self, delta: Delta, cursor: Cursor) -> Read:
        """Yield whoever has changed, then the certificate.

        Args:
            delta: who has changed, or was deleted.
            cursor: after it.
        """
        yield from self.rows.schools()
        for guids, entries in self._entries(delta.users - delta.deleted):
            there = {first(entry.values, "objectGUID") for entry in entries}
            yield from self.rows.changed(entries, [guid for guid in guids if guid not in there])
        for guids in _portions(delta.deleted):
            yield from self.rows.changed((), guids)
        notes = {**delta.notes, "changed": f"{len(delta.users)}, deleted: {len(delta.deleted)}"}
        yield self._certificate(Mode.INCREMENTAL, frozenset(), cursor, notes)

    def sees_anyone(self) -> bool:
        """Return whether there is a user where it would look, ours or not."""
        for base in self.scope.units or (self.domain.context,):
            if any(self.directory.search(base, self._wanted, ("objectGUID",))):
                return True
        return False

    @property
    def _wanted(self) -> str:
        return f"(&{USERS}{self.config.user_filter})" if self.config.user_filter else USERS

    @property
    def _attributes(self) -> tuple[str, ...]:
        groups = bool(self.scope.circles.guids)
        return mapping.attributes_of(self.config, groups=groups)

    def _entries(self, guids: Iterable[bytes]) -> Iterator[tuple[list[bytes], list[Entry]]]:
        """Yield some ids, and the entries of those that are there and that the filter takes."""
        for some in _portions(guids):
            wanted = f"(&{self._wanted}{guid_filter(some)})"
            pages = self.directory.search(self.domain.context, wanted, self._attributes)
            yield some, [entry for page in pages for entry in page]

    def _certificate(
        self, mode: Mode, complete: frozenset[Kind], cursor: Cursor, notes: dict[str, str]
    ) -> ReadCertificate:
        told = {name: str(count) for name, count in self.rows.told.items() if count}
        ways = {"dirsync": "DirSync", "usn": "uSNChanged"}
        return ReadCertificate(
            mode=mode,
            complete=complete,
            counts=dict(self.rows.counts),
            cursor=cursor.text(),
            filter_fingerprint=self.config.filter_text,
            evidence={
                "server": self.domain.server,
                "pages": f"{self.directory.pages}, each search to its last",
                "changes by": ways[cursor.way],
                **told,
                **notes,
            },
        )


def _portions(guids: Iterable[bytes]) -> Iterator[list[bytes]]:
    ordered = sorted(guids)
    for start in range(0, len(ordered), _IDS):
        yield ordered[start : start + _IDS]
