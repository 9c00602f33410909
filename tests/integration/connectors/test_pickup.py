"""A OneRoster set on a real OpenSSH server: fetched whole and at rest, or not at all."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.district.generate import generate
from connectors.district.oneroster_files import write_oneroster
from connectors.oneroster.csv_import import OneRosterCsv, OneRosterCsvConfig
from connectors.sdk import ReadRequest
from connectors.transport import pickup
from shared.domain.reading import ReadCertificate
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError, TransientConnectorError
from tests.sftp_site import HERE, SftpSite


@pytest.fixture(scope="module")
def zipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("set") / "oneroster.zip"
    write_oneroster(generate("oak", seed=3, students=40), path)
    return path


@pytest.fixture
def unpacked(site: SftpSite, zipped: Path) -> Path:
    """The set's files in the site's folder, beside others that are none of it."""
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(site.folder)
    (site.folder / "notes.txt").write_text("none of a set")
    (site.folder / "archive").mkdir()
    (site.folder / "passwd.csv").symlink_to("/etc/passwd")
    return site.folder


def source(
    site: SftpSite, wait: Callable[[float], object] | None = None, **changes: Any
) -> OneRosterCsv:
    settings = {**site.settings, "quiet_s": 0.01, **changes}
    return OneRosterCsv(OneRosterCsvConfig(**settings).within(HERE), wait)


def read(made: OneRosterCsv, folder: Path | None = None) -> list[Any]:
    return list(made.read(ReadRequest(Mode.FULL, folder=folder)))


def test_a_zip_and_a_folder_are_what_they_are_here(
    site: SftpSite, unpacked: Path, zipped: Path, tmp_path: Path
) -> None:
    here = list(
        OneRosterCsv(OneRosterCsvConfig(path=zipped, quiet_s=0)).read(ReadRequest(Mode.FULL))
    )
    assert isinstance(here[-1], ReadCertificate)
    assert here[-1].counts[Kind.USERS] > 40
    source(site).check()
    assert read(source(site), tmp_path) == here
    # nothing of the roster is left behind
    assert list(tmp_path.iterdir()) == []
    shutil.copy(zipped, unpacked / "set.zip")
    path = f"{site.settings['sftp_path']}/set.zip"
    source(site, sftp_path=path).check()
    assert read(source(site, sftp_path=path), tmp_path) == here


def test_what_is_still_being_written_is_not_read(
    site: SftpSite, unpacked: Path, tmp_path: Path
) -> None:
    def grow(_: float) -> None:
        with (unpacked / "users.csv").open("ab") as file:
            file.write(b"x")

    with pytest.raises(TransientConnectorError, match="still being written"):
        read(source(site, grow), tmp_path)
    (unpacked / "orgs.csv.part").touch()
    with pytest.raises(TransientConnectorError, match=r"orgs\.csv\.part is still being written"):
        read(source(site))
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_is_named(site: SftpSite) -> None:
    with pytest.raises(PermanentConnectorError, match=r"sftp_path: .*/none is not there"):
        source(site, sftp_path=f"{site.settings['sftp_path']}/none").check()


@pytest.mark.parametrize(
    ("limit", "most", "told"),
    [
        ("MAX_FILE_BYTES", 1000, r"users\.csv has \d+ bytes, more than 1000"),
        ("MAX_FILES", 3, "it holds 9 files"),
    ],
)
def test_too_much_is_refused(
    limit: str,
    most: int,
    told: str,
    site: SftpSite,
    unpacked: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pickup, limit, most)
    with pytest.raises(PermanentConnectorError, match=told):
        read(source(site))


def test_one_place_is_named() -> None:
    with pytest.raises(ValidationError, match="it is missing"):
        OneRosterCsvConfig()
    with pytest.raises(ValidationError, match="sftp_host is set as well"):
        OneRosterCsvConfig(
            path="/set", sftp_host="h", sftp_user="u", sftp_host_key=KEY, sftp_password="p"
        )


#: Generated, of no server.
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
