"""CEL's functions with an end: no expression makes a text or a list that fills the memory.

Whoever writes an expression is of one district, and the process that evaluates it is of all. The
library sets no limits of its own: `lists.range` of a huge number, or one `replace` after another,
take all the memory that there is, and loops within loops all the time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from shared.errors import ConfigurationError

#: The longest text and the longest list that a function gives.
LONGEST_TEXT = 20_000
LONGEST_LIST = 1_000
#: Loops of one expression, beside each other or one in the other.
MOST_LOOPS = 2
#: CEL's macros that go through a list; a comment may stand before the bracket.
_LOOP = re.compile(r"\b(?:all|exists|exists_one|existsOne|map|filter)(?:\s|//[^\n]*(?:\n|$))*\(")


class Bounded:
    """Adds functions to a context, each with an end.

    Args:
        context: the library's.
    """

    def __init__(self, context: Any) -> None:
        self._context = context

    def add_function(self, name: str, function: Callable[..., Any]) -> None:
        """Add a function."""
        before = _BEFORE.get(name.rpartition(".")[2])

        @wraps(function)
        def bounded(*given: Any) -> Any:
            if before is not None:
                _check_size(before(*given))
            made = function(*given)
            if isinstance(made, str | bytes):
                _check_size(len(made))
            elif isinstance(made, list):
                _check_size(len(made), LONGEST_LIST)
            return made

        self._context.add_function(name, bounded)


def check_loops(text: str, where: str) -> None:
    """See that an expression has no more loops than end soon.

    Raises:
        ConfigurationError: it has; names the rule.
    """
    if len(_LOOP.findall(text)) > MOST_LOOPS:
        problem = f"it goes through lists more than {MOST_LOOPS} times"
        raise ConfigurationError(where, problem, "Simplify it.")


def _after_replace(text: str, old: str, new: str, *_: Any) -> int:
    times = text.count(old) if isinstance(text, str) else 0
    return len(text) + times * max(0, len(new) - len(old))


def _after_range(count: int) -> int:
    # as a list is measured: what it holds weighs more than letters
    return count * (LONGEST_TEXT // LONGEST_LIST)


def _after_join(items: list[Any], separator: str = "") -> int:
    return sum(len(str(one)) for one in items) + len(items) * len(separator)


#: By a function that may give much more than it takes: how much that will be.
_BEFORE: dict[str, Callable[..., int]] = {
    "replace": _after_replace,
    "range": _after_range,
    "join": _after_join,
}


def _check_size(size: int, longest: int = LONGEST_TEXT) -> None:
    if size > longest:
        raise ValueError("it makes more than an expression may")
