"""What a 2-way app that is kept in step record by record is asked to make and to end.

Its vendor is fed from the hub as an export's is, and read as a source's: what the hub holds and the
vendor lacks is made there, what the hub no longer holds is ended there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from shared.domain.records import Kind


@dataclass(frozen=True, slots=True)
class Step:
    """Some records of one kind that are made together, after those of the steps before.

    Attributes:
        kind: of the records.
        field: by whose value they are chosen; None: all of the kind are.
        values: one of which it must have.
    """

    kind: Kind
    field: str | None = None
    values: frozenset[str] = frozenset()

    def holds(self, record: Mapping[str, str | None]) -> bool:
        """Return whether a record belongs to the step.

        >>> Step(Kind.ENROLLMENTS, "role", frozenset({"teacher"})).holds({"role": "student"})
        False
        """
        return self.field is None or record.get(self.field) in self.values


class Action(StrEnum):
    """What is to be done at the vendor."""

    CREATE = "create"
    END = "end"


class Answer(StrEnum):
    """What became of one record at the vendor."""

    #: It is there, or gone, as was asked; whether by this request or before it.
    DONE = "confirmed"
    #: The vendor will not have it so, and says why. It is asked again by the next run, since what
    #: stands against it (a full course, a suspended owner) is not in the record.
    REJECTED = "rejected"
    #: Not now: something that it hangs on is not there yet.
    LATER = "later"


@dataclass(frozen=True, slots=True)
class NewRecord:
    """One record to make.

    Attributes:
        sourced_id: of the hub; it names the record at the vendor where that takes a name.
        values: by field; a reference is the external id of the record that it names.
        former: the external id that it had before it was ended; None: it never had one.
    """

    sourced_id: str
    values: Mapping[str, str | None]
    former: str | None = None


@dataclass(frozen=True, slots=True)
class EndedRecord:
    """One record to end: removed, archived or suspended, as the vendor has it."""

    sourced_id: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Result:
    """The vendor's answer for one record.

    Attributes:
        sourced_id: of the record.
        answer: what became of it.
        external_id: under which the vendor has it; of a record that was made.
        held: the plain fields as the vendor holds them now, where it tells.
        reason: why it was not done, in words for a person.
    """

    sourced_id: str
    answer: Answer
    external_id: str | None = None
    held: Mapping[str, str | None] = field(default_factory=dict)
    reason: str | None = None


class Linked(Protocol):
    """Which of an app's records stand for which of the hub's, those made by this job among them."""

    def sourced_ids(self, kind: Kind, external_ids: Collection[str]) -> Mapping[str, str]:
        """Return the hub's ids of those that are known, by external id."""
        ...

    def external_ids(self, kind: Kind, sourced_ids: Collection[str]) -> Mapping[str, str]:
        """Return the app's ids of those that it has, by sourcedId."""
        ...

    def members(self, class_id: str, role: str) -> list[str]:
        """Return external ids of a class's active members in a role, the primary ones first.

        Args:
            class_id: a sourcedId.
            role: of the enrollment.
        """
        ...
