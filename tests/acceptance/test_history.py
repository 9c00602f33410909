"""A bad file comes in, is seen, explained and undone, by the commands that a person types."""

from __future__ import annotations

import csv
import io
import json
import signal
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.district.generate import generate
from connectors.district.oneroster_files import write_oneroster
from console.cli import main

Rows = list[dict[str, str]]


class Answer:
    """What a command printed."""

    def __init__(self, out: str, err: str) -> None:
        self.stdout, self.stderr = out, err


class Cli:
    """Runs commands in a folder of their own, in this process."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> Answer:
        ended = main.run(list(words))
        out, err = self._capsys.readouterr()
        assert ended == code, f"{words}: {ended}\n{out}\n{err}"
        return Answer(out, err)

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json").stdout)


@pytest.fixture
def cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Cli]:
    monkeypatch.setenv("BELLRINGER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    made = Cli(tmp_path, capsys)
    write_oneroster(generate("oak", seed=4, students=25), tmp_path / "drop.zip")
    made("tenants", "add", "oak", "--zone", "America/New_York")
    made("apps", "add", "oak", "oneroster_csv", "--name", "sis",
         "--set", f"path={tmp_path}/drop.zip", "--set", "quiet_s=0")  # fmt: skip
    made("apps", "add", "oak", "lightspeed", "--name", "ls", "--set", f"path={tmp_path}/out")
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


def rewrite(cli: Cli, change: Callable[[Rows], Rows]) -> None:
    """Change the users of the file that the district drops."""
    path = cli.folder / "drop.zip"
    with zipfile.ZipFile(path) as package:
        files = {name: package.read(name) for name in package.namelist()}
    reader = csv.DictReader(io.StringIO(files["users.csv"].decode("utf-8-sig")))
    rows = change(list(reader))
    told = io.StringIO()
    writer = csv.DictWriter(told, fieldnames=list(reader.fieldnames or []), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    files["users.csv"] = told.getvalue().encode()
    with zipfile.ZipFile(path, "w") as package:
        for name, content in files.items():
            package.writestr(name, content)


def run(cli: Cli, app: str = "oak/sis") -> dict[str, Any]:
    job: dict[str, Any] = cli.json("run-now", app, "--wait")
    assert job["state"] == "succeeded"
    return job


@pytest.mark.timeout(180)
def test_a_bad_file_is_seen_explained_and_undone(cli: Cli) -> None:
    first = run(cli)
    page = cli.json("roster", "list", "oak", "users", "--limit", "10")
    assert len(page["records"]) == 10
    rest = cli.json("roster", "list", "oak", "users", "--limit", "1000", "--after", page["next"])
    assert rest["next"] is None
    everybody = page["records"] + rest["records"]
    username, before = everybody[0]["username"], everybody[0]["givenName"]
    here = f"username={username}"

    def spoil(rows: Rows) -> Rows:
        return [{**row, "givenName": "Wrong"} for row in rows]

    rewrite(cli, spoil)
    bad = run(cli)
    run(cli, "oak/ls")
    assert bad["counts"]["users"]["updated"] == len(everybody)
    chain = cli.json("roster", "why", "oak", here, "givenName")
    assert (chain["value"], chain["replaced"], chain["job"]["id"]) == ("Wrong", before, bad["id"])
    assert [export["app"] for export in chain["carried_by"]] == ["ls"]
    assert "sis is the only app" in cli("roster", "why", "oak", here, "givenName").stdout

    told = cli.json("jobs", "undo", str(bad["id"]), "--dry-run")
    assert (told["records"], told["left"]) == (len(everybody), 0)
    shown = cli("roster", "show", "oak", "users", here).stdout
    assert "Wrong" in shown
    undone = cli("jobs", "undo", str(bad["id"]), "--by", "ann").stdout
    assert f"changed {len(everybody)} records" in undone
    assert "oak/ls has been sent the hub since" in undone
    assert cli.json("jobs", "undo", str(bad["id"]))["records"] == 0
    found = cli.json("roster", "show", "oak", "users", here)
    fields = {field["field"]: field for field in found["fields"]}
    assert fields["givenName"]["value"] == before
    assert fields["givenName"]["by"] == f"undo of job {bad['id']} by ann"
    assert (fields["familyName"]["app"], fields["familyName"]["job"]) == ("sis", first["id"])
    # the same file once more changes nothing; how it was while it was wrong can still be asked
    assert run(cli)["counts"]["users"]["updated"] == 0
    past = cli.json("roster", "show", "oak", "users", here, "--as-of", bad["finished_at"])
    assert {f["field"]: f["value"] for f in past["fields"]}["givenName"] == "Wrong"
    then = cli.json("roster", "list", "oak", "users", "--search", "Wrong", "--as-of",
                    bad["finished_at"], "--limit", "1000")  # fmt: skip
    assert len(then["records"]) == len(everybody)
    assert cli.json("roster", "list", "oak", "users", "--search", "Wrong")["records"] == []
    for option, count in (((), 0), (("--as-of", bad["finished_at"]), len(everybody))):
        out = cli.folder / "set.zip"
        cli("roster", "export", "oak", "--out", str(out), *option)
        with zipfile.ZipFile(out) as package:
            assert package.read("users.csv").count(b"Wrong") == count


@pytest.mark.timeout(120)
def test_two_records_of_one_person_are_judged(cli: Cli) -> None:
    run(cli)

    def another(rows: Rows) -> Rows:
        student = next(row for row in rows if row.get("email"))
        copy = {"sourcedId": "twin", "username": "twin", "identifier": "twin"}
        return [*rows, {**student, **{k: v for k, v in copy.items() if k in student}}]

    rewrite(cli, another)
    run(cli)
    (pair,) = cli.json("duplicates", "list", "oak")["pairs"]
    assert "email" in pair["same"]
    keep, other = pair["first"], pair["second"]
    done = cli.json("duplicates", "merge", "oak", keep, other, "--by", "ann")
    assert done["links"] == 2
    assert cli.json("duplicates", "list", "oak")["pairs"] == []
    assert cli.json("roster", "show", "oak", "users", other)["status"] == "tobedeleted"
    again = cli("duplicates", "merge", "oak", keep, other, code=2)
    assert "no active user" in again.stderr
    assert run(cli)["counts"]["users"]["updated"] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("roster", "list", "nobody", "users"), "no tenant 'nobody'"),
        (("roster", "list", "oak", "people"), "there is no 'people'"),
        (("roster", "list", "oak", "users", "--status", "gone"), "--status"),
        (("roster", "list", "oak", "users", "--school", "North"), "no org 'North'"),
        (("roster", "list", "oak", "users", "--as-of", "yesterday"), "no time"),
        (("roster", "show", "oak", "users", "username=x"), "no record"),
        (("roster", "why", "oak", "username=x", "colour"), "no kind has 'colour'"),
        (("jobs", "undo", "999"), "no job 999"),
        (("duplicates", "merge", "oak", "a", "a"), "same record twice"),
        (("duplicates", "distinct", "oak", "a", "b"), "no active user 'a'"),
    ],
)
def test_bad_input_is_one_clear_line(cli: Cli, words: tuple[str, ...], told: str) -> None:
    refused = cli(*words, code=2)
    assert told in refused.stderr
    assert refused.stdout == ""
