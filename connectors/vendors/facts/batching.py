"""Rows on their way to the hub: made of records, given in batches, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from connectors.vendors.facts import values
from connectors.vendors.facts.mapping import FIELDS
from connectors.vendors.facts.values import BadItemError, Item
from shared.domain.reading import Batch, Refused, Row
from shared.domain.records import Kind


class Batching:
    """Makes batches of one read.

    Args:
        with_agents: whether the read tells who stands for a student; else the hub leaves that be.

    Attributes:
        counts: rows given, by kind.
    """

    def __init__(self, *, with_agents: bool) -> None:
        self.counts: Counter[Kind] = Counter(dict.fromkeys(FIELDS, 0))
        self._with_agents = with_agents

    def rows(self, kind: Kind, rows: Iterable[Row]) -> Iterator[Batch]:
        """Yield rows, if there are any, as a batch."""
        if found := list(rows):
            yield self.batch(kind, found)

    def batch(self, kind: Kind, rows: list[Row]) -> Batch:
        """Return rows as a batch; a kind without records gets one too."""
        self.counts[kind] += len(rows)
        fields = FIELDS[kind]
        if kind is Kind.USERS and not self._with_agents:
            # the last one
            return Batch(kind, fields[:-1], [row[:-1] for row in rows])
        return Batch(kind, fields, rows)

    def make(
        self, kind: Kind, items: Sequence[Item], make: Callable[[Item], Row], key: str
    ) -> Iterator[Batch | Refused]:
        """Make rows of records; what cannot be made into one is refused by itself.

        Args:
            kind: of the rows.
            items: the records.
            make: gives the row of one.
            key: the value that names a record.
        """
        rows = []
        for item in items:
            try:
                rows.append(make(item))
            except BadItemError as error:
                yield refused(kind, item, key, error)
        yield from self.rows(kind, rows)


def refused(kind: Kind, item: Item, key: str, error: BadItemError) -> Refused:
    """Return the refusal of a record, under the id that its row would have had."""
    own = values.text(item, key)
    names = {
        Kind.ORGS: "school:",
        Kind.COURSES: "course:",
        Kind.CLASSES: "class:",
        Kind.USERS: "person:",
        Kind.ROLES: "role:person:",
        Kind.DEMOGRAPHICS: "person:",
    }
    external_id = f"{names.get(kind, '')}{own}" if own else "without an id"
    # what names the record, and nothing more of it
    source = {name: values.text(item, name) for name in (key, error.field)}
    return Refused(kind, external_id, error.field, error.reason, source)
