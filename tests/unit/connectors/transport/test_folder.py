"""A place that is a folder here: its parts, and what fails."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from connectors.sdk import RenderedFile
from connectors.transport.folder import FolderPlace
from connectors.transport.places import deliver, sha256
from shared.errors import PermanentConnectorError, TransientConnectorError


def a_file(folder: Path, text: str) -> tuple[RenderedFile]:
    path = folder / "one.csv"
    path.write_text(text)
    return (RenderedFile(path, 1, sha256(path)),)


def test_left_parts_are_cleared_and_what_is_whole_stays(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with FolderPlace("test", out) as place:
        place.probe()
        deliver(a_file(tmp_path, "x\n1\n"), place)
        (out / ".one.csv.part").write_text("half")
        (out / "notes.txt").write_text("not ours")
        assert deliver(a_file(tmp_path, "x\n1\n"), place).changed == frozenset()
    assert {path.name for path in out.iterdir()} == {"one.csv", "notes.txt"}


@pytest.mark.parametrize(
    ("number", "told"),
    [(errno.ENOSPC, TransientConnectorError), (errno.EIO, PermanentConnectorError)],
)
def test_a_disk_that_takes_no_more_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, told: type[Exception]
) -> None:
    with FolderPlace("test", tmp_path / "out") as place:
        deliver(a_file(tmp_path, "x\n1\n"), place)

        def refuse(_: int) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(told, match=r"path: .*/out cannot be written"):
            deliver(a_file(tmp_path, "x\n2\n"), place)
    assert (tmp_path / "out" / "one.csv").read_text() == "x\n1\n"
