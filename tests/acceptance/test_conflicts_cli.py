"""`bellringer conflicts`, in this process: each command of its own would take seconds to start."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.cli.main import run
from shared.db.engine import Database
from shared.settings import Settings
from tests.integration.roster.district import Hub
from tests.integration.roster.test_conflicts import Disputed


class Cli:
    """Runs `bellringer conflicts …` on a database of its own."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> tuple[str, str]:
        self._capsys.readouterr()
        assert run(["conflicts", *words]) == code
        told = self._capsys.readouterr()
        return told.out, told.err

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json")[0])


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("BELLRINGER_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("BELLRINGER_DATABASE_URL", "BELLRINGER_BROKER_URL"):
        monkeypatch.delenv(name, raising=False)
    made = Cli(capsys)
    made("list")
    return made


@pytest.fixture
def disputed(cli: Cli, tmp_path: Path) -> Iterator[Disputed]:
    database = Database(Settings(state_dir=tmp_path).resolved_database_url())
    yield Disputed(Hub(database))
    database.dispose()


def test_a_conflict_is_listed_shown_and_resolved(cli: Cli, disputed: Disputed) -> None:
    (row,) = cli.json("list", "district")
    assert (row["name"], row["hub"], row["theirs"]) == (
        "Given Family", "other@example.org", "mine@example.org")  # fmt: skip
    assert cli.json("list", "--app", "district/app-3") == []
    assert "mine@example.org" in cli("list")[0]
    shown, _ = cli("show", str(row["id"]))
    assert "Given Family" in shown
    assert "a@example.org" in shown
    assert cli.json("resolve", str(row["id"]), "--take", "app", "--by", "a person") == [
        {"id": row["id"], "state": "resolved", "value": "mine@example.org", "by": "a person"}
    ]
    assert disputed.email == "mine@example.org"
    assert cli.json("list", "district") == []
    (closed,) = cli.json("list", "district", "--state", "resolved")
    assert (closed["resolved_by"], closed["value"]) == ("a person", "mine@example.org")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("list", "--state", "closed"), "--state: there is no 'closed'"),
        (("list", "nowhere"), "nowhere"),
        (("show", "999"), "there is none 999"),
        (("resolve", "1", "--take", "theirs"), "there is no choice 'theirs'"),
        (("resolve", "1", "--take", "value"), "--value"),
        (("resolve", "1", "--take", "hub", "--value", "a"), "--value"),
        (("resolve", "999", "--take", "hub"), "there is none 999"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    cli: Cli, disputed: Disputed, words: tuple[str, ...], told: str
) -> None:
    out, refused = cli(*words, code=2)
    assert told in refused
    assert (out, refused.count("\n")) == ("", 1)
    assert len(disputed.rows("open")) == 1


def test_what_was_decided_before_one_that_is_refused_stays_and_is_told(
    cli: Cli, disputed: Disputed
) -> None:
    (row,) = disputed.rows("open")
    out, refused = cli("resolve", str(row["id"]), "999", "--take", "hub", code=2)
    assert "resolved" in out
    assert "there is none 999" in refused
    assert disputed.rows("open") == []
