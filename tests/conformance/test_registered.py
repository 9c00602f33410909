"""Every registered connector keeps what the SDK promises; each row of the table is a test."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from connectors import registry
from connectors.conformance.kit import CHECKS, examine
from connectors.conformance.rows import Result, Row, table
from tests.samba_directory import SambaDirectory

PAGE = Path(__file__).resolve().parents[2] / "docs" / "connectors" / "conformance.md"


#: What has no simulator is checked in a real server.
DIRECTORY = "active_directory"


@cache
def rows_of(name: str) -> dict[str, Row]:
    """Return a connector's rows; all checks are made when the first is asked for."""
    return {row.check: row for row in examine(registry.get(name))}


@pytest.fixture
def directory(samba: SambaDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the directory as `deploy/with-directory` does."""
    for name, value in samba.environment.items():
        if name.startswith("BELLRINGER_LDAP_"):
            monkeypatch.setenv(name, value)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", [name for name in registry.names() if name != DIRECTORY])
def test_it_keeps_what_the_sdk_promises(name: str, check: str) -> None:
    see_kept(rows_of(name)[check])


@pytest.mark.usefixtures("directory")
@pytest.mark.parametrize("check", CHECKS)
def test_a_directory_keeps_what_the_sdk_promises(check: str) -> None:
    see_kept(rows_of(DIRECTORY)[check])


def test_where_there_is_no_directory_the_reason_says_how_to_have_one() -> None:
    (row,) = examine(registry.get(DIRECTORY), only=["full_read"])
    assert row.result is Result.NOT_APPLICABLE
    assert "deploy/with-directory" in row.detail


def see_kept(row: Row) -> None:
    assert row.result is not Result.FAILED, row.detail
    assert row.detail.strip(), "a result without a reason"
    assert list(row.told()) == ["connector", "check", "result", "detail"]


@pytest.mark.usefixtures("directory")
def test_the_published_table_is_the_kits() -> None:
    """It is written anew whenever a connector, a check or a result changes."""
    rows = [row for name in registry.names() for row in rows_of(name).values()]
    fresh, told = (re.findall(r"^\|.*\|$", page, re.M) for page in (table(rows), PAGE.read_text()))
    assert told == fresh, "deploy/with-directory bellringer conformance --all --table …"
    assert not any("✗" in line for line in told)
