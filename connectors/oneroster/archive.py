"""Zips from elsewhere: opened with care, since every number in them may lie.

Nothing is unpacked to disk, and no name in a zip is ever used as a path.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from shared.errors import PermanentConnectorError, TransientConnectorError

NAME = "oneroster_csv"
#: Limits against zip bombs and files that are none of ours.
MAX_FILE_BYTES = 4 * 1024**3
MAX_RATIO = 200
MAX_ENTRIES = 200
#: The zip's own directory is held as a whole; so many bytes are far more than `MAX_ENTRIES` take.
MAX_DIRECTORY_BYTES = 1024**2
#: What a broken file or zip makes the readers of both raise.
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
#: Each entry has a header of so many bytes, and its name, before its data.
_HEADER_BYTES = 30


class _BoundedFile(io.FileIO):
    """A file of which no more than a zip's directory is ever read at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile("its directory is too large")
        return super().read(-1 if size is None else size)


class Archive(zipfile.ZipFile):
    """A zip that reads through such a file, and closes it."""

    def __init__(self, path: Path) -> None:
        self._file = _BoundedFile(path)
        try:
            super().__init__(self._file)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the zip and its file."""
        super().close()
        self._file.close()


def open_archive(path: Path) -> Archive:
    """Open a zip.

    Raises:
        PermanentConnectorError: it is none, or a broken one.
        TransientConnectorError: it is not whole, so it may still be being written.
    """
    try:
        with path.open("rb") as file:
            start = file.read(2)
        if start and not b"PK".startswith(start):
            raise PermanentConnectorError(
                NAME, f"{path.name}: it is no zip. Give a folder or a zip. Nothing was changed"
            )
        if not zipfile.is_zipfile(path):
            # the directory of a zip stands at its end: until it is there, the file is not whole
            raise TransientConnectorError(
                NAME, f"{path.name} is no whole zip: still being written, or cut off", 60
            )
        return Archive(path)
    except UNREADABLE as error:
        raise PermanentConnectorError(
            NAME, f"{path.name}: {error}. Export it again. Nothing was changed"
        ) from error


def checked_entries(archive: zipfile.ZipFile, archive_bytes: int) -> dict[str, int]:
    """Return the size of each entry by name, as the directory tells it.

    Raises:
        PermanentConnectorError: an entry is none of a OneRoster set; says which and why.
    """
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise _refused("the zip", f"it holds {len(entries)} files")
    sizes: dict[str, int] = {}
    for entry in entries:
        problem = _problem(entry)
        if problem is None and entry.filename in sizes:
            problem = "it is there twice"
        if problem is not None:
            raise _refused(repr(entry.orig_filename[:100])[1:-1], problem)
        sizes[entry.filename] = entry.file_size
    _check_overlaps(entries, archive_bytes)
    return sizes


def _problem(entry: zipfile.ZipInfo) -> str | None:
    name = entry.orig_filename
    if "/" in name or "\\" in name:
        return "it lies in a folder; files stand at the root of the zip"
    if "\x00" in name:
        return "its name holds a NUL byte"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "it is a symbolic link"
    if entry.flag_bits & 1:
        return "it is encrypted"
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return "it is packed by another method than Deflate"
    if entry.file_size > MAX_FILE_BYTES:
        return f"it would be {entry.file_size} bytes"
    if entry.file_size > 1024**2 and entry.file_size > MAX_RATIO * max(1, entry.compress_size):
        return f"it would grow more than {MAX_RATIO}-fold"
    return None


def _check_overlaps(entries: Iterable[zipfile.ZipInfo], archive_bytes: int) -> None:
    """See that no two entries share their data, as in a bomb that is small in each part."""
    placed = sorted(entries, key=lambda entry: entry.header_offset)
    following = [entry.header_offset for entry in placed[1:]] + [archive_bytes]
    for entry, end in zip(placed, following, strict=True):
        if not 0 <= entry.header_offset <= end - _HEADER_BYTES - entry.compress_size:
            raise _refused(entry.filename, "it overlaps another file, or the end of the zip")


def _refused(name: str, problem: str) -> PermanentConnectorError:
    return PermanentConnectorError(
        NAME, f"{name}: {problem}. Export the set again. Nothing was changed"
    )
