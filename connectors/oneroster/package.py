"""A OneRoster set on disk, folder or zip: opened with care, read line by line.

What is wrong with the set as a whole is said with the file's name and the fix, and nothing of it is
taken: a set is the truth as a whole, or not at all.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from connectors.oneroster.archive import (
    MAX_FILE_BYTES,
    NAME,
    UNREADABLE,
    checked_entries,
    open_archive,
)
from shared.errors import PermanentConnectorError, TransientConnectorError

MANIFEST = "manifest.csv"
#: Limits against files that are none of ours.
MAX_FIELD = 128 * 1024
MAX_COLUMNS = 500
#: Bytes of one row, which is held as a whole.
MAX_LINE_BYTES = 4 * 1024**2
#: Rows that are handed on at once, and the bytes from which on there are fewer.
BLOCK_ROWS = 5000
BLOCK_BYTES = 8 * 1024**2
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
        self._zip = open_archive(path) if path.is_file() else None
        self._sizes = {} if self._zip is None else checked_entries(self._zip, path.stat().st_size)
        self.files = frozenset(self._sizes if self._zip is not None else self._names())
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
        try:
            with self._open(name) as (stream, digest):
                text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="strict", newline="")
                reader = csv.reader(text, strict=True)
                csv.field_size_limit(MAX_FIELD)
                try:
                    yield from self._checked(name, reader, digest)
                except UnicodeDecodeError as error:
                    raise self._no_utf8(name, reader.line_num, error) from error
                except csv.Error as error:
                    told = f"line {reader.line_num + 1}: {error}"
                    raise self.broken(name, told, "Export it again.") from error
                self._check_size(name, digest)
                self.digests[name] = digest.hexdigest()
        except PermissionError as error:
            raise self.broken(name, f"{error.strerror}", "Let the worker read it.") from error
        except OSError as error:
            # it may have been replaced, or the disk is away
            raise TransientConnectorError(NAME, f"{name}: {error.strerror}") from error
        except UNREADABLE as error:
            raise self.broken(name, f"it cannot be read: {error}", "Export it again.") from error

    def broken(self, name: str, problem: str, fix: str) -> PermanentConnectorError:
        """Make the error that says what is wrong with a file, and what to do."""
        return PermanentConnectorError(NAME, f"{name}: {problem}. {fix} Nothing was changed")

    def _no_utf8(self, name: str, line: int, error: UnicodeDecodeError) -> PermanentConnectorError:
        """Make the error of a file in another encoding, with the line of its first such byte."""
        if not line and error.object[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            return self.broken(name, "it is UTF-16", "Save it as UTF-8.")
        place = line + 1 + error.object[: error.start].count(b"\n")
        return self.broken(name, f"line {place}: a byte is not UTF-8", "Save it as UTF-8.")

    def _check_size(self, name: str, digest: _Digest) -> None:
        """See that a zip's entry is as long as its directory says."""
        told = self._sizes.get(name, digest.read_bytes)
        if told != digest.read_bytes:
            raise self.broken(
                name, f"it has {digest.read_bytes} bytes, not {told}", "Export it again."
            )

    def _checked(self, name: str, reader: Any, digest: _Digest) -> Iterator[Block]:
        rows: list[list[str]] = []
        start, size, most, width = 1, 1, BLOCK_BYTES, 0
        values: list[str] = []
        for values in reader:
            if len(values) > MAX_COLUMNS:
                raise self.broken(
                    name, f"line {reader.line_num}: {len(values)} columns", "Export it again."
                )
            rows.append(values)
            if len(rows) == size or digest.read_bytes > most:
                width = width or len(values)
                yield from self._block(name, start, rows, reader.line_num)
                start, size, rows = start + len(rows), BLOCK_ROWS, []
                most = digest.read_bytes + BLOCK_BYTES
        if len(values) < width and not digest.ends_a_line:
            told = f"line {reader.line_num}: the file ends inside of it"
            raise self.broken(name, told, "It was cut off: export it again.")
        yield from self._block(name, start, rows, reader.line_num)

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
        digest = _Digest(source, name)
        with source:
            yield io.BufferedReader(digest, _BLOCK), digest

    def _names(self) -> Iterator[str]:
        folder = self._path.resolve()
        for entry in self._path.iterdir():
            if not entry.is_file():
                continue
            if not entry.resolve().is_relative_to(folder):
                raise self.broken(
                    entry.name, "it is a link to a file elsewhere", "Put the file itself there."
                )
            yield entry.name


def _breaks(row: Sequence[str]) -> bool:
    return any("\n" in value or "\r" in value for value in row)


class _Digest(io.RawIOBase):
    """Counts and hashes what is read through it, and bounds what would be held of it.

    Attributes:
        read_bytes: how many were read.
        ends_a_line: whether the last of them ended a line.
    """

    def __init__(self, source: IO[bytes], name: str) -> None:
        self._source = source
        self._name = name
        self._hash = hashlib.sha256()
        self._in_line = 0
        self.read_bytes = 0
        self.ends_a_line = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        block = self._source.read(len(buffer))
        if block:
            self.ends_a_line = block.endswith((b"\n", b"\r"))
            self._bound(block)
            self._hash.update(block)
        buffer[: len(block)] = block
        return len(block)

    def _bound(self, block: bytes) -> None:
        self.read_bytes += len(block)
        end = max(block.rfind(b"\n"), block.rfind(b"\r"))
        self._in_line = len(block) - end - 1 + (self._in_line if end < 0 else 0)
        for much, most, what in (
            (self.read_bytes, MAX_FILE_BYTES, "it"),
            (self._in_line, MAX_LINE_BYTES, "one of its lines"),
        ):
            if much > most:
                raise PermanentConnectorError(
                    NAME,
                    f"{self._name}: {what} has more than {most} bytes. Export it again."
                    " Nothing was changed",
                )

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
    except (OSError, ValueError) as error:
        told = error.strerror if isinstance(error, OSError) else error
        raise PermanentConnectorError(NAME, f"path: {str(path)!r:.200}: {told}") from error
    parts = [name for name in found if name.endswith((".part", ".tmp", ".filepart"))]
    if parts:
        raise TransientConnectorError(NAME, f"{parts[0]} is still being written", 30)
    return found


def _stamp(file: Path) -> Stamp:
    status = file.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino
