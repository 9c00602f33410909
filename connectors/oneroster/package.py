"""A OneRoster set on disk, folder or zip: opened with care, read line by line.

What is wrong with the set as a whole is said with the file's name and the fix, and nothing of it is
taken: a set is the truth as a whole, or not at all.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from shared.errors import PermanentConnectorError, TransientConnectorError

NAME = "oneroster_csv"
MANIFEST = "manifest.csv"
#: Limits against zip bombs and files that are none of ours.
MAX_FILE_BYTES = 4 * 1024**3
MAX_RATIO = 200
MAX_FIELD = 128 * 1024
MAX_COLUMNS = 500
#: Rows that are handed on at once.
BLOCK_ROWS = 5000
#: How far a file's first bytes are looked at by `check`.
_BLOCK = 1024 * 1024

#: What identifies the state of a file: size, time of change, inode.
Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a file, and where it stands."""

    number: int
    values: list[str]


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a file, and where each stands."""

    numbers: Sequence[int]
    rows: list[list[str]]

    def lines(self) -> Iterator[Line]:
        """Yield the rows one by one."""
        return map(Line, self.numbers, self.rows)


class Package:
    """An opened set.

    Args:
        path: a folder or a zip.

    Raises:
        PermanentConnectorError: there is nothing of the kind there; says what is wrong.
        TransientConnectorError: it is being written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamps = stamps(path)
        self._zip = _open_zip(path) if path.is_file() else None
        self.files = frozenset(self._names())
        self.digests: dict[str, str] = {}

    def close(self) -> None:
        """Close the zip, if it is one."""
        if self._zip is not None:
            self._zip.close()

    def check_unchanged(self) -> None:
        """See that nobody has written to the set since it was opened.

        Raises:
            TransientConnectorError: somebody has.
        """
        if stamps(self._path) != self._stamps:
            raise TransientConnectorError(NAME, "the files were changed while they were read")

    def rows(self, name: str) -> Iterator[Line]:
        """Yield a file's rows, the header first, each with the number of its line.

        Raises:
            PermanentConnectorError: the file's encoding or its CSV is broken; names the line.
        """
        for block in self.blocks(name):
            yield from block.lines()

    def blocks(self, name: str) -> Iterator[Block]:
        """Yield a file's rows, many at once; the header is a block of its own.

        Raises:
            PermanentConnectorError: the file's encoding or its CSV is broken; names the line.
        """
        with self._open(name) as (stream, digest):
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="strict", newline="")
            reader = csv.reader(text, strict=True)
            csv.field_size_limit(MAX_FIELD)
            try:
                yield from self._checked(name, reader)
            except UnicodeDecodeError as error:
                raise self.broken(
                    name, f"after line {reader.line_num} a byte is not UTF-8", "Save it as UTF-8."
                ) from error
            except (csv.Error, zipfile.BadZipFile, zlib.error, EOFError) as error:
                raise self.broken(
                    name, f"line {reader.line_num + 1}: {error}", "Export it again."
                ) from error
            self.digests[name] = digest.hexdigest()

    def broken(self, name: str, problem: str, fix: str) -> PermanentConnectorError:
        """Make the error that says what is wrong with a file, and what to do."""
        return PermanentConnectorError(NAME, f"{name}: {problem}. {fix} Nothing was changed")

    def _checked(self, name: str, reader: Iterator[list[str]]) -> Iterator[Block]:
        rows: list[list[str]] = []
        start, size = 1, 1
        for values in reader:
            if len(values) > MAX_COLUMNS:
                line = reader.line_num  # type: ignore[attr-defined]
                raise self.broken(name, f"line {line}: {len(values)} columns", "Export it again.")
            rows.append(values)
            if len(rows) == size:
                yield from self._block(name, start, rows, reader.line_num)  # type: ignore[attr-defined]
                start, size, rows = start + size, BLOCK_ROWS, []
        yield from self._block(name, start, rows, reader.line_num)  # type: ignore[attr-defined]

    def _block(self, name: str, start: int, rows: list[list[str]], last: int) -> Iterator[Block]:
        """Yield the rows that stand from one line to another, the empty ones left out."""
        numbers: Sequence[int] = range(start, start + len(rows))
        text = "".join(map("".join, rows))
        if last != start + len(rows) - 1:
            line = next(n for n, row in zip(numbers, rows, strict=True) if _breaks(row))
            raise self.broken(name, f"line {line}: a value holds a line break", "Take it out.")
        if "\x00" in text:
            line = next(n for n, row in zip(numbers, rows, strict=True) if "\x00" in "".join(row))
            raise self.broken(name, f"line {line}: a NUL byte", "Export it again.")
        if not all(rows):
            numbers = [number for number, row in zip(numbers, rows, strict=True) if row]
            rows = [row for row in rows if row]
        if rows:
            yield Block(numbers, rows)

    @contextmanager
    def _open(self, name: str) -> Iterator[tuple[io.BufferedReader, _Digest]]:
        source: IO[bytes] = (
            self._zip.open(name) if self._zip is not None else (self._path / name).open("rb")
        )
        digest = _Digest(source)
        with source:
            yield io.BufferedReader(digest, _BLOCK), digest

    def _names(self) -> Iterator[str]:
        if self._zip is None:
            yield from (entry.name for entry in self._path.iterdir() if entry.is_file())
            return
        seen: set[str] = set()
        for entry in self._zip.infolist():
            _check_entry(entry, seen)
            seen.add(entry.filename)
            yield entry.filename


def _breaks(row: Sequence[str]) -> bool:
    return any("\n" in value or "\r" in value for value in row)


class _Digest(io.RawIOBase):
    """Counts and hashes what is read through it."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._hash = hashlib.sha256()
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        block = self._source.read(len(buffer))
        self._read += len(block)
        if self._read > MAX_FILE_BYTES:
            raise PermanentConnectorError(NAME, f"a file is larger than {MAX_FILE_BYTES} bytes")
        self._hash.update(block)
        buffer[: len(block)] = block
        return len(block)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def stamps(path: Path) -> Mapping[str, Stamp]:
    """Return the state of each file of a set, by name.

    Raises:
        PermanentConnectorError: there is nothing at the path, or it cannot be read.
        TransientConnectorError: a part of it is being written.
    """
    try:
        files = [path] if path.is_file() else sorted(p for p in path.iterdir() if p.is_file())
        found = {file.name: _stamp(file) for file in files}
    except FileNotFoundError as error:
        raise PermanentConnectorError(
            NAME, f"path: there is nothing at {path}. Give a folder or a zip"
        ) from error
    except OSError as error:
        raise PermanentConnectorError(NAME, f"path: {path}: {error.strerror}") from error
    parts = [name for name in found if name.endswith((".part", ".tmp", ".filepart"))]
    if parts:
        raise TransientConnectorError(NAME, f"{parts[0]} is still being written", 30)
    return found


def _stamp(file: Path) -> Stamp:
    status = file.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino


def _open_zip(path: Path) -> zipfile.ZipFile:
    if not zipfile.is_zipfile(path):
        # the directory of a zip stands at its end: until it is there, the file is not whole
        raise TransientConnectorError(
            NAME, f"{path.name} is no whole zip: still being written, or cut off", 60
        )
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise PermanentConnectorError(NAME, f"{path.name}: {error}. Export it again") from error


def _check_entry(entry: zipfile.ZipInfo, seen: set[str]) -> None:
    name = entry.filename
    if "/" in name or "\\" in name:
        problem = "it lies in a folder; files stand at the root of the zip"
    elif name in seen:
        problem = "it is there twice"
    elif entry.flag_bits & 1:
        problem = "it is encrypted"
    elif entry.file_size > MAX_FILE_BYTES:
        problem = f"it would be {entry.file_size} bytes"
    elif entry.file_size > 1024**2 and entry.file_size > MAX_RATIO * max(1, entry.compress_size):
        problem = "it would grow more than 200-fold"
    else:
        return
    raise PermanentConnectorError(NAME, f"{name[:100]}: {problem}. Nothing was changed")
