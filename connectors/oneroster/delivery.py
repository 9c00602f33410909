"""Brings a set to its place, a folder or a zip: all together, and only what differs.

A zip's bytes depend on its files alone: their order and times are fixed.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePath

from connectors.oneroster.layout import FILES
from connectors.oneroster.set_writer import MANIFEST
from connectors.sdk import Delivery, RenderedFile
from connectors.transport.places import Place, deliver, sha256
from shared.errors import PermanentConnectorError

#: The first instant that a zip can tell: files have no time of their own.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16
_UNIX = 3
_BLOCK = 1024 * 1024
#: Files that a set may consist of, the manifest aside; others in a folder are not ours.
_DATA_FILES = frozenset(f"{name}.csv" for names in FILES.values() for name in names)


def is_zip(place: PurePath) -> bool:
    """Return whether a place is to be a zip, by its name."""
    return place.suffix.lower() == ".zip"


def pack(files: Sequence[RenderedFile], path: Path) -> RenderedFile:
    """Write files into a zip, side by side, in their order."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.path.name, _NO_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system, entry.external_attr = _UNIX, _MODE
            entry.file_size = file.path.stat().st_size
            with file.path.open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target, _BLOCK)
    return RenderedFile(path, sum(file.rows for file in files), sha256(path))


def check_name(connector: str, path: Path) -> None:
    """See that what is to be a zip is no folder.

    Raises:
        PermanentConnectorError: it is one.
    """
    if is_zip(path) and path.is_dir():
        raise PermanentConnectorError(connector, f"path: {path} is a folder, and ends in .zip")


def deliver_set(files: Sequence[RenderedFile], place: Place, *, again: bool = False) -> Delivery:
    """Bring a set to its place.

    Args:
        files: one zip, or a set's files with the manifest as the last.
        place: an open one: the folder of the files, or in which the zip lies.
        again: send what is there already, too.

    In a folder, the manifest's part stands there until all else is in its place, so that a reader
    who minds it never sees half a set, and data files that the set does not have are removed.
    """
    if len(files) == 1 and is_zip(files[0].path):
        return deliver(files, place, send_unchanged=again)
    return deliver(files, place, ours=_DATA_FILES, seal=MANIFEST, send_unchanged=again)
