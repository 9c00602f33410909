"""`oneroster_csv`: what it reads, and what it answers to every broken set."""

from __future__ import annotations

import os
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from connectors.district.generate import generate
from connectors.district.oneroster_files import write_oneroster
from connectors.oneroster.csv_import import OneRosterCsv, OneRosterCsvConfig
from connectors.sdk import ReadRequest
from shared.domain.reading import Batch, ReadCertificate, Refused
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError, TransientConnectorError

DISTRICT = generate("maple", seed=3, students=40)


def _read(path: Path, **config):
    source = OneRosterCsv(OneRosterCsvConfig(path=path, quiet_s=0, **config))
    return list(source.read(ReadRequest(Mode.FULL)))


def _counts(items) -> Counter:
    found: Counter = Counter()
    for item in items:
        if isinstance(item, Batch):
            found[item.kind] += len(item.rows)
    return found


@pytest.fixture(params=["1.1", "1.2"])
def folder(request, tmp_path) -> Path:
    write_oneroster(DISTRICT, tmp_path / "set", version=request.param)
    return tmp_path / "set"


def _edit(path: Path, change) -> None:
    path.write_bytes(change(path.read_bytes()))


def test_both_versions_bring_the_same_records(tmp_path):
    rows = {}
    for version in ("1.1", "1.2"):
        path = tmp_path / f"{version}.zip"
        write_oneroster(DISTRICT, path, version=version)
        items = _read(path)
        assert isinstance(items[-1], ReadCertificate)
        assert items[-1].complete == frozenset(Kind)
        assert items[-1].counts == _counts(items)
        rows[version] = _counts(items)
    assert rows["1.1"] == rows["1.2"]
    people = len(DISTRICT.students) + len(DISTRICT.teachers) + len(DISTRICT.guardians)
    assert rows["1.2"][Kind.USERS] == people
    assert rows["1.2"][Kind.DEMOGRAPHICS] == len(DISTRICT.students)


def test_folder_and_zip_are_alike(folder, tmp_path):
    packed = tmp_path / "set.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    assert _counts(_read(folder)) == _counts(_read(packed))


def test_a_bom_and_bare_line_feeds_are_accepted(folder):
    whole = _counts(_read(folder))
    for file in folder.iterdir():
        _edit(file, lambda text: b"\xef\xbb\xbf" + text.replace(b"\r\n", b"\n"))
    assert _counts(_read(folder)) == whole


def _swap_columns(text: bytes) -> bytes:
    return text.replace(b"name,type", b"type,name", 1)


def _second_line(text: bytes) -> bytes:
    return text.split(b"\r\n")[1]


BROKEN = {
    "swapped columns": ("orgs.csv", _swap_columns, "column 4 is 'type', not 'name'"),
    "another case": ("orgs.csv", lambda t: t.replace(b"sourcedId", b"SourcedId", 1), "column 1"),
    "a column more": ("orgs.csv", lambda t: t.replace(b"parentSourcedId", b"parentSourcedId,x", 1), "columns"),
    "header only": ("orgs.csv", lambda t: t.split(b"\r\n")[0] + b"\r\n", "no rows"),
    "empty": ("orgs.csv", lambda t: b"", "header"),
    "a line break in a value": ("orgs.csv", lambda t: t + b'x1,,,"a\nb",school,9,\r\n', "line break"),
    "Latin-1": ("orgs.csv", lambda t: t + b"x1,,,Caf\xe9,school,9,\r\n", "UTF-8"),
    "NUL": ("orgs.csv", lambda t: t + b"x1,,,a\x00b,school,9,\r\n", "NUL"),
    "a quote left open": ("orgs.csv", lambda t: t + b'x1,,,"abc', "line"),
    "too many columns": ("orgs.csv", lambda t: t + b"," * 100_000 + b"\r\n", "columns"),
    "delta": ("manifest.csv", lambda t: t.replace(b"file.orgs,bulk", b"file.orgs,delta"), "bulk set"),
    "absent but there": ("manifest.csv", lambda t: t.replace(b"file.orgs,bulk", b"file.orgs,absent"), "the manifest says absent"),
    "an unknown version": ("manifest.csv", lambda t: t.replace(b"oneroster.version,1.", b"oneroster.version,9."), "oneroster.version"),
    "a property twice": ("manifest.csv", lambda t: t + b"file.orgs,bulk\r\n", "doubled"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_set_is_refused_as_a_whole(name, folder):
    file, change, told = BROKEN[name]
    _edit(folder / file, change)
    with pytest.raises(PermanentConnectorError) as caught:
        _read(folder)
    assert told in str(caught.value)
    assert file in str(caught.value) or "manifest" in told


@pytest.mark.parametrize("file", ["manifest.csv", "users.csv", "orgs.csv", "enrollments.csv"])
def test_a_missing_file_is_named(file, folder):
    (folder / file).unlink()
    with pytest.raises(PermanentConnectorError, match=file):
        _read(folder)


def test_nothing_at_the_path(tmp_path):
    with pytest.raises(PermanentConnectorError, match="path: there is nothing"):
        _read(tmp_path / "nowhere")


def test_a_district_may_extend_what_the_standard_lets_it(tmp_path):
    write_oneroster(DISTRICT, tmp_path / "set", version="1.2")
    _edit(tmp_path / "set" / "orgs.csv", lambda text: text + b"x1,,,X,ext:annex,1,\r\n")
    _edit(tmp_path / "set" / "users.csv", lambda text: text.replace(b",true,", b",ext:perhaps,", 1))
    refused = [item for item in _read(tmp_path / "set") if isinstance(item, Refused)]
    assert [(one.kind, one.field) for one in refused][:1] == [(Kind.USERS, "enabledUser")]
    assert Kind.ORGS not in {one.kind for one in refused}


ROWS = {
    "an id with a blank": (b"a b,,,X,school,1,\r\n", "sourcedId"),
    "status in bulk": (b"x1,active,,X,school,1,\r\n", "status"),
    "a word of no vocabulary": (b"x1,,,X,School,1,\r\n", "type"),
    "a required value missing": (b"x1,,,,school,1,\r\n", "name"),
    "too few columns": (b"x1,,,X\r\n", "sourcedId"),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_bad_row_is_refused_and_the_others_go_on(name, folder):
    row, field = ROWS[name]
    before = _counts(_read(folder))
    _edit(folder / "orgs.csv", lambda text: text + row)
    items = _read(folder)
    refused = [item for item in items if isinstance(item, Refused)]
    assert [(r.kind, r.field) for r in refused] == [(Kind.ORGS, field)]
    assert "orgs.csv:" in refused[0].reason
    assert _counts(items) == before
    assert isinstance(items[-1], ReadCertificate)


def test_a_file_that_is_still_being_written_is_not_read(folder):
    def write_more(_seconds: float) -> None:
        with (folder / "users.csv").open("ab") as file:
            file.write(b"more")

    source = OneRosterCsv(OneRosterCsvConfig(path=folder, quiet_s=1), wait=write_more)
    with pytest.raises(TransientConnectorError, match="still being written"):
        list(source.read(ReadRequest(Mode.FULL)))


def test_a_part_beside_it_means_that_it_is_being_written(folder):
    (folder / "users.csv.part").write_bytes(b"")
    with pytest.raises(TransientConnectorError, match=r"users.csv.part"):
        _read(folder)


def test_a_change_while_reading_ends_the_read(folder):
    source = OneRosterCsv(OneRosterCsvConfig(path=folder, quiet_s=0))
    reading = source.read(ReadRequest(Mode.FULL))
    next(reading)
    os.utime(folder / "users.csv", ns=(1, 1))
    with pytest.raises(TransientConnectorError, match="changed"):
        list(reading)


def _zip(path: Path, entries) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def test_zips_that_are_none_of_ours(tmp_path):
    nested = _zip(tmp_path / "nested.zip", [("folder/orgs.csv", "x")])
    with pytest.raises(PermanentConnectorError, match="root"):
        _read(nested)
    bomb = _zip(tmp_path / "bomb.zip", [("manifest.csv", b"0" * 30_000_000)])
    with pytest.raises(PermanentConnectorError, match="200-fold"):
        _read(bomb)
    whole = tmp_path / "whole.zip"
    write_oneroster(DISTRICT, whole)
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole.read_bytes()[:-2000])
    with pytest.raises(TransientConnectorError, match="whole zip"):
        _read(cut)
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = _zip(tmp_path / "twice.zip", [("orgs.csv", "a"), ("orgs.csv", "b")])
    with pytest.raises(PermanentConnectorError, match="twice"):
        _read(twice)


def test_a_broken_byte_inside_a_zip(tmp_path):
    whole = tmp_path / "whole.zip"
    write_oneroster(DISTRICT, whole)
    content = bytearray(whole.read_bytes())
    with zipfile.ZipFile(whole) as archive:
        info = archive.getinfo("users.csv")
    middle = info.header_offset + 60 + info.compress_size // 2
    content[middle : middle + 40] = b"\x00" * 40
    whole.write_bytes(content)
    with pytest.raises(PermanentConnectorError, match=r"users\.csv"):
        _read(whole)
