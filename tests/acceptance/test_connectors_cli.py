"""`bellringer connectors`, `conformance` and `apps check`, in the test's own process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from connectors import registry
from connectors.district.generate import generate
from connectors.simulator.server import SimulatorServer
from console.cli.main import run
from console.cli.output import _console, cell
from console.cli.processes import _told

Cli = Callable[..., str]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: Any, capsys: Any) -> Cli:
    monkeypatch.setenv("BELLRINGER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")

    def ran(*words: str, code: int = 0) -> str:
        ended = run(list(words))
        out, err = capsys.readouterr()
        assert ended == code, f"{words}: {ended}\n{out}\n{err}"
        return out if not code or out else err

    return ran


def test_what_is_installed_is_listed_and_shown(cli: Cli) -> None:
    rows = json.loads(cli("connectors", "list", "--json"))
    assert [row["name"] for row in rows] == registry.names()
    shown = json.loads(cli("connectors", "show", "powerschool", "--json"))
    secret = next(one for one in shown["settings"] if one["name"] == "client_secret")
    assert secret["is_secret"]
    assert secret["is_required"]
    assert secret["default"] is None
    told = cli("connectors", "show", "lightspeed")
    assert "-1 | 0" in told
    assert "The grade that transitional kindergarten becomes" in told
    assert "Did you mean powerschool" in cli("connectors", "show", "powerscool", code=2)


@pytest.fixture
def _broken(monkeypatch: Any) -> Iterator[None]:
    """One sound connector, and one whose package cannot be loaded."""
    sound = registry._entry_points()["lightspeed"]
    points = {
        "broken": EntryPoint("broken", "no_such_module:CONNECTOR", registry.GROUP),
        "lightspeed": sound,
    }
    monkeypatch.setattr(registry, "_entry_points", lambda: points)
    registry.get.cache_clear()
    yield
    registry.get.cache_clear()


@pytest.mark.usefixtures("_broken")
def test_a_broken_package_is_told_and_the_others_go_on(cli: Cli, capsys: Any) -> None:
    assert run(["connectors", "list", "--json"]) == 0
    told = capsys.readouterr()
    assert [row["name"] for row in json.loads(told.out)] == ["lightspeed"]
    assert "broken of package unknown cannot be loaded: ModuleNotFoundError" in told.err
    assert cli("connectors", "show", "broken", code=2).startswith("error: connector: broken of")
    words = ("conformance", "--all", "--check", "settings", "--json")
    rows = json.loads(cli(*words, code=1))
    assert [(row["connector"], row["result"]) for row in rows] == [
        ("broken", "failed"), ("lightspeed", "passed")]  # fmt: skip
    findings = {row["check"]: row for row in json.loads(cli("doctor", "--json", code=1))}
    assert findings["connector broken"]["result"] == "error"
    with SimulatorServer([generate("oak", seed=1, students=5)]) as server:
        assert server.settings == {"oak": {}}


def test_rows_and_a_page_of_one_connector(cli: Cli, tmp_path: Path) -> None:
    page = tmp_path / "table.md"
    words = ("conformance", "lightspeed", "--table", str(page), "--json")
    rows = json.loads(cli(*words))
    assert all(list(row) == ["connector", "check", "result", "detail"] for row in rows)
    assert {row["result"] for row in rows} == {"passed", "not_applicable"}
    assert all(row["detail"] for row in rows)
    assert "| check | `lightspeed` |" in page.read_text()
    assert "byte_stable_export" in cli("conformance", "lightspeed", "--check", "byte_stable_export")


def test_a_check_that_fails_ends_with_1(cli: Cli, monkeypatch: Any) -> None:
    bad = replace(registry.get("lightspeed"), open=lambda config: object())
    monkeypatch.setattr(registry, "get", lambda name: bad)
    words = ("conformance", "lightspeed", "--check", "byte_stable_export", "--json")
    (row,) = json.loads(cli(*words, code=1))
    assert row["result"] == "failed"
    assert "is no Target" in row["detail"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "CONNECTOR: give one, or --all"),
        (("lightspeed", "--all"), "CONNECTOR: give one, or --all"),
        (("--all", "--set", "a=b"), "--set: it is one connector's"),
        (("lightspeed", "--set", "a"), "'a' is no KEY=VALUE"),
        (("lightspeed", "--check", "nonsense"), "check: there is no nonsense"),
        (("nonsense",), "there is no connector 'nonsense'"),
        (("lightspeed", "--table", "/no/such/t.md"), "--table: there is no folder /no/such"),
        (("lightspeed", "--table", "/"), "--table: / cannot be written: Is a directory"),
        (("oneroster_rest", "--set", "url=x"), "error: --set url: "),
    ],
)
def test_what_is_wrong_is_said(cli: Cli, words: tuple[str, ...], told: str) -> None:
    assert told in cli("conformance", *words, code=2)


def test_an_app_is_checked(cli: Cli, tmp_path: Path) -> None:
    cli("tenants", "add", "oak", "--zone", "UTC")
    nowhere = tmp_path / "nowhere.zip"
    cli("apps", "add", "oak", "oneroster_csv", "--name", "sis", "--set", f"path={nowhere}")
    cli("apps", "add", "oak", "lightspeed", "--name", "ls", "--set", f"path={tmp_path / 'out'}")
    assert json.loads(cli("apps", "check", "oak/ls", "--json"))["is_well"]
    told = cli("apps", "check", "oak/sis", code=1)
    assert told.startswith("error: oneroster_csv: ")
    assert str(nowhere) in told.replace("\n", "")
    answer = json.loads(cli("apps", "check", "oak/sis", "--json", code=1))
    assert not answer["is_well"]
    assert "nowhere.zip" in answer["problem"]
    assert "no app" in cli("apps", "check", "oak/nosuch", code=2)


def test_the_version_is_told(cli: Cli) -> None:
    assert cli("--version").startswith("bellringer ")
    assert "--version" in cli("--help")


def test_a_page_of_eighty_columns_keeps_the_names(cli: Cli, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    listed = cli("connectors", "list").splitlines()
    assert [line.split()[0] for line in listed[1:] if line[0] != " "] == registry.names()


def test_what_a_person_is_told_is_one_line_in_a_pipe(capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    _console(is_stderr=True).print("word " * 100, markup=False)
    assert capsys.readouterr().err.count("\n") == 1
    assert cell({}) == "–"


def test_the_simulators_settings_are_words_for_a_shell() -> None:
    told = _told({"powerschool": {"url": "http://127.0.0.1:1/a", "key": "a b"}})
    assert told == "powerschool\n  --set url=http://127.0.0.1:1/a\n  --set 'key=a b'"


def test_a_setting_is_taken_back(cli: Cli, tmp_path: Path) -> None:
    cli("tenants", "add", "oak", "--zone", "UTC")
    given = (f"path={tmp_path}", "tk_grade=0", "http_token=0123456789abcdef0123456789abcdef")
    words = (word for pair in given for word in ("--set", pair))
    cli("apps", "add", "oak", "lightspeed", "--name", "ls", *words)
    unset = ("--unset", "http_token", "--unset", "tk_grade")
    shown = json.loads(cli("apps", "set", "oak/ls", *unset, "--json"))
    assert shown["config"] == {"path": str(tmp_path)}
    assert "there is no setting paht" in cli("apps", "set", "oak/ls", "--unset", "paht", code=2)
    both = ("--set", f"path={tmp_path}", "--unset", "path")
    assert "path is set as well" in cli("apps", "set", "oak/ls", *both, code=2)
    assert "--set path" in cli("apps", "set", "oak/ls", "--unset", "path", code=2)
