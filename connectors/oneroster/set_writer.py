"""Writes a OneRoster set: its data files and its manifest, row by row.

Source: OneRoster CSV binding 1.1 (2017-04-17), 1.2 (2022-06-06) and 1.2.1 (2023-08-22): files and
manifest, bulk and delta processing, data types.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from connectors.oneroster.cells import Cells, among, listed_among
from connectors.oneroster.feeds import GONE, Feed, Record, fields_of
from connectors.oneroster.layout import BASE, FILES, HEADERS, REQUIRED, allows
from connectors.oneroster.roles import (
    ORG,
    ROLE_TYPE,
    OneRole,
    RoleRow,
    is_second_primary,
    one_role,
)
from connectors.sdk import RenderedFile
from shared.domain.records import FIELDS, Field, Kind
from shared.errors import ConfigurationError

MANIFEST = "manifest.csv"
#: In the order of their dependence.
ORDER = (
    Kind.ACADEMIC_SESSIONS,
    Kind.ORGS,
    Kind.COURSES,
    Kind.CLASSES,
    Kind.USERS,
    Kind.ROLES,
    Kind.ENROLLMENTS,
    Kind.DEMOGRAPHICS,
)

Cell = Callable[[str | None], str]
CsvRow = Sequence[str]


class SetWriter:
    """Writes one set.

    Args:
        feed: what goes into it.
        version: "1.1" or "1.2".
    """

    def __init__(self, feed: Feed, version: str) -> None:
        self._feed = feed
        self._version = version
        self._selection = feed.selection
        self._cells = Cells()
        self._told: Counter[str] = Counter()

    @property
    def left_out(self) -> dict[str, int]:
        """What the set does not say although the hub does: reason → count."""
        told = self._selection.left_out + self._told
        altered = "line breaks, or commas within a list's element (written without them)"
        told[altered] = self._cells.altered
        return {reason: count for reason, count in sorted(told.items()) if count}

    def write(self, folder: Path) -> tuple[RenderedFile, ...]:
        """Write the files into an empty folder; the manifest is the last.

        Raises:
            ConfigurationError: the hub lacks what a bulk set of the version requires.
        """
        written: dict[Kind, RenderedFile] = {}
        for kind in (kind for kind in ORDER if kind in HEADERS[self._version]):
            header = HEADERS[self._version][kind][0]
            file = _write_csv(folder / f"{kind}.csv", header, self._rows(kind, header))
            if file.rows:
                written[kind] = file
                continue
            # a file without rows is none: its kind is absent
            file.path.unlink()
            if self._feed.mode == "bulk" and kind in REQUIRED[self._version]:
                raise self._lack(kind)
        rows = self._manifest(written)
        manifest = _write_csv(folder / MANIFEST, ("propertyName", "value"), rows)
        return (*written.values(), manifest)

    def _lack(self, kind: Kind) -> ConfigurationError:
        why = [f"{count} {why}" for why, count in self.left_out.items() if why.startswith(kind)]
        return ConfigurationError(
            str(kind),
            f"a bulk set of OneRoster {self._version} needs some, and the hub has none that can go",
            f"Correct them: {'; '.join(why)}." if why else "Import some first.",
        )

    def _manifest(self, written: Iterable[Kind]) -> Iterator[CsvRow]:
        there = {str(kind) for kind in written}
        yield "manifest.version", "1.0"
        yield "oneroster.version", self._version
        for name in FILES[self._version]:
            yield f"file.{name}", self._feed.mode if name in there else "absent"
        yield "source.systemName", "Bellringer"
        yield "source.systemCode", "bellringer"

    def _rows(self, kind: Kind, header: Sequence[str]) -> Iterator[CsvRow]:
        columns = self._columns(kind, header)
        last = ""
        for records in self._feed.passes(kind):
            if kind is Kind.USERS:
                yield from self._users(records, header, columns)
                continue
            if kind is Kind.ROLES:
                records = self._one_primary(records)
            for status, modified, row in records:
                sourced_id = row[0] or ""
                if kind is Kind.DEMOGRAPHICS:
                    # they have the id of their user, who has them once
                    sourced_id = row[1] or ""
                    if sourced_id == last:
                        continue
                    last = sourced_id
                yield (sourced_id, status, modified, *columns(row))

    def _users(
        self,
        records: Iterator[Record],
        header: Sequence[str],
        columns: Callable[[Sequence[str | None]], list[str]],
    ) -> Iterator[CsvRow]:
        """Yield users with what the set says of their roles in their own rows."""
        active, removed = self._feed.roles(), self._feed.removed_roles()
        home = 1 + fields_of(self._version, Kind.USERS).index("primaryOrgSourcedId")
        for status, modified, row in records:
            user = row[0] or ""
            roles = active.of(user)
            known = self._selection.known_roles(roles)
            made = [user, status, modified, *columns(row)]
            if self._version == "1.1":
                one = one_role(known, row[home]) or _last_role([*roles, *removed.of(user)])
                if one is None:
                    continue
                made[header.index("role")] = one.role
                made[header.index("orgSourcedIds")] = ",".join(one.orgs)
                dropped = len(roles) - len(known) + one.dropped if known else 0
                self._tell("roles beside the one for which OneRoster 1.1 has room", dropped)
            elif status != GONE and row[home] and all(role[ORG] != row[home] for role in known):
                made[header.index("primaryOrgSourcedId")] = ""
                self._tell("users.primaryOrgSourcedId where the user has no role", 1)
            yield made

    def _one_primary(self, records: Iterator[Record]) -> Iterator[Record]:
        """Yield roles with one that is primary for each user and org."""
        active = self._feed.roles()
        for record in records:
            row = record.row
            roles = self._selection.known_roles(active.of(row[1] or ""))
            if is_second_primary(row, roles):
                self._tell("second primary roles in one org (written as secondary)", 1)
                row = (*row[:ROLE_TYPE], "secondary", *row[ROLE_TYPE + 1 :])
            yield record._replace(row=row)

    def _columns(
        self, kind: Kind, header: Sequence[str]
    ) -> Callable[[Sequence[str | None]], list[str]]:
        """Return a function that makes a row's cells, without the first three."""
        names = fields_of(self._version, kind)
        fields = {field.name: field for field in FIELDS[kind]}
        makers = [
            (1 + names.index(name), self._cell(kind, fields[name]))
            if name in names
            else (0, _nothing)
            for name in header[len(BASE) :]
        ]
        if "subjectCodes" not in header:
            return lambda row: [make(row[place]) for place, make in makers]
        pair = (header.index("subjects") - len(BASE), header.index("subjectCodes") - len(BASE))
        return lambda row: self._paired([make(row[place]) for place, make in makers], *pair)

    def _paired(self, made: list[str], subjects: int, codes: int) -> list[str]:
        """A subject and its code go together; of several nobody knows which is whose.

        The standard pairs them by their order, and the hub keeps sets.
        """
        if made[subjects] and made[codes] and "," in made[subjects] + made[codes]:
            made[codes] = ""
            self._tell("subject codes where there are several, or several subjects", 1)
        return made

    def _cell(self, kind: Kind, field: Field) -> Cell:
        if field.ref is not None:
            return self._reference(kind, field, field.ref)
        if field.many:
            return self._cells.listed
        if field.vocabulary and not field.required:
            return lambda value: self._known(kind, field, value)
        if field.vocabulary:
            # of what is gone only the id counts, and yet its row must be one that can be read
            return lambda value: (
                value if value and allows(self._version, kind, field, value) else _word_of(field)
            )
        return self._cells.text

    def _reference(self, kind: Kind, field: Field, ref: Kind) -> Cell:
        held = self._selection.held[ref]
        if kind is Kind.COURSES and ref is Kind.ACADEMIC_SESSIONS:
            held = self._selection.school_years
        if field.many:
            # of what is gone, the references may be so too
            return lambda value: (
                listed_among(value, held) or (self._cells.listed(value) if field.required else "")
            )
        return self._cells.text if field.required else lambda value: among(value, held)

    def _known(self, kind: Kind, field: Field, value: str | None) -> str:
        if value is None or allows(self._version, kind, field, value):
            return value or ""
        self._tell(f"{kind}.{field.name} values that OneRoster {self._version} does not know", 1)
        return ""

    def _tell(self, what: str, count: int) -> None:
        self._told[what] += count


def _last_role(roles: Sequence[RoleRow]) -> OneRole | None:
    """Return the role that a user who is gone had; None: none, so that they were never sent."""
    orgs = [org for role in roles if (org := role[ORG])]
    return one_role(roles, None) or (OneRole("aide", (min(orgs),), 0) if orgs else None)


def _word_of(field: Field) -> str:
    return min(field.vocabulary)


def _nothing(value: str | None) -> str:
    del value
    return ""


def _write_csv(path: Path, header: CsvRow, rows: Iterator[CsvRow]) -> RenderedFile:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(header)
        for row in rows:
            writer.writerow(row)
            count += 1
    with path.open("rb") as written:
        return RenderedFile(path, count, hashlib.file_digest(written, "sha256").hexdigest())
