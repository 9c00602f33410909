"""Reads the files of a set of changes: what is active is new or changed, the rest is gone.

Source: OneRoster CSV binding 1.1 and 1.2, §3 on bulk and delta: each row of a delta file has its
status and time, and may name records of earlier sets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.oneroster.bulk_reading import BATCH_ROWS, ROLE_FIELDS
from connectors.oneroster.layout import ROLES_1_1
from connectors.oneroster.lines import check_width, header_of, refused
from connectors.oneroster.manifest import DELTA, Manifest
from connectors.oneroster.mapping import (
    BadRowError,
    changed_row_of,
    roles_of_1_1,
    row_of,
    supplied,
)
from connectors.oneroster.package import Block, Line, Package
from shared.domain.reading import Batch, Refused, Row
from shared.domain.records import FIELDS, Kind


class DeltaReading:
    """One pass over the files of a set of changes, in which bulk files may be, too.

    A bulk file of such a set removes nobody: its rows count as changed.

    Args:
        package: the set.
        manifest: of it.

    Attributes:
        counts: records that were read, by kind; those that are gone are not among them.
        gone: by kind, how many are gone.
    """

    def __init__(self, package: Package, manifest: Manifest) -> None:
        self._package = package
        self._manifest = manifest
        self._org_types: dict[str, str] = {}
        self.counts: dict[Kind, int] = {}
        self.gone: dict[Kind, int] = {}

    def read(self) -> Iterator[Batch | Refused]:
        """Yield the records of all files."""
        for kind in (kind for kind in Kind if kind in self._manifest.modes):
            yield from self._kind(kind)

    def _kind(self, kind: Kind) -> Iterator[Batch | Refused]:
        lines = self._package.rows(f"{kind}.csv")
        package, version = self._package, self._manifest.version
        first = next(lines, None)
        block = Block([first.number], [first.values]) if first is not None else None
        header = header_of(package, kind, block, version)
        names = supplied(kind, header)
        fields = [field for field in FIELDS[kind] if field.name in names]
        make = changed_row_of if self._manifest.modes[kind] == DELTA else row_of
        has_roles = kind is Kind.USERS and version == "1.1"
        active = _Pile(kind, names)
        roles = _Pile(Kind.ROLES, ROLE_FIELDS)
        count = 0
        for line in lines:
            count += 1
            values = dict(zip(header, line.values, strict=False))
            try:
                check_width(line, header)
                row = make(kind, values, fields)
            except BadRowError as error:
                yield refused(kind, kind, line.number, values, error)
                continue
            if kind is Kind.ORGS and len(row) > 1:
                self._org_types[values["sourcedId"]] = values["type"]
            yield from active.take(row)
            if has_roles and len(row) > 1:
                yield from self._roles(roles, line, values)
        if not count:
            raise package.broken(
                f"{kind}.csv", "it has a header and no rows", "Mark it absent in manifest.csv."
            )
        yield active.batch()
        self.counts[kind], self.gone[kind] = active.count, active.gone
        if has_roles:
            yield roles.batch()
            self.counts[Kind.ROLES] = roles.count

    def _roles(
        self, roles: _Pile, line: Line, values: Mapping[str, str]
    ) -> Iterator[Batch | Refused]:
        """Yield the roles that 1.1 keeps with the users."""
        try:
            made = list(roles_of_1_1(values, self._org_types.get))
            if values["role"] not in ROLES_1_1 and any(
                row[-1] not in self._org_types for row in made
            ):
                raise BadRowError(
                    "role",
                    "whether an administrator is one of a school or of the district depends on"
                    " the org, which this set does not hold: a bulk set tells",
                )
        except BadRowError as error:
            yield refused(Kind.ROLES, Kind.USERS, line.number, values, error)
            return
        for row in made:
            yield from roles.take(row)


class _Pile:
    """The rows of one kind, until they are a batch."""

    def __init__(self, kind: Kind, names: tuple[str, ...]) -> None:
        self._kind = kind
        self._names = names
        self._rows: list[Row] = []
        self._gone: list[str] = []
        self.count = 0
        self.gone = 0

    def take(self, row: Row) -> Iterator[Batch]:
        """Take a row, or the id alone of what is gone; yield what has become a batch."""
        if len(row) > 1:
            self._rows.append(row)
            self.count += 1
        else:
            self._gone.append(str(row[0]))
            self.gone += 1
        if len(self._rows) + len(self._gone) >= BATCH_ROWS:
            yield self.batch()

    def batch(self) -> Batch:
        """Return what is here, and begin anew."""
        rows, gone, self._rows, self._gone = self._rows, tuple(self._gone), [], []
        return Batch(self._kind, self._names, rows, gone)
