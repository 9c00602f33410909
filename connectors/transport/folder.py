"""A place that is a folder here, from which a vendor is fed, or which is shared with one."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from shared.errors import PermanentConnectorError, TransientConnectorError

_BLOCK = 1024 * 1024
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class FolderPlace:
    """A folder, made when something is put there.

    A part is named `.NAME.part`, so that a reader can mind it.

    Args:
        connector: whose errors are raised.
        folder: absolute.
    """

    def __init__(self, connector: str, folder: Path) -> None:
        self._connector = connector
        self._folder = folder
        self._parts: list[str] = []

    def __enter__(self) -> Self:
        """Nothing to open: the folder is made when something is put there."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the parts of what has failed."""
        with self._telling():
            for part in self._parts:
                (self._folder / part).unlink(missing_ok=True)

    def where(self, name: str) -> str:
        """Return a file's path."""
        return str(self._folder / name)

    def probe(self) -> None:
        """See that a file can be put there."""
        with self._telling():
            self._folder.mkdir(parents=True, exist_ok=True)
            probe = self._folder / ".bellringer.part"
            probe.write_bytes(b"")
            probe.unlink()

    def names(self) -> frozenset[str]:
        """Return the names of the files that are there."""
        with self._telling():
            if not self._folder.exists():
                return frozenset()
            return frozenset(path.name for path in self._folder.iterdir() if path.is_file())

    def read(self, name: str) -> Iterator[bytes] | None:
        """Yield a file in blocks."""
        path = self._folder / name
        return self._blocks(path) if path.is_file() else None

    def size(self, name: str) -> int | None:
        """Return a file's size."""
        path = self._folder / name
        return path.stat().st_size if path.is_file() else None

    def put(self, file: Path, name: str) -> str:
        """Copy a file, and wait until it is on the disk."""
        part = part_of(name)
        with self._telling():
            self._folder.mkdir(parents=True, exist_ok=True)
        self._parts.append(part)
        with self._telling(), file.open("rb") as given, (self._folder / part).open("wb") as taken:
            shutil.copyfileobj(given, taken, _BLOCK)
            taken.flush()
            os.fsync(taken.fileno())
        return part

    def move(self, part: str, name: str) -> None:
        """Rename a part."""
        with self._telling():
            os.replace(self._folder / part, self._folder / name)
        self._parts.remove(part)

    def remove(self, name: str) -> None:
        """Remove a file."""
        with self._telling():
            (self._folder / name).unlink()

    def clear(self, names: Collection[str]) -> None:
        """Remove left parts."""
        with self._telling():
            for name in names:
                (self._folder / part_of(name)).unlink(missing_ok=True)

    def _blocks(self, path: Path) -> Iterator[bytes]:
        with self._telling(), path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            problem = f"path: {self._folder} cannot be written: {error.strerror}"
            if error.errno in _FULL:
                raise TransientConnectorError(self._connector, problem) from error
            raise PermanentConnectorError(self._connector, problem) from error


def part_of(name: str) -> str:
    """Return the name of a file's part, which stands beside it while a set arrives."""
    return f".{name}.part"
