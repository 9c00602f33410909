"""Which fields users have, by what is read of a server; and their rows in that shape. Pure.

Source: the forms of `_extension_data`, as they were seen: a list of one is its element, nulls are
left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.vendors.powerschool import mapping
from connectors.vendors.powerschool.config import Column, PowerSchoolConfig
from connectors.vendors.powerschool.mapping import FIELDS, Item
from shared.domain.reading import Row
from shared.domain.records import Kind, encode_list

AGENTS = "agentSourcedIds"
Values = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Shape:
    """What is supplied of users.

    Attributes:
        extensions: by field of a student, the column of an extension in which it stands.
        with_agents: whether who stands for a student is told.
    """

    extensions: Mapping[str, Column] = field(default_factory=dict)
    with_agents: bool = False

    @property
    def tables(self) -> str | None:
        """The extensions that are asked for, None: none."""
        return ",".join(sorted({column.table for column in self.extensions.values()})) or None

    def fields(self, kind: Kind) -> tuple[str, ...]:
        """Return the fields that a kind is supplied with."""
        if kind is not Kind.USERS:
            return FIELDS[kind]
        more = (*self.extensions, AGENTS) if self.with_agents else tuple(self.extensions)
        return tuple(dict.fromkeys((*FIELDS[kind], *more)))

    def student(self, item: Item) -> dict[str, str | None]:
        """Return the fields of a student, but for who stands for them."""
        base = dict(zip(FIELDS[Kind.USERS], mapping.student_row(item)[1:], strict=True))
        held = dict(columns_of(item))
        return {**base, **{name: held.get(column) for name, column in self.extensions.items()}}

    def student_row(self, item: Item, agents: Iterable[str] = ()) -> Row:
        """Return the user of a student.

        Args:
            item: the student.
            agents: external ids of those who stand for them.
        """
        values = {**self.student(item), AGENTS: encode_list(agents)}
        return self.row(mapping.student_id(item), values)

    def row(self, key: str | None, values: Values) -> Row:
        """Return a user's row; what is not among the values is absent."""
        return (key, *(values.get(name) for name in self.fields(Kind.USERS)))

    def staff_row(self, item: Item, school_dcid: str) -> Row:
        """Return the user of a member of staff; extensions are of students alone."""
        row = mapping.staff_row(item, school_dcid)
        return self.row(row[0], dict(zip(FIELDS[Kind.USERS], row[1:], strict=True)))


def shape_of(config: PowerSchoolConfig) -> Shape:
    """Return what a config asks for."""
    return Shape(config.extensions, config.guardians != "none")


def columns_of(item: Item) -> Iterable[tuple[Column, str | None]]:
    """Yield the columns of a record's extensions, with their values."""
    for table in _many(mapping.part(item, "_extension_data").get("_table_extension")):
        name = mapping.text(table, "name") or ""
        for held in _many(table.get("_field")):
            column = Column(name.lower(), (mapping.text(held, "name") or "").lower())
            yield column, mapping.text(held, "value")


def extension_data(values: Mapping[Column, str | None]) -> dict[str, Any]:
    """Return columns as a student's write has them; null text is "" there."""
    tables: dict[str, list[dict[str, str]]] = {}
    for column, value in values.items():
        told = {"name": column.name, "type": "String", "value": value or ""}
        tables.setdefault(column.table, []).append(told)
    return {
        "_table_extension": [
            {"name": name, "recordFound": False, "_field": held} for name, held in tables.items()
        ]
    }


def _many(found: Any) -> list[Item]:
    listed = found if isinstance(found, list) else [found]
    return [one for one in listed if isinstance(one, Mapping)]
