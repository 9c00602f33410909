"""The states are one thing in four places: enum, moves, CHECK, and the diagram in the docs."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import CheckConstraint

from shared.db.tables import jobs
from shared.domain.states import TRANSITIONS, UNFINISHED, JobState, Mode, Tier, Trigger
from tests.checker import MOVES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "protocol.md").read_text()
DIAGRAM = PAGE.split("```mermaid\nstateDiagram-v2\n")[1].split("```")[0]
ARROWS = set(re.findall(r"^ *(\S+) --> (\w+|\[\*\])", DIAGRAM, re.MULTILINE))


def check_of(column: str) -> str:
    for constraint in jobs.constraints:
        if isinstance(constraint, CheckConstraint) and constraint.name == f"ck_jobs_{column}":
            return str(constraint.sqltext)
    raise AssertionError(f"jobs has no CHECK on {column}")


def words(sql: str) -> set[str]:
    return set(re.findall(r"'(\w+)'", sql))


def test_the_database_knows_exactly_the_words_of_the_code() -> None:
    for column, enum in (("state", JobState), ("tier", Tier), ("mode", Mode), ("trigger", Trigger)):
        assert words(check_of(column)) == set(enum)
    assert words(check_of("finished_at")) == set(UNFINISHED)


def test_the_diagram_shows_exactly_the_moves_of_the_code() -> None:
    moves = {(str(from_), str(to)) for from_, tos in TRANSITIONS.items() for to in tos}
    begin = {("[*]", "held")}
    ends = {(str(state), "[*]") for state in JobState if state not in UNFINISHED}
    assert moves | begin | ends == ARROWS


def test_the_table_explains_every_state_once() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert rows == [str(state) for state in JobState]


def test_the_checkers_own_moves_agree() -> None:
    moves = {(str(from_), str(to)) for from_, tos in TRANSITIONS.items() for to in tos}
    assert moves | {(None, "held")} == MOVES
