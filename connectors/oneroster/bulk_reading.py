"""Reads the files of a bulk set; rows that have not changed are neither parsed nor handed on."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from connectors.oneroster.blocks import rows_of
from connectors.oneroster.layout import REQUIRED
from connectors.oneroster.lines import check_width, header_of, refused
from connectors.oneroster.mapping import BadRowError, roles_of_1_1, row_of, supplied
from connectors.oneroster.package import Block, Line, Lines, Package
from shared.domain.reading import Batch, Known, Refused, Row
from shared.domain.records import FIELDS, Kind, field_names
from shared.domain.records import Field as RecordField

#: Rows of one batch.
BATCH_ROWS = 2000
ROLE_FIELDS = field_names(Kind.ROLES)


class BulkReading:
    """One pass over the files of a bulk set.

    Args:
        package: the set.
        version: of OneRoster.
        known: tells which rows have not changed.

    Attributes:
        counts: records that were read, by kind.
    """

    def __init__(self, package: Package, version: str, known: Known | None) -> None:
        self._package = package
        self._version = version
        self._known = known
        self._org_types: dict[str, str] = {}
        self.counts: dict[Kind, int] = {}

    def kind(self, kind: Kind) -> Iterator[Batch | Refused]:
        """Yield a file's records."""
        name = f"{kind}.csv"
        blocks = self._package.lines(name)
        first = next(blocks, None)
        block = self._package.parsed(first) if first is not None else None
        header = header_of(self._package, kind, block, self._version)
        names = supplied(kind, header)
        fields = [field for field in FIELDS[kind] if field.name in names]
        known = None
        if self._known is not None:
            told = "\x1f".join((self._version, *header)).encode()
            known = self._known.rows_of(kind, names, told)
        count = 0
        for lines in blocks:
            count += len(lines.sources)
            fingerprints = None
            if known is not None:
                places, fingerprints = known.changed(lines.sources)
                lines = lines.only(places) if len(places) < len(lines.sources) else lines
            yield from self._batch(kind, header, fields, lines, fingerprints)
        if not count:
            fix = "Mark it absent in manifest.csv."
            if kind in REQUIRED[self._version]:
                fix = "A roster needs some: absent in manifest.csv would not do. Export it again."
            raise self._package.broken(name, "it has a header and no rows", fix)
        self.counts[kind] = count

    def _batch(
        self,
        kind: Kind,
        header: Sequence[str],
        fields: Sequence[RecordField],
        lines: Lines,
        fingerprints: Sequence[str] | None,
    ) -> Iterator[Batch | Refused]:
        """Yield the records of some lines."""
        names = tuple(field.name for field in fields)
        block = self._package.parsed(lines, len(header))
        if kind is Kind.ORGS and self._version == "1.1":
            self._note_types(header, block)
        rows = rows_of(kind, header, fields, block.rows) if block.rows else []
        if rows is None:
            places, rows = yield from self._one_by_one(kind, header, fields, block)
            if fingerprints is not None:
                fingerprints = [fingerprints[place] for place in places]
        yield Batch(kind, names, rows, fingerprints=fingerprints)

    def _one_by_one(
        self, kind: Kind, header: Sequence[str], fields: Sequence[RecordField], block: Block
    ) -> Generator[Refused, None, tuple[list[int], list[Row]]]:
        """Yield the rows of a block that are wrong, each with its reason.

        Returns:
            The places of the others in the block, and their rows.
        """
        places: list[int] = []
        rows: list[Row] = []
        for place, line in enumerate(block.lines()):
            values = dict(zip(header, line.values, strict=False))
            try:
                check_width(line, header)
                rows.append(row_of(kind, values, fields))
                places.append(place)
            except BadRowError as error:
                yield refused(kind, kind, line.number, values, error)
        return places, rows

    def _note_types(self, header: Sequence[str], block: Block) -> None:
        for row in block.rows:
            values = dict(zip(header, row, strict=False))
            self._org_types[values["sourcedId"]] = values.get("type", "")

    def roles_of_1_1(self) -> Iterator[Batch | Refused]:
        """Yield the roles that 1.1 keeps with the users, in a second pass over their file."""
        name = f"{Kind.USERS}.csv"
        lines = self._package.rows(name)
        header = next(lines, Line(0, [])).values
        rows: list[Row] = []
        count = 0
        for line in lines:
            values = dict(zip(header, line.values, strict=False))
            try:
                check_width(line, header)
                made = list(roles_of_1_1(values, self._org_types.get))
            except BadRowError as error:
                yield refused(Kind.ROLES, Kind.USERS, line.number, values, error)
                continue
            rows += made
            count += len(made)
            if len(rows) >= BATCH_ROWS:
                yield Batch(Kind.ROLES, ROLE_FIELDS, rows)
                rows = []
        yield Batch(Kind.ROLES, ROLE_FIELDS, rows)
        self.counts[Kind.ROLES] = count
