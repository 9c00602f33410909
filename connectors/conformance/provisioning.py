"""A vendor that is fed record by record: filled from a hub in memory, as a 2-way job would."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from connectors.conformance.hub import MemoryHub
from connectors.conformance.rows import BrokenError
from connectors.sdk import Provisioner
from shared.domain.provisioning import Answer, EndedRecord, NewRecord, Result, Step
from shared.domain.records import FIELDS, Kind
from shared.domain.user_roles import ROLE_READS, roles_beside
from shared.errors import ConnectorError

Item = TypeVar("Item")
#: People are known to both sides by it.
_KNOWN_BY = "email"


class MemoryLinks:
    """Which of the vendor's records stand for which of a hub's. A `Linked`.

    Args:
        hub: whose records they are.
    """

    def __init__(self, hub: MemoryHub) -> None:
        self.hub = hub
        self._external: dict[tuple[Kind, str], str] = {}
        self._sourced: dict[tuple[Kind, str], str] = {}

    def add(self, kind: Kind, sourced_id: str, external_id: str) -> None:
        """Link two records."""
        self._external[kind, sourced_id] = external_id
        self._sourced[kind, external_id] = sourced_id

    def know(self, people: Mapping[str, Mapping[str, str | None]]) -> None:
        """Link the people that the vendor has already, by their e-mail address.

        Args:
            people: by external id, the vendor's users.
        """
        there = {of.get(_KNOWN_BY): key for key, of in people.items() if of.get(_KNOWN_BY)}
        for sourced_id, email in self.hub.rows(Kind.USERS, (_KNOWN_BY,)):
            if sourced_id and email in there:
                self.add(Kind.USERS, sourced_id, there[email])

    def has(self, kind: Kind, sourced_id: str) -> bool:
        """Return whether a record of the hub is linked."""
        return (kind, sourced_id) in self._external

    def sourced_ids(self, kind: Kind, external_ids: Collection[str]) -> Mapping[str, str]:
        """Return the hub's ids of those that are known, by external id."""
        return {
            key: self._sourced[kind, key] for key in external_ids if (kind, key) in self._sourced
        }

    def external_ids(self, kind: Kind, sourced_ids: Collection[str]) -> Mapping[str, str]:
        """Return the vendor's ids of those that it has, by sourcedId."""
        return {key: self._external[kind, key] for key in sourced_ids if self.has(kind, key)}

    def members(self, class_id: str, role: str) -> list[str]:
        """Return external ids of a class's members in a role, the primary ones first."""
        fields = ("classSourcedId", "role", "primary", "userSourcedId")
        found = [
            (primary != "true", str(user))
            for _, of, as_, primary, user in self.hub.rows(Kind.ENROLLMENTS, fields)
            if of == class_id and as_ == role
        ]
        known = self.external_ids(Kind.USERS, [user for _, user in found])
        return [known[user] for _, user in sorted(found) if user in known]


def provision(provisioner: Provisioner, links: MemoryLinks) -> dict[Kind, list[NewRecord]]:
    """Make at the vendor whatever the hub has and it lacks; returns what was asked for, by kind.

    Raises:
        BrokenError: a good record was not made, or not answered in its place.
    """
    asked: dict[Kind, list[NewRecord]] = {}
    for step in provisioner.steps:
        for record in new_records(provisioner, step, links):
            asked.setdefault(step.kind, []).append(record)
        made = [one for one in asked.get(step.kind, []) if not links.has(step.kind, one.sourced_id)]
        for record, result in zip(made, create(provisioner, step.kind, made, links), strict=True):
            if result.answer is not Answer.DONE or not result.external_id:
                told = f"{result.answer} {result.reason or 'without an id'}"
                raise BrokenError(f"{step.kind} {record.sourced_id} is not made: {told}")
            links.add(step.kind, record.sourced_id, result.external_id)
    return asked


def new_records(provisioner: Provisioner, step: Step, links: MemoryLinks) -> Iterator[NewRecord]:
    """Yield the records of a step that the vendor lacks, with its own ids as references."""
    fields = provisioner.reads[step.kind]
    references = {
        field.name: field.ref
        for field in FIELDS[step.kind]
        if field.ref is not None and not field.many and field.name in fields
    }
    roles = None
    if step.kind is Kind.USERS and Kind.ROLES in provisioner.reads:
        roles = roles_beside(links.hub.rows(Kind.ROLES, ROLE_READS, ROLE_READS[:1]))
    for row in links.hub.rows(step.kind, fields):
        sourced_id, values = str(row[0]), dict(zip(fields, row[1:], strict=True))
        if roles is not None:
            values["roles"] = roles(sourced_id)
        if links.has(step.kind, sourced_id) or not step.holds(values):
            continue
        if provisioner.left_out(step.kind, values) is not None:
            continue
        named = {name: values[name] for name in references if values[name] is not None}
        known = {
            name: links.external_ids(references[name], [key or ""]).get(key or "")
            for name, key in named.items()
        }
        if None not in known.values():
            yield NewRecord(sourced_id, {**values, **known})


def create(
    provisioner: Provisioner, kind: Kind, records: Sequence[NewRecord], links: MemoryLinks
) -> list[Result]:
    """Make records, batch by batch; each has its result, in its place."""
    results: list[Result] = []
    for batch in _batches(records, provisioner.batch_size):
        try:
            results += provisioner.create(kind, batch, links)
        except ConnectorError as error:
            raise BrokenError(f"{len(batch)} {kind} were not taken: {error}") from error
    _see_order([one.sourced_id for one in records], results)
    return results


def end(
    provisioner: Provisioner, kind: Kind, records: Sequence[EndedRecord], links: MemoryLinks
) -> list[Result]:
    """End records, batch by batch; each has its result, in its place."""
    results: list[Result] = []
    for batch in _batches(records, provisioner.batch_size):
        try:
            results += provisioner.end(kind, batch, links)
        except ConnectorError as error:
            raise BrokenError(f"{len(batch)} {kind} were not ended: {error}") from error
    _see_order([one.sourced_id for one in records], results)
    return results


def stranger(record: NewRecord, kind: Kind) -> NewRecord | None:
    """Return a record like another one that names something which is not there; None: it cannot."""
    for field in FIELDS[kind]:
        value = record.values.get(field.name)
        if field.ref is Kind.USERS and not field.many and value:
            values = {**record.values, field.name: "9" * len(value)}
            return replace(record, sourced_id=f"{record.sourced_id}-stranger", values=values)
    return None


def _see_order(asked: Sequence[str], results: Sequence[Result]) -> None:
    if [one.sourced_id for one in results] != list(asked):
        raise BrokenError(f"{len(asked)} records have {len(results)} results, or in another order")


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), max(1, size)):
        yield items[start : start + max(1, size)]
