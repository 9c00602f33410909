"""One read, gathered and judged by what the SDK's port promises of every read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from connectors.conformance.rows import BrokenError
from shared.domain.reading import Batch, Capabilities, ReadCertificate, Refused
from shared.domain.records import Kind, field_names
from shared.domain.states import Mode

Key = tuple[Kind, str]
Values = Mapping[str, str | None]


@dataclass(slots=True)
class Read:
    """What a read gave.

    Attributes:
        records: by kind and external id, each field's value; "" counts as absent.
        refused: ids that could not be made rows, by kind.
        deleted: what the vendor itself named as deleted.
        repeated: ids that came more than once.
        certificate: its last item.
    """

    certificate: ReadCertificate
    records: dict[Key, Values] = field(default_factory=dict)
    refused: set[Key] = field(default_factory=set)
    deleted: set[Key] = field(default_factory=set)
    repeated: list[Key] = field(default_factory=list)

    def ids(self, kind: Kind) -> set[str]:
        """Return the external ids of a kind."""
        return {key for of, key in self.records if of is kind}

    def of(self, kind: Kind) -> dict[str, Values]:
        """Return the records of a kind, by external id."""
        return {key: values for (of, key), values in self.records.items() if of is kind}

    def count(self, kind: Kind) -> int:
        """Return how many records of a kind there are."""
        return len(self.ids(kind))


def gather(items: Iterable[Batch | Refused | ReadCertificate], can: Capabilities) -> Read:
    """Read to the end.

    Raises:
        BrokenError: the items break a promise of the port.
        ConnectorError: the read failed.
    """
    read: Read | None = None
    records: dict[Key, Values] = {}
    refused: set[Key] = set()
    deleted: set[Key] = set()
    repeated: list[Key] = []
    shapes: dict[Kind, tuple[str, ...]] = {}
    for item in items:
        if read is not None:
            raise BrokenError("something came after the certificate, which must be the last item")
        match item:
            case ReadCertificate():
                read = Read(item, records, refused, deleted, repeated)
            case Refused():
                refused.add((item.kind, item.external_id))
            case Batch():
                _check_shape(item, shapes, can)
                deleted |= {(item.kind, key) for key in item.deleted}
                for row in item.rows:
                    key, values = _record(item, row)
                    if key in records:
                        repeated.append(key)
                    records[key] = values
            case _:
                raise BrokenError(f"a {type(item).__name__} came, which is no part of a read")
    if read is None:
        raise BrokenError("the read ended quietly, without a certificate and without an error")
    _check_certificate(read)
    return read


def difference(found: Read, wanted: Read) -> str | None:
    """Return in words how two reads differ in their records, None: they do not."""
    missing = [key for key in wanted.records if key not in found.records]
    if missing:
        return f"{len(missing)} of {len(wanted.records)} records are missing, {_told(missing[0])}"
    more = [key for key in found.records if key not in wanted.records]
    if more:
        return f"{len(more)} records are there that should not be, {_told(more[0])}"
    for key, values in wanted.records.items():
        other = found.records[key]
        names = sorted(name for name in values if values[name] != other.get(name))
        if names:
            return f"{_told(key)} has another {', '.join(names)}"
    return None


def _check_shape(batch: Batch, shapes: dict[Kind, tuple[str, ...]], can: Capabilities) -> None:
    if batch.kind not in can.reads:
        raise BrokenError(f"{batch.kind} came, which its capabilities do not name")
    if foreign := set(batch.fields) - set(field_names(batch.kind)):
        raise BrokenError(f"{batch.kind} came with {min(foreign)}, which OneRoster does not have")
    if shapes.setdefault(batch.kind, batch.fields) != batch.fields:
        raise BrokenError(f"two batches of {batch.kind} name different fields")
    if batch.fingerprints is not None and len(batch.fingerprints) != len(batch.rows):
        raise BrokenError(f"a batch of {batch.kind} has as many fingerprints as rows, or none")


def _record(batch: Batch, row: tuple[str | None, ...]) -> tuple[Key, Values]:
    if len(row) != 1 + len(batch.fields):
        raise BrokenError(f"a row of {batch.kind} has {len(row)} values for its id and fields")
    if not row[0]:
        raise BrokenError(f"a row of {batch.kind} has no external id")
    if any(value is not None and not isinstance(value, str) for value in row):
        raise BrokenError(f"a row of {batch.kind} holds a value that is neither text nor None")
    values = (value or None for value in row[1:])
    return (batch.kind, row[0]), dict(zip(batch.fields, values, strict=True))


def _check_certificate(read: Read) -> None:
    told = read.certificate
    kinds = {kind for kind, _ in read.records}
    for kind in sorted(kinds | set(told.counts)):
        repeated = sum(of is kind for of, _ in read.repeated)
        refused = sum(of is kind for of, _ in read.refused)
        gave = read.count(kind) + repeated
        if not gave <= told.counts.get(kind, 0) <= gave + refused:
            raise BrokenError(
                f"the certificate counts {told.counts.get(kind, 0)} {kind}, {gave} came"
            )
    if told.mode is Mode.INCREMENTAL and told.complete:
        raise BrokenError("an incremental read says of some kinds that they are complete")
    if told.mode is Mode.FULL and (left := kinds - told.complete):
        raise BrokenError(f"{min(left)} came in a full read, and are not said to be complete")


def _told(key: Key) -> str:
    return f"{key[0]} {key[1]} among them"
