"""A place on a real OpenSSH server: sets come whole or not at all, and what fails is named."""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest

from connectors.sdk import RenderedFile
from connectors.transport.drop import SftpDrop
from connectors.transport.places import deliver, refuse_to_empty, sha256
from connectors.transport.sftp import SftpPlace
from shared.errors import PermanentConnectorError, TransientConnectorError
from tests.sftp_site import HERE, SftpSite, line


def files(folder: Path, **contents: str) -> tuple[RenderedFile, ...]:
    folder.mkdir(exist_ok=True)
    made = []
    for name, text in contents.items():
        path = folder / f"{name}.csv"
        path.write_text(text)
        made.append(RenderedFile(path, text.count("\n") - 1, sha256(path)))
    return tuple(made)


def place(site: SftpSite, **changes: Any) -> SftpPlace:
    drop = SftpDrop(**{**site.settings, **changes})
    made = drop.within(HERE).place("test")
    assert isinstance(made, SftpPlace)
    return made


def test_a_set_arrives_and_what_is_there_is_left_alone(site: SftpSite, tmp_path: Path) -> None:
    old = files(tmp_path / "a", one="x\n1\n", two="x\n2\n")
    with place(site) as there:
        there.probe()
        assert there.names() == frozenset()
        first = deliver(old, there)
    assert first.changed == {"one.csv", "two.csv"}
    assert first.places[0] == f"{SftpDrop(**site.settings).address}/one.csv"
    assert site.contents() == {"one.csv": b"x\n1\n", "two.csv": b"x\n2\n"}
    times = site.times()
    with place(site) as there:
        assert deliver(old, there).changed == frozenset()
    assert site.times() == times
    # as many bytes, and others
    with place(site) as there:
        assert deliver(files(tmp_path / "b", one="x\n1\n", two="x\n3\n"), there).changed == {
            "two.csv"
        }
        assert deliver(old, there, send_unchanged=True).changed == {"two.csv"}
    assert site.times()["one.csv"] != times["one.csv"]


def test_the_seal_is_last_and_what_is_no_longer_ours_goes(site: SftpSite, tmp_path: Path) -> None:
    (site.folder / "gone.csv").write_text("x\n")
    (site.folder / "notes.txt").write_text("not ours")
    seen: list[tuple[str, list[str]]] = []

    class Watched(SftpPlace):
        def move(self, part: str, name: str) -> None:
            seen.append((name, sorted(path.name for path in site.folder.glob(".*.part"))))
            super().move(part, name)

    made = files(tmp_path / "a", one="x\n1\n", manifest="x\n")
    drop = SftpDrop(**site.settings).within(HERE)
    with Watched("test", drop, drop.sftp_path) as there:
        done = deliver(made, there, ours={"one.csv", "gone.csv"}, seal="manifest.csv")
    assert done.changed == {"one.csv", "gone.csv", "manifest.csv"}
    assert set(site.contents()) == {"one.csv", "manifest.csv", "notes.txt"}
    assert [name for name, _ in seen] == ["one.csv", "manifest.csv"]
    assert all(any(part.startswith(".manifest.csv.") for part in parts) for _, parts in seen)


def test_parts_that_were_left_are_cleared_away_and_others_are_not(
    site: SftpSite, tmp_path: Path
) -> None:
    left = [
        ".one.csv.00c0ffee.part",
        ".two.csv.00c0ffee.part",
        ".one.csv.part",
        ".other.csv.x.part",
    ]
    for name in left:
        (site.folder / name).write_text("half")
        os.chown(site.folder / name, site.folder.stat().st_uid, -1)
    with place(site) as there:
        deliver(files(tmp_path / "a", one="x\n"), there, ours={"two.csv"})
    assert set(site.contents()) == {"one.csv", ".one.csv.part", ".other.csv.x.part"}


def test_whoever_has_lost_their_lease_renames_nothing_of_their_follower(
    site: SftpSite, tmp_path: Path
) -> None:
    old, new = files(tmp_path / "a", one="x\nold\n"), files(tmp_path / "b", one="x\nnew\n")
    with place(site) as late:
        part = late.put(old[0].path, "one.csv")
        with place(site) as follower:
            deliver(new, follower)
        with pytest.raises(PermanentConnectorError, match="went away"):
            late.move(part, "one.csv")
    assert site.contents() == {"one.csv": b"x\nnew\n"}


def test_a_file_is_never_seen_half(site: SftpSite, tmp_path: Path) -> None:
    versions = [files(tmp_path / str(n), one=f"x\n{str(n) * 50_000}\n")[0] for n in (1, 2)]
    whole = {version.path.read_bytes() for version in versions}
    seen: list[bytes] = []
    with place(site) as there:
        deliver((versions[0],), there)
        for turn in range(10):
            part = there.put(versions[turn % 2].path, "one.csv")
            seen.append((site.folder / "one.csv").read_bytes())
            there.move(part, "one.csv")
            seen.append((site.folder / "one.csv").read_bytes())
    assert set(seen) == whole


def test_a_server_that_can_only_rename_over_nothing(site: SftpSite, tmp_path: Path) -> None:
    with place(site, sftp_rename="remove_first", sftp_confirm=False) as there:
        there.probe()
        deliver(files(tmp_path / "a", one="x\n1\n"), there)
        deliver(files(tmp_path / "b", one="x\n2\n"), there)
    assert site.contents() == {"one.csv": b"x\n2\n"}


def test_nobody_is_not_put_in_the_place_of_somebody(site: SftpSite, tmp_path: Path) -> None:
    (none,) = files(tmp_path / "a", one="x\n")
    with place(site) as there:
        refuse_to_empty("test", there, none, "user")
        deliver(files(tmp_path / "b", one="x\n1\n2\n"), there)
        with pytest.raises(
            PermanentConnectorError, match="no user would be sent, where there were 2"
        ):
            refuse_to_empty("test", there, none, "user")


# What fails, and how it is told


def another_key() -> str:
    key = paramiko.RSAKey.generate(2048)
    return f"{key.get_name()} {key.get_base64()}"


def private(key: paramiko.PKey) -> str:
    text = io.StringIO()
    key.write_private_key(text)
    return text.getvalue()


REFUSED = {
    "another host key": (
        {"sftp_host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"},
        r"sftp_host_key: .* shows another key than the pinned one, ssh-ed25519 SHA256:",
    ),
    "another kind of host key": (
        {"sftp_host_key": another_key()},
        r"sftp_host_key: .* no host key of the pinned kind \(ssh-rsa\)",
    ),
    "another private key": (
        {"sftp_private_key": private(paramiko.RSAKey.generate(2048))},
        "sftp_private_key: .* does not let .* in",
    ),
    "a wrong password": (
        {"sftp_private_key": None, "sftp_password": "s3cret"},
        "sftp_password: .* does not let .* in",
    ),
    "another user": ({"sftp_user": "nobody-at-all"}, "sftp_private_key: .*nobody-at-all.*sftp_user"),
    "no folder": ({"sftp_path": "nowhere"}, "sftp_path: .*/nowhere is not there"),
    "a file": ({"sftp_path": "/etc/passwd"}, "sftp_path: .* is no folder"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_person_must_correct_is_named(site: SftpSite, case: str) -> None:
    changes, told = REFUSED[case]
    with pytest.raises(PermanentConnectorError, match=told) as refused, place(site, **changes):
        pass
    assert "s3cret" not in str(refused.value)
    assert site.contents() == {}


def test_several_host_keys_may_be_pinned(site: SftpSite) -> None:
    keys = f"{another_key()}\n{site.settings['sftp_host_key']}"
    with place(site, sftp_host_key=keys) as there:
        assert there.names() == frozenset()


def test_a_folder_that_may_not_be_written_is_named(site: SftpSite, tmp_path: Path) -> None:
    site.folder.chmod(0o555)
    try:
        with place(site) as there:
            told = r"sftp_path: .* cannot be written: \w+ may not"
            with pytest.raises(PermanentConnectorError, match=told):
                there.probe()
            with pytest.raises(PermanentConnectorError, match=told):
                deliver(files(tmp_path / "a", one="x\n"), there)
    finally:
        site.folder.chmod(0o755)


def test_a_folder_that_may_not_be_listed_or_read_is_written_all_the_same(
    site: SftpSite, tmp_path: Path
) -> None:
    made = files(tmp_path / "a", one="x\n1\n")
    with place(site) as there:
        deliver(made, there)
    (site.folder / "one.csv").chmod(0o222)
    site.folder.chmod(0o333)
    try:
        with place(site) as there:
            assert there.names() == frozenset()
            assert deliver(made, there).changed == {"one.csv"}
    finally:
        site.folder.chmod(0o755)
    assert site.contents() == {"one.csv": b"x\n1\n"}


@pytest.fixture
def full(site: SftpSite) -> Iterator[Path]:
    """The site's folder as a disk of 64 KiB."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can make a small disk")
    owner = site.folder.stat().st_uid
    options = f"size=64k,mode=755,uid={owner}"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(site.folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("no disk can be mounted here")
    yield site.folder
    subprocess.run(["umount", str(site.folder)], check=True)


def test_a_full_disk_leaves_the_old_set_and_no_part(
    site: SftpSite, full: Path, tmp_path: Path
) -> None:
    del full
    old = files(tmp_path / "a", one="x\n1\n", two="x\n1\n")
    with place(site) as there:
        deliver(old, there)
    before = site.contents()
    big = files(tmp_path / "b", one="x\n2\n", two="x\n" + "2" * 200_000)
    with (
        pytest.raises(
            TransientConnectorError, match=r"sftp_path: .* when its disk or a quota is full"
        ),
        place(site) as there,
    ):
        deliver(big, there)
    assert site.contents() == before


def test_a_server_that_is_down_or_silent_is_tried_again(site: SftpSite, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with (
            pytest.raises(TransientConnectorError, match=r"sftp_host: .* does not answer"),
            place(site, sftp_port=port, sftp_timeout_s=0.5),
        ):
            pass
    with (
        pytest.raises(TransientConnectorError, match=r"sftp_host: .* does not answer"),
        place(site, sftp_port=port),
    ):
        pass
    big = files(tmp_path / "a", one="x\n" + "1" * 300_000)
    with line(site.settings["sftp_port"], after=100_000) as slow:
        with (
            pytest.raises(TransientConnectorError, match="does not answer"),
            place(site, sftp_port=slow.port, sftp_timeout_s=1) as there,
        ):
            deliver(big, there)
        assert slow.stalled.is_set()
    # the old set, which is none, is whole; what was left goes with the next delivery
    assert all(name.endswith(".part") for name in site.contents())
    with place(site) as there:
        deliver(big, there)
    assert list(site.contents()) == ["one.csv"]
