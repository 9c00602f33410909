"""Folders in which attempts work: empty at first, gone at last."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def fresh_folder(path: Path) -> Iterator[Path]:
    """Make a folder, readable by its owner alone, and remove it with all it holds at the end."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True, mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
