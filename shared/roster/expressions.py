"""Expressions that a person writes over the fields of a record: mappings and quality rules.

They are CEL, Google's Common Expression Language, with its string extensions: no loops without an
end, no effects, nothing but the record in reach. A plain field is text, "" where it is absent; a
set-valued field is a list of text. Source: https://cel.dev, read 2026-11.

The library is imported for the first expression: it brings a terminal of its own along, which takes
longer to import than most commands to answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared.domain.records import FIELDS, Field, Kind, decode_list, encode_list
from shared.errors import ConfigurationError
from shared.roster.bounded_functions import Bounded, check_loops

if TYPE_CHECKING:
    import cel

#: Longer ones are no expression that a person could check.
LONGEST = 1000
#: What CEL raises over a record that an expression does not fit.
_FAILURES = (RuntimeError, TypeError, ValueError, KeyError, IndexError, ArithmeticError)


class ExpressionError(Exception):
    """An expression gave nothing usable for one record; the message says why."""


class Expression:
    """A compiled expression over the records of one kind.

    Args:
        kind: whose fields it may name.
        text: the expression.
        where: the rule that it stands in, for errors.

    Attributes:
        names: the fields that it reads.

    Raises:
        ConfigurationError: it is no expression, or names something that there is not.
    """

    def __init__(self, kind: Kind, text: str, *, where: str) -> None:
        self._fields = {field.name: field for field in FIELDS[kind]}
        self._program = _compiled(text, where)
        # CEL lists the names of its own loops too
        self.names = frozenset(self._program.variables()) & {"sourcedId", *self._fields}
        self._context = _context()
        self._try_out(where)

    def evaluate(self, record: Mapping[str, str | None]) -> Any:
        """Return the value for one record, of which absent fields may be left out.

        Raises:
            ExpressionError: it fails over this record.
        """
        for name in self.names:
            self._context.add_variable(name, self._value(name, record.get(name)))
        try:
            return self._program.execute(self._context)
        except _FAILURES as error:
            raise ExpressionError(str(error)[:200]) from error

    def _try_out(self, where: str) -> None:
        """See that every name and function is there, with all fields and with none."""
        for sample in ({}, {n: '["x"]' if f.many else "x" for n, f in self._fields.items()}):
            try:
                self.evaluate(sample)
            except ExpressionError as error:
                if "Undefined" in str(error):
                    raise ConfigurationError(
                        where,
                        str(error).partition(". ")[0],
                        "Name fields of the record, and functions of docs/rules.md.",
                    ) from error

    def _value(self, name: str, value: str | None) -> str | list[str]:
        field = self._fields.get(name)
        return decode_list(value) if field is not None and field.many else (value or "")


def as_field(field: Field, value: Any) -> str | None:
    """Return what an expression gave as the text of a field; "" and an empty list are absent.

    Raises:
        ExpressionError: it is nothing that the field can hold.
    """
    if field.many:
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return encode_list(value)
        raise ExpressionError(f"{field.name} is a list of text, and this is {_told(value)}")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if value is None or isinstance(value, str):
        return value or None
    raise ExpressionError(f"{field.name} is text, and this is {_told(value)}")


def is_true(value: Any) -> bool:
    """Return a condition's value.

    Raises:
        ExpressionError: it is no condition.
    """
    if isinstance(value, bool):
        return value
    raise ExpressionError(f"a condition is true or false, and this is {_told(value)}")


def record_of(names: Sequence[str], values: Iterable[str | None]) -> dict[str, str | None]:
    """Return a row as the record that an expression reads."""
    return dict(zip(names, values, strict=True))


def _context() -> cel.Context:
    from cel import Context
    from cel.stdlib import add_stdlib_to_context

    context = Context()
    add_stdlib_to_context(Bounded(context))
    return context


def _compiled(text: str, where: str) -> cel.Program:
    if not text.strip() or len(text) > LONGEST:
        raise ConfigurationError(
            where, f"an expression has 1 to {LONGEST} characters", "Shorten it."
        )
    check_loops(text, where)
    from cel import compile as compile_cel

    try:
        return compile_cel(text)
    except ValueError as error:
        # what the grammar would have taken instead is a list of its tokens
        first = str(error).splitlines()[0].partition(" expecting ")[0]
        raise ConfigurationError(where, first, "See docs/rules.md for what may stand.") from error


def _told(value: Any) -> str:
    return f"{type(value).__name__} {value!r}"[:80]
