"""`bellringer roster export` and the connector, as a person uses them."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.district.generate import generate
from connectors.district.oneroster_files import write_oneroster
from tests.acceptance.test_cli import Cli
from tests.oneroster_checker import apply_delta, read_set

# a command takes a second, and several on a busy machine
pytestmark = pytest.mark.timeout(240)


def _oak(folder: Path) -> Cli:
    made = Cli(folder)
    write_oneroster(generate("oak", seed=4, students=25), folder / "drop.zip")
    made("tenants", "add", "oak")
    made("apps", "add", "oak", "oneroster_csv", "--name", "sis", "--set", f"path={folder}/drop.zip",
         "--set", "quiet_s=0")  # fmt: skip
    made("run-now", "oak/sis", "--wait")
    return made


@pytest.fixture(scope="module")
def oak(tmp_path_factory) -> Cli:
    """A tenant whose hub stays as it is."""
    return _oak(tmp_path_factory.mktemp("oak"))


@pytest.fixture
def changing_oak(tmp_path: Path) -> Cli:
    return _oak(tmp_path)


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_the_hub_is_written_as_a_zip_or_a_folder(oak, version):
    format_ = f"oneroster-{version}"
    told = oak.json("roster", "export", "oak", "--format", format_, "--out", "set.zip")
    packed = read_set(oak.folder / "set.zip")
    assert (packed.problems, packed.version) == ([], version)
    assert told["files"].pop("manifest.csv") == {"1.1": 17, "1.2": 25}[version]
    assert told["files"] == {f"{name}.csv": len(rows) for name, rows in packed.tables.items()}
    assert (told["mode"], told["left_out"]) == ("bulk", {})
    before = (oak.folder / "set.zip").read_bytes()
    again = oak.json("roster", "export", "oak", "--format", format_, "--out", "set.zip")
    assert not again["changed"]
    assert (oak.folder / "set.zip").read_bytes() == before
    oak("roster", "export", "oak", "--format", format_, "--out", "set")
    assert read_set(oak.folder / "set").tables == packed.tables
    assert not [path for path in oak.folder.iterdir() if path.name.endswith(".part")]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["oak", "--out", "x", "--delta"], "--since: one was given without the other"),
        (["oak", "--out", "x", "--since", "2026-11-23T00:00:00Z"], "--delta: one was given"),
        (["oak", "--out", "x", "--delta", "--since", "soon"], "'soon' is no time"),
        (["oak", "--out", "x", "--delta", "--since", "2026-11-23T00:00"], "names no zone"),
        (
            [
                "oak",
                "--out",
                "x",
                "--delta",
                "--since",
                "2026-11-23T00:00:00Z",
                "--as-of",
                "2026-11-23",
            ],
            "--as-of: changes lead to the hub as it is now",
        ),
        (["elm", "--out", "x"], "there is no tenant 'elm'"),
        (["oak", "--out", "drop.zip/x"], "cannot be written: Not a directory"),
    ],
)
def test_what_cannot_be_written_is_said(oak, words, told):
    assert told in oak("roster", "export", *words, code=2).stderr


def test_a_tenant_without_a_roster_is_refused_and_nothing_is_replaced(oak):
    oak("roster", "export", "oak", "--out", "set.zip")
    before = (oak.folder / "set.zip").read_bytes()
    oak("tenants", "add", "empty")
    failed = oak("roster", "export", "empty", "--out", "set.zip", code=2)
    assert "academicSessions: a bulk set of OneRoster 1.2 needs some" in failed.stderr
    assert (oak.folder / "set.zip").read_bytes() == before


def test_the_connector_sends_what_the_command_says_has_changed(changing_oak):
    oak, place = changing_oak, changing_oak.folder / "out" / "set.zip"
    oak("apps", "add", "oak", "oneroster_csv_export", "--name", "csv", "--set", f"path={place}",
        "--set", "version=1.1", "--set", "mode=delta")  # fmt: skip
    oak("run-now", "oak/csv", "--wait")
    first = read_set(place)
    assert (first.problems, first.version, first.is_delta) == ([], "1.1", False)
    (job, *_) = oak.json("jobs", "list")
    since, then = job["started_at"], job["finished_at"]
    write_oneroster(generate("oak", seed=4, students=25, day=3), oak.folder / "drop.zip")
    oak("run-now", "oak/sis", "--wait")
    oak("run-now", "oak/csv", "--wait")
    changes = read_set(place)
    assert (changes.problems, changes.is_delta) == ([], True)
    export = ("roster", "export", "oak", "--format", "oneroster-1.1", "--out")
    told = oak.json(*export, "changes.zip", "--delta", "--since", since)
    assert told["mode"] == "delta"
    assert (oak.folder / "changes.zip").read_bytes() == place.read_bytes()
    oak(*export, "now.zip")
    assert apply_delta(first.tables, changes) == read_set(oak.folder / "now.zip").tables
    oak(*export, "then.zip", "--as-of", then)
    assert read_set(oak.folder / "then.zip").tables == first.tables
