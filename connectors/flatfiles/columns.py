"""The columns of a sheet, as a setting names them, and the fields of the hub that they need.

A setting is `HEADER,HEADER=VALUE,…`: a header alone holds what it holds by itself, the value of
another is named behind `=`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from shared.domain.records import FIELDS, Kind, decode_list

#: What is known of one record: its fields in OneRoster's words, and what its sheet has worked out.
Record = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Value:
    """What a column may hold.

    Attributes:
        of: takes a record, gives the cell's text; None is empty.
        needs: (kind, field) that must be read for it.
    """

    of: Callable[[Record], str | None]
    needs: frozenset[tuple[Kind, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Column:
    """A header and what stands below it."""

    header: str
    name: str
    value: Value


@dataclass(frozen=True)
class SheetPlan:
    """What a sheet may have.

    Attributes:
        values: by name, what a column may hold.
        headers: header → name of the value that it holds by itself.
        required: headers that must be there.
    """

    values: Mapping[str, Value]
    headers: Mapping[str, str]
    required: tuple[str, ...] = ()

    def columns(self, setting: str) -> tuple[Column, ...]:
        """Read a setting.

        Raises:
            ValueError: says what is wrong with it.
        """
        found: dict[str, Column] = {}
        for part in setting.split(","):
            header, equals, name = (text.strip() for text in part.partition("="))
            if not header or (equals and not name):
                raise ValueError(f"{part.strip()!r} is no HEADER or HEADER=VALUE")
            if header in found:
                raise ValueError(f"{header} stands there twice")
            name = name or self.headers.get(header, header)
            if name not in self.values:
                known = ", ".join(sorted(self.values))
                raise ValueError(f"{header} cannot hold {name!r}, but one of {known}")
            found[header] = Column(header, name, self.values[name])
        if missing := [header for header in self.required if header not in found]:
            raise ValueError(f"{missing[0]} is missing, without which a row means nothing")
        return tuple(found.values())


def computed(name: str, *needs: tuple[Kind, str]) -> Value:
    """Return a value that the sheet works out under a name of its own."""
    return Value(lambda record: record.get(name), frozenset(needs))


def plain(kind: Kind) -> dict[str, Value]:
    """Return all fields of a kind as values by their names; a list is written with `, ` between."""
    return {
        field.name: Value(_reader(field.name, many=field.many), frozenset({(kind, field.name)}))
        for field in FIELDS[kind]
    }


@dataclass
class Reads:
    """Collects by kind the fields that a set needs, in the order of the binding."""

    _needed: defaultdict[Kind, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, kind: Kind, *names: str) -> None:
        """Add fields."""
        self._needed[kind].update(names)

    def add_columns(self, columns: Iterable[Column]) -> None:
        """Add what columns need."""
        for column in columns:
            for kind, name in column.value.needs:
                self.add(kind, name)

    def fields(self) -> dict[Kind, tuple[str, ...]]:
        """Return them."""
        return {
            kind: tuple(one.name for one in FIELDS[kind] if one.name in names)
            for kind, names in sorted(self._needed.items())
        }


def _reader(name: str, *, many: bool) -> Callable[[Record], str | None]:
    if many:
        return lambda record: ", ".join(decode_list(record.get(name)))
    return lambda record: record.get(name)
