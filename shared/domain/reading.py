"""What a read yields: batches of records and, at its end, a certificate of what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shared.domain.records import Kind
from shared.domain.states import Mode

Row = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a connector can do.

    Attributes:
        modes: the modes it can read in; an export has `FULL` alone.
        reads: the kinds that it brings into the hub.
        writes: by kind, the fields that it can write back to the vendor.
    """

    modes: frozenset[Mode]
    reads: frozenset[Kind] = frozenset()
    writes: Mapping[Kind, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records of one kind, as rows.

    Attributes:
        kind: what they are.
        fields: the OneRoster names of the columns that follow the external id; a field that is not
            named here is not supplied by this app, and the hub leaves it alone.
        rows: each `(external id, value of fields[0], …)`, an absent value None or ""; references
            are external ids of this app.
        deleted: external ids that the vendor itself names as deleted.
        fingerprints: of the rows, as `KnownRows.changed` gave them; None: it was not asked, and
            they are made of the values.
    """

    kind: Kind
    fields: tuple[str, ...]
    rows: list[Row]
    deleted: tuple[str, ...] = ()
    fingerprints: Sequence[str] | None = None


class KnownRows(Protocol):
    """Knows source rows of one kind again that have not changed since they were last taken in."""

    def changed(self, sources: Sequence[bytes]) -> tuple[list[int], list[str]]:
        """Say which source rows must be read; all others count as read, and as unchanged.

        Args:
            sources: the rows as the vendor gave them, each with its id; each row is handed in once.

        Returns:
            The places of those rows, rising, and the fingerprint of each.
        """
        ...


class Known(Protocol):
    """Gives what is known of each kind: a source that has rows as bytes need not read all."""

    def rows_of(self, kind: Kind, fields: tuple[str, ...], form: bytes) -> KnownRows | None:
        """Return what knows the rows of a kind, once a kind and read; None: all must be read.

        Args:
            kind: which.
            fields: that the source supplies of it.
            form: what gives the bytes their meaning, such as a file's header: when it changes, so
                has every row.
        """
        ...


@dataclass(frozen=True, slots=True)
class Refused:
    """Records that the connector could not turn into rows; they go to quarantine.

    Attributes:
        kind: what they would have been.
        external_id: the id at the vendor, or where it stands (`users.csv:17`).
        field: the field that is wrong.
        reason: one sentence.
        source: the source row as it was read.
    """

    kind: Kind
    external_id: str
    field: str
    reason: str
    source: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class ReadCertificate:
    """The last thing a read yields: proof that it came to its end.

    A source makes one only after it has followed every page and compared the counts that the
    vendor gives. A read that ends without one fails its job and changes nothing.

    Attributes:
        mode: the mode that was read in.
        complete: the kinds of which every record was read; only these can lose records. Empty in
            an incremental read.
        counts: records read, by kind.
        cursor: where the next incremental read starts, None where the connector has none.
        filter_fingerprint: changes when what is asked for changes (filters, schools, year).
        evidence: what was compared, for people: pages, totals, headers, input hash.
        joins: the kinds of which the hub takes only what stands for an active record of its own.
            Where there are any, the vendor is fed from the hub, and the app's filter says what it
            is sent, not what is read.
        defaults: by kind and field, what a new record gets in fields that the app does not supply;
            references are external ids of this app.
    """

    mode: Mode
    complete: frozenset[Kind]
    counts: Mapping[Kind, int]
    cursor: str | None = None
    filter_fingerprint: str = ""
    evidence: Mapping[str, str] = field(default_factory=dict)
    joins: frozenset[Kind] = frozenset()
    defaults: Mapping[Kind, Mapping[str, str]] = field(default_factory=dict)

    def absence(self, kind: Kind) -> Absence | None:
        """Return the right to take what of a kind was not read for gone; None: there is none."""
        if self.mode is not Mode.FULL or kind not in self.complete:
            return None
        return Absence(kind, _SEALS[kind])


@dataclass(frozen=True, slots=True)
class Absence:
    """The right to take what a read did not bring for gone; only a certificate gives it.

    Whatever removes takes one of these, so that no removal is possible without a certificate.

    Raises:
        TypeError: it was not made by `ReadCertificate.absence`.
    """

    kind: Kind
    _seal: object = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse whoever has no certificate."""
        # a seal a kind: else `dataclasses.replace` would make one kind's right another's
        if self._seal is not _SEALS.get(self.kind):
            raise TypeError("only a read's certificate says what is absent")


_SEALS = {kind: object() for kind in Kind}
