"""`oneroster_csv`: imports a OneRoster 1.1 or 1.2 bulk set from a folder or a zip."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from connectors.oneroster.archive import NAME
from connectors.oneroster.blocks import rows_of
from connectors.oneroster.layout import HEADERS, REQUIRED
from connectors.oneroster.mapping import BadRowError, roles_of_1_1, row_of, supplied
from connectors.oneroster.package import MANIFEST, Block, Line, Lines, Package, stamps
from connectors.sdk import AbsolutePath, Connector, ReadRequest
from shared.domain.reading import Batch, Capabilities, Known, ReadCertificate, Refused, Row
from shared.domain.records import FIELDS, Kind
from shared.domain.records import Field as RecordField
from shared.domain.states import Mode, Tier
from shared.errors import PermanentConnectorError, TransientConnectorError

#: Rows of one batch.
BATCH_ROWS = 2000
#: Lines of a manifest, which is held as a whole.
MAX_PROPERTIES = 1000
_ROLE_FIELDS = ("userSourcedId", "roleType", "role", "beginDate", "endDate", "orgSourcedId")


class OneRosterCsvConfig(BaseModel):
    """Where the set lies."""

    model_config = ConfigDict(extra="forbid")

    #: A folder with the CSV files, or a zip of them.
    path: AbsolutePath
    #: Seconds for which the files must have stood still before they are read.
    quiet_s: Annotated[float, Field(ge=0, le=60)] = 1.0


class OneRosterCsv:
    """Reads the set as it lies there, as a whole or not at all.

    Args:
        config: where it lies.
        wait: waits some seconds; tests hand in their own.
    """

    def __init__(
        self,
        config: OneRosterCsvConfig,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._config = config
        self._wait = wait or threading.Event().wait

    def check(self) -> None:
        """See that a set is there, and read its manifest.

        Raises:
            PermanentConnectorError: it is not there, or no bulk set.
        """
        with closing(Package(self._config.path)) as package:
            _version(package)

    def read(self, request: ReadRequest) -> Iterator[Batch | Refused | ReadCertificate]:
        """Yield the set's records. A set is always read in full.

        Raises:
            PermanentConnectorError: the set is broken; names file, line and fix.
            TransientConnectorError: it is being written.
        """
        self._wait_until_quiet()
        with closing(Package(self._config.path)) as package:
            try:
                yield from _records(package, request.known)
            except PermanentConnectorError:
                # what looks broken may be half of what somebody writes now
                package.check_unchanged()
                raise

    def _wait_until_quiet(self) -> None:
        """A file that is still being written is not read: it must stand still for a while."""
        before = stamps(self._config.path)
        if self._config.quiet_s:
            self._wait(self._config.quiet_s)
            if stamps(self._config.path) != before:
                raise TransientConnectorError(NAME, "the files are still being written", 30)


def _records(package: Package, known: Known | None) -> Iterator[Batch | Refused | ReadCertificate]:
    version, modes = _version(package)
    present = _present(package, version, modes)
    reading = _Reading(package, version, known)
    for kind in (kind for kind in Kind if kind in present):
        yield from reading.kind(kind)
        if kind is Kind.USERS and version == "1.1":
            yield from reading.roles_of_1_1()
    package.check_unchanged()
    yield ReadCertificate(
        mode=Mode.FULL,
        complete=frozenset(reading.counts),
        counts=dict(reading.counts),
        evidence={
            "oneroster.version": version,
            **{f"sha256 {name}": digest for name, digest in package.digests.items()},
        },
    )


class _Reading:
    """One pass over the files of a package."""

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
        header = _header(self._package, name, block, self._version, kind)
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
                _check_width(line, header)
                rows.append(row_of(kind, values, fields))
                places.append(place)
            except BadRowError as error:
                yield _refused(kind, f"{kind}.csv", line.number, values, error)
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
                _check_width(line, header)
                made = list(roles_of_1_1(values, self._org_types.get))
            except BadRowError as error:
                yield _refused(Kind.ROLES, name, line.number, values, error)
                continue
            rows += made
            count += len(made)
            if len(rows) >= BATCH_ROWS:
                yield Batch(Kind.ROLES, _ROLE_FIELDS, rows)
                rows = []
        yield Batch(Kind.ROLES, _ROLE_FIELDS, rows)
        self.counts[Kind.ROLES] = count


def _version(package: Package) -> tuple[str, Mapping[str, str]]:
    """Read the manifest: the version, and the mode of each file."""
    if MANIFEST not in package.files:
        raise package.broken(
            MANIFEST, "it is missing, so the set is OneRoster 1.0", "Export OneRoster 1.1 or 1.2."
        )
    properties: dict[str, str] = {}
    for line in package.rows(MANIFEST):
        if line.number > MAX_PROPERTIES:
            raise package.broken(MANIFEST, f"it has over {MAX_PROPERTIES} lines", "Correct it.")
        if len(line.values) < 2 or line.values[0] in properties:
            raise package.broken(
                MANIFEST, f"line {line.number}: a property is missing or doubled", "Correct it."
            )
        properties[line.values[0]] = line.values[1].strip()
    if properties.pop("propertyName", None) != "value":
        raise package.broken(
            MANIFEST, "its header is not propertyName,value", "Export the set again."
        )
    version = properties.get("oneroster.version", "")
    if version not in HEADERS:
        raise package.broken(
            MANIFEST, f"oneroster.version is {version[:40]!r}", f"Export {' or '.join(HEADERS)}."
        )
    modes = {
        name.removeprefix("file."): mode
        for name, mode in properties.items()
        if name.startswith("file.")
    }
    return version, modes


def _present(package: Package, version: str, modes: Mapping[str, str]) -> frozenset[Kind]:
    """Compare the manifest with the files that are there; return the kinds to read."""
    for name, mode in modes.items():
        if mode not in {"absent", "bulk", "delta"}:
            raise package.broken(
                MANIFEST, f"file.{name[:40]} is {mode[:40]!r}", "Give absent, bulk or delta."
            )
        if mode == "delta":
            raise package.broken(MANIFEST, f"file.{name} is delta", "Export a bulk set.")
        if (mode == "absent") == (f"{name}.csv" in package.files):
            state = "there" if mode == "absent" else "not there"
            raise package.broken(f"{name}.csv", f"the manifest says {mode}, the file is {state}",
                                 "Export the set again.")  # fmt: skip
    present = frozenset(kind for kind in HEADERS[version] if modes.get(kind) == "bulk")
    missing = [kind for kind in REQUIRED[version] if kind not in present]
    if missing:
        raise package.broken(
            f"{missing[0]}.csv", f"it is missing, and a {version} roster needs it", "Export it too."
        )
    return present


def _header(
    package: Package, name: str, first: Block | None, version: str, kind: Kind
) -> tuple[str, ...]:
    header = tuple(first.rows[0]) if first is not None else ()
    for expected in HEADERS[version][kind]:
        if header[: len(expected)] != expected:
            continue
        more = header[len(expected) :]
        if len(set(header)) != len(header) or any(not m.startswith("metadata.") for m in more):
            continue
        return header
    expected = HEADERS[version][kind][0]
    differs = next(
        (
            f"column {place} is {found[:40]!r}, not {wanted!r}"
            for place, (found, wanted) in enumerate(zip(header, expected, strict=False), start=1)
            if found != wanted
        ),
        f"it has {len(header)} columns, not {len(expected)}",
    )
    raise package.broken(
        name, f"the header is wrong: {differs}", f"OneRoster {version} wants {','.join(expected)}."
    )


def _check_width(line: Line, header: Sequence[str]) -> None:
    if len(line.values) != len(header):
        raise BadRowError("sourcedId", f"the row has {len(line.values)} of {len(header)} columns")


def _refused(
    kind: Kind, name: str, number: int, values: Mapping[str, str], error: BadRowError
) -> Refused:
    external_id = values.get("sourcedId") or f"{name}:{number}"
    # a password is nobody's business, and least of all a quarantine's
    source = {name: value for name, value in values.items() if name != "password"}
    return Refused(kind, external_id, error.field, f"{name}:{number}: {error.reason}", source)


CONNECTOR = Connector(
    name=NAME,
    title="OneRoster CSV",
    tier=Tier.IMPORT,
    capabilities=Capabilities(modes=frozenset({Mode.FULL}), reads=frozenset(Kind)),
    config=OneRosterCsvConfig,
    open=OneRosterCsv,
)
