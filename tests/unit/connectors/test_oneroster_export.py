"""`oneroster_csv_export`: how a set comes to its place, and where the next one starts."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors import registry
from connectors.oneroster.csv_export import CONNECTOR, OneRosterCsvExportConfig
from connectors.sdk import ChangesTarget, Target
from shared.domain.records import Kind
from shared.errors import ConfigurationError, PermanentConnectorError
from tests.oneroster_checker import read_set
from tests.unit.connectors.roster_in_memory import MemoryRoster, small_roster, user


@pytest.fixture
def roster() -> MemoryRoster:
    return small_roster()


def _target(place: Path, **config):
    return CONNECTOR.open(OneRosterCsvExportConfig(path=place, **config))


class _Runs:
    """Runs a target as a worker does, each time in a folder of its own."""

    def __init__(self, target, roster: MemoryRoster, folder: Path) -> None:
        self.target, self.roster, self.folder = target, roster, folder
        self.cursor: str | None = None

    def __call__(self, cursor: str | None = None):
        work = self.folder / f"work-{len(list(self.folder.iterdir()))}"
        work.mkdir()
        rendering = self.target.render_changes(self.roster, work, cursor or self.cursor)
        delivery = self.target.deliver(rendering)
        self.cursor = rendering.cursor or self.cursor
        return delivery


def test_it_is_registered_and_a_target():
    assert registry.get("oneroster_csv_export") is CONNECTOR
    target = _target(Path("x"))
    assert isinstance(target, Target)
    assert isinstance(target, ChangesTarget)
    with pytest.raises(ValidationError):
        OneRosterCsvExportConfig(path=Path("x"), version="1.0")


def test_a_zip_depends_on_the_hub_alone(roster, tmp_path):
    place = tmp_path / "out" / "set.zip"
    run = _Runs(_target(place), roster, tmp_path)
    assert run().changed == {"set.zip"}
    before = place.read_bytes()
    os.utime(place, (1, 1))
    assert run().changed == frozenset()
    assert place.stat().st_mtime == 1
    place.unlink()
    run()
    assert place.read_bytes() == before
    with zipfile.ZipFile(place) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist()[-1] == "manifest.csv"


def test_a_folder_holds_the_set_alone(roster, tmp_path):
    place = tmp_path / "out"
    run = _Runs(_target(place), roster, tmp_path)
    run()
    (place / "notes.txt").write_text("not ours")
    (place / "results.csv").write_text("of an older set")
    roster.remove(Kind.DEMOGRAPHICS, "dm")
    assert run().changed == {"demographics.csv", "results.csv", "manifest.csv"}
    (place / "notes.txt").unlink()
    assert read_set(place).problems == []


def test_a_reader_who_minds_parts_never_sees_half_a_set(roster, tmp_path, monkeypatch):
    place = tmp_path / "out"
    run = _Runs(_target(place), roster, tmp_path)
    run()
    seen = []

    def replace(source, target, real=os.replace):
        seen.append((target.name, (place / ".manifest.csv.part").exists()))
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    roster.put(Kind.USERS, "u1", user("u1", givenName="Another"))
    # the manifest says what it said before, and yet it is put there last
    assert run().changed == {"users.csv"}
    assert seen == [("users.csv", True), ("manifest.csv", True)]
    assert not list(place.glob(".*.part"))


def test_an_empty_hub_replaces_nothing(roster, tmp_path):
    place = tmp_path / "out"
    run = _Runs(_target(place), roster, tmp_path)
    run()
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    run.roster = MemoryRoster()
    with pytest.raises(ConfigurationError, match="academicSessions"):
        run()
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


def test_changes_start_where_the_set_before_ended(roster, tmp_path):
    place = tmp_path / "set.zip"
    run = _Runs(_target(place, mode="delta"), roster, tmp_path)
    run()
    assert not read_set(place).is_delta
    roster.now = 1
    roster.put(Kind.USERS, "u1", user("u1", givenName="Another"))
    run()
    made = read_set(place)
    assert (set(made.tables), set(made.tables["users"])) == ({"users"}, {"u1"})
    assert run().places == ()
    assert read_set(place).tables == made.tables


def test_another_version_or_place_starts_anew(roster, tmp_path):
    first = _Runs(_target(tmp_path / "a.zip", mode="delta"), roster, tmp_path)
    first()
    for config in ({"version": "1.1"}, {}):
        place = tmp_path / "b.zip"
        run = _Runs(_target(place, mode="delta", **config), roster, tmp_path)
        run(first.cursor)
        assert not read_set(place).is_delta


def test_a_bulk_set_is_one_to_go_on_from(roster, tmp_path):
    place = tmp_path / "set.zip"
    run = _Runs(_target(place), roster, tmp_path)
    run()
    run.target = _target(place, mode="delta")
    assert run().places == ()


@pytest.mark.parametrize("name", ["file/out", "file/set.zip", "folder.zip"])
def test_a_place_that_cannot_be_written_is_named(name, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.zip").mkdir()
    with pytest.raises(PermanentConnectorError, match="path:"):
        _target(tmp_path / name).check()
