"""Every registered connector keeps what the SDK promises; each row of the table is a test."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from connectors import registry
from connectors.conformance.kit import CHECKS, examine
from connectors.conformance.rows import Result, Row, table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "connectors" / "conformance.md"


@cache
def rows_of(name: str) -> dict[str, Row]:
    """Return a connector's rows; all checks are made when the first is asked for."""
    return {row.check: row for row in examine(registry.get(name))}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", registry.names())
def test_it_keeps_what_the_sdk_promises(name: str, check: str) -> None:
    row = rows_of(name)[check]
    assert row.result is not Result.FAILED, row.detail
    assert row.detail.strip(), "a result without a reason"
    assert list(row.told()) == ["connector", "check", "result", "detail"]


def test_the_published_table_is_the_kits() -> None:
    """It is written anew whenever a connector, a check or a result changes."""
    rows = [row for name in registry.names() for row in rows_of(name).values()]
    fresh, told = (re.findall(r"^\|.*\|$", page, re.M) for page in (table(rows), PAGE.read_text()))
    assert told == fresh, "bellringer conformance --all --table docs/connectors/conformance.md"
    assert not any("✗" in line for line in told)
