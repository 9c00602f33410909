"""What a check comes to: a row, and the table of all rows that can be published."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum


class Result(StrEnum):
    """What a check comes to."""

    PASSED = "passed"
    FAILED = "failed"
    #: There is nothing to check; the detail says why.
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class Row:
    """One check of one connector.

    Attributes:
        connector: its name.
        check: the check's name.
        result: what it came to.
        detail: what was seen, what is wrong, or why there is nothing to check; never empty.
    """

    connector: str
    check: str
    result: Result
    detail: str

    def told(self) -> dict[str, str]:
        """Return it as JSON has it."""
        return {name: str(value) for name, value in asdict(self).items()}


class BrokenError(Exception):
    """A connector does not keep a promise; the text says which, and how it was seen."""


class NotApplicableError(Exception):
    """There is nothing to check; the text says why."""


_MARKS = {Result.PASSED: "✓", Result.FAILED: "✗", Result.NOT_APPLICABLE: "–"}
_HEAD = """# What every connector was checked for

Written by `bellringer conformance --all --table docs/connectors/conformance.md`, run by
`deploy/with-directory`: a row is a check, a column a connector. ✓ it was seen to keep the promise,
✗ it does not, – there is nothing to check, for the reason below. Each is checked against its
vendor's simulator, Active Directory against Samba's. What each check does: [write a
connector](../write-a-connector.md).
"""


def table(rows: Sequence[Row]) -> str:
    """Return rows as a page of Markdown: a table, then each reason why a check was not made.

    The page holds no times and no order of its own, so the same results give the same page.
    """
    names = list(dict.fromkeys(row.connector for row in rows))
    found = {(row.check, row.connector): row for row in rows}
    lines = [_HEAD, _line(["check", *(f"`{name}`" for name in names)])]
    lines.append("|---|" + ":-:|" * len(names))
    for check in dict.fromkeys(row.check for row in rows):
        marks = [
            _MARKS[found[check, name].result] if (check, name) in found else "" for name in names
        ]
        lines.append(_line([f"`{check}`", *marks]))
    reasons: dict[tuple[str, str], dict[str, list[str]]] = {}
    for row in rows:
        if row.result is not Result.PASSED:
            of = reasons.setdefault((_MARKS[row.result], row.detail), {})
            of.setdefault(row.connector, []).append(row.check)
    if reasons:
        lines += ["", "## Why a check was not made, or failed", ""]
    for (mark, detail), of in reasons.items():
        by_checks: dict[str, list[str]] = {}
        for name, checks in of.items():
            by_checks.setdefault(", ".join(checks), []).append(f"`{name}`")
        told = [f"  - {', '.join(names)}: {checks}" for checks, names in by_checks.items()]
        lines += [f"- {mark} {detail}", *told]
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
