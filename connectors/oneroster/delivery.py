"""Brings a set to its place, a folder or a zip: all together, and only what differs.

A zip's bytes depend on its files alone: their order and times are fixed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from connectors.oneroster.layout import FILES
from connectors.sdk import Delivery, RenderedFile
from shared.errors import PermanentConnectorError

#: The first instant that a zip can tell: files have no time of their own.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16
_UNIX = 3
_BLOCK = 1024 * 1024
#: Files that a set may consist of, the manifest aside; others in a folder are not ours.
_DATA_FILES = frozenset(f"{name}.csv" for names in FILES.values() for name in names)


def is_zip(place: Path) -> bool:
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


def check_place(connector: str, place: Path) -> None:
    """See that a set can be put into its place; makes the folder.

    Raises:
        PermanentConnectorError: it cannot.
    """
    if is_zip(place) and place.is_dir():
        raise PermanentConnectorError(connector, f"path: {place} is a folder, and ends in .zip")
    folder = place.parent if is_zip(place) else place
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".bellringer.part"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise PermanentConnectorError(
            connector, f"path: {folder} cannot be written: {error.strerror}"
        ) from error


def deliver(files: Sequence[RenderedFile], place: Path) -> Delivery:
    """Put files beside their places as `.part`, then rename them, the manifest last.

    Args:
        files: one zip, or a set's files with the manifest as the last.
        place: the zip, or the folder.

    What has not changed is left alone, with its time. In a folder, the manifest's `.part` stands
    there until all else is in its place, so that a reader who minds it never sees half a set, and
    data files that the set does not have are removed.
    """
    if not files:
        return Delivery((), frozenset())
    places = {place if is_zip(place) else place / file.path.name: file for file in files}
    stale = [] if is_zip(place) else _stale(place, {path.name for path in places})
    changed = {path for path, file in places.items() if not _holds(path, file)}
    moving = [path for path in places if path in changed]
    if (moving or stale) and not is_zip(place) and list(places)[-1] not in changed:
        moving.append(list(places)[-1])
    for path in moving:
        _copy(places[path].path, _part(path))
    for path in stale:
        path.unlink()
    for path in moving:
        os.replace(_part(path), path)
    return Delivery(
        places=tuple(str(path) for path in places),
        changed=frozenset(path.name for path in (*changed, *stale)),
    )


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stale(folder: Path, names: set[str]) -> list[Path]:
    return [folder / name for name in sorted(_DATA_FILES - names) if (folder / name).is_file()]


def _holds(path: Path, file: RenderedFile) -> bool:
    return path.is_file() and sha256(path) == file.sha256


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as given, target.open("wb") as taken:
        shutil.copyfileobj(given, taken, _BLOCK)
        taken.flush()
        os.fsync(taken.fileno())
