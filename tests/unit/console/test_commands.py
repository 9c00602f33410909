"""A command imports what it needs, and no more: the rest of the product is not waited for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
#: What only some commands need, and is slow to import.
HEAVY = {"alembic", "cel", "dramatiq", "httpx", "pika", "prompt_toolkit", "scheduler", "uvicorn", "workers"}  # fmt: skip
#: Runs the words it gets, and ends with a line that names every package it has imported.
SCRIPT = """
import sys
from console.cli.main import run
code = run(sys.argv[1:])
print(*{name.partition(".")[0] for name in sys.modules})
sys.exit(code)
"""


def imported(folder: Path, *words: str) -> set[str]:
    """Return the packages that a command has imported when it ends."""
    settings = {"PYTHONPATH": str(ROOT), "BELLRINGER_STATE_DIR": str(folder / "state")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words],
        env={k: v for k, v in os.environ.items() if not k.startswith("BELLRINGER_")} | settings,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("words", [("--help",), ("roster", "--help"), ("run-now", "--help")])
def test_help_imports_none_of_the_machinery(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert imported(tmp_path, *words) & HEAVY == set()


def test_the_list_of_commands_imports_no_command_and_no_database(tmp_path: Path) -> None:
    assert imported(tmp_path, "--help") & {"connectors", "sqlalchemy"} == set()


def test_a_question_to_the_database_imports_none_of_the_machinery(tmp_path: Path) -> None:
    assert "alembic" in imported(tmp_path, "apps", "list"), "the embedded database is made"
    for words in (("apps", "list"), ("jobs", "list"), ("tenants", "list")):
        assert imported(tmp_path, *words) & HEAVY == set(), words


def test_the_check_sees_what_is_imported(tmp_path: Path) -> None:
    assert {"dramatiq", "pika", "scheduler", "workers"} <= imported(tmp_path, "worker", "--help")
