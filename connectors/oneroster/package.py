"""A OneRoster set on disk, folder or zip: opened with care, read line by line.

What is wrong with the set as a whole is said with the file's name and the fix, and nothing of it is
taken: a set is the truth as a whole, or not at all.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

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
#: Bytes whose lines are handed on at once.
BLOCK_BYTES = 512 * 1024

#: What identifies the state of a file: size, time of change, inode.
Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a file, and where it stands."""

    number: int
    values: list[str]


@dataclass(frozen=True, slots=True)
class Lines:
    """Some lines of a file, without their ends, and where each stands.

    Attributes:
        name: of the file.
        numbers: of the lines.
        sources: the lines.
        is_cut: whether the last of them is the file's last, and has no end.
    """

    name: str
    numbers: Sequence[int]
    sources: list[bytes]
    is_cut: bool = False

    def only(self, places: Sequence[int]) -> Lines:
        """Return some of them, by their places in rising order."""
        return Lines(
            self.name,
            [self.numbers[place] for place in places],
            [self.sources[place] for place in places],
            self.is_cut and bool(places) and places[-1] == len(self.sources) - 1,
        )


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
        for lines in self.lines(name):
            yield from self.parsed(lines).lines()

    def lines(self, name: str) -> Iterator[Lines]:
        """Yield a file's lines as they stand there, many at once; the first is by itself.

        A row is a line: no value of a OneRoster set holds a line break.

        Raises:
            PermanentConnectorError: the file cannot be read, or not to its end.
        """
        try:
            with self._open(name) as (stream, digest):
                yield from _split(name, stream)
                self._check_size(name, digest)
                self.digests[name] = digest.hexdigest()
        except PermissionError as error:
            raise self.broken(name, f"{error.strerror}", "Let the worker read it.") from error
        except OSError as error:
            # it may have been replaced, or the disk is away
            raise TransientConnectorError(NAME, f"{name}: {error.strerror}") from error
        except UNREADABLE as error:
            raise self.broken(name, f"it cannot be read: {error}", "Export it again.") from error

    def parsed(self, lines: Lines, width: int = 0) -> Block:
        """Return the rows of some lines.

        Args:
            lines: of a file.
            width: of the file's header: a last line that has fewer values, and no end, was cut off.

        Raises:
            PermanentConnectorError: the file's encoding or its CSV is broken; names the line.
        """
        name, numbers = lines.name, lines.numbers
        try:
            text = b"\n".join(lines.sources).decode()
        except UnicodeDecodeError as error:
            raise self._no_utf8(lines, error) from error
        if "\x00" in text:
            number = numbers[text[: text.index("\x00")].count("\n")]
            raise self.broken(name, f"line {number}: a NUL byte", "Export it again.")
        csv.field_size_limit(MAX_FIELD)
        reader = csv.reader(text.split("\n"), strict=True)
        rows: list[list[str]] = []
        try:
            rows.extend(reader)
        except csv.Error as error:
            # the rows before it may hold a break, which swallows the lines that follow
            self._check_breaks(lines, text)
            told = f"line {numbers[max(0, reader.line_num - 1)]}: {error}"
            raise self.broken(name, told, "Export it again.") from error
        if len(rows) != len(numbers):
            self._check_breaks(lines, text)
        if rows and max(map(len, rows)) > MAX_COLUMNS:
            place = next(place for place, row in enumerate(rows) if len(row) > MAX_COLUMNS)
            told = f"line {numbers[place]}: {len(rows[place])} columns"
            raise self.broken(name, told, "Export it again.")
        if lines.is_cut and rows and len(rows[-1]) < width:
            told = f"line {numbers[-1]}: the file ends inside of it"
            raise self.broken(name, told, "It was cut off: export it again.")
        return Block(numbers, rows)

    def _check_breaks(self, lines: Lines, text: str) -> None:
        """See that each row is a line."""
        reader = csv.reader(text.split("\n"), strict=True)
        with suppress(csv.Error):
            for place, _ in enumerate(reader):
                if reader.line_num != place + 1:
                    told = f"line {lines.numbers[place]}: a value holds a line break"
                    raise self.broken(lines.name, told, "Take it out.")

    def broken(self, name: str, problem: str, fix: str) -> PermanentConnectorError:
        """Make the error that says what is wrong with a file, and what to do."""
        return PermanentConnectorError(NAME, f"{name}: {problem}. {fix} Nothing was changed")

    def _no_utf8(self, lines: Lines, error: UnicodeDecodeError) -> PermanentConnectorError:
        """Make the error of a file in another encoding, with the line of its first such byte."""
        place = error.object[: error.start].count(b"\n")
        number = lines.numbers[place]
        if number == 1 and error.object[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            return self.broken(lines.name, "it is UTF-16", "Save it as UTF-8.")
        told = f"line {number}: a byte is not UTF-8"
        return self.broken(lines.name, told, "Save it as UTF-8.")

    def _check_size(self, name: str, digest: _Digest) -> None:
        """See that a zip's entry is as long as its directory says."""
        told = self._sizes.get(name, digest.read_bytes)
        if told != digest.read_bytes:
            raise self.broken(
                name, f"it has {digest.read_bytes} bytes, not {told}", "Export it again."
            )

    @contextmanager
    def _open(self, name: str) -> Iterator[tuple[io.BufferedReader, _Digest]]:
        source: IO[bytes] = (
            self._zip.open(name) if self._zip is not None else (self._path / name).open("rb")
        )
        digest = _Digest(source, name)
        with source:
            yield io.BufferedReader(digest, BLOCK_BYTES), digest

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


def _split(name: str, stream: io.BufferedReader) -> Iterator[Lines]:
    """Yield a file's lines without their ends, empty ones left out; the first by itself."""
    number, rest = 1, stream.read(len(codecs.BOM_UTF8)).removeprefix(codecs.BOM_UTF8)
    while True:
        block = stream.read(BLOCK_BYTES)
        # a line that ends with "\r" may go on to end with "\r\n"
        text = rest + block
        end = len(text)
        if block:
            end = max(text.rfind(b"\n") + 1, text.rfind(b"\r", 0, -1) + 1)
        rest = text[end:]
        # only these three ways to end a line, as `csv` has it
        sources = text[:end].splitlines()
        if number == 1 and sources:
            yield Lines(name, [1], sources[:1])
            number, sources = 2, sources[1:]
        numbers: Sequence[int] = range(number, number + len(sources))
        number += len(sources)
        if b"" in sources:
            numbers = [n for n, source in zip(numbers, sources, strict=True) if source]
            sources = [source for source in sources if source]
        if sources:
            is_cut = not block and not text.endswith((b"\n", b"\r"))
            yield Lines(name, numbers, sources, is_cut)
        if not block:
            return


class _Digest(io.RawIOBase):
    """Counts and hashes what is read through it, and bounds what would be held of it.

    Attributes:
        read_bytes: how many were read.
    """

    def __init__(self, source: IO[bytes], name: str) -> None:
        self._source = source
        self._name = name
        self._hash = hashlib.sha256()
        self._in_line = 0
        self.read_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        block = self._source.read(len(buffer))
        if block:
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
