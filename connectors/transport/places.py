"""Brings a set of files to its place: all together, and only what differs.

A place is one folder, here or on a server. Everything is put there under other names first, then
renamed: whoever dies in between leaves the old set whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Protocol, Self

from connectors.sdk import Delivery, RenderedFile
from shared.errors import PermanentConnectorError


class Place(Protocol):
    """One folder, open for one delivery.

    Every adapter holds: `move` replaces a file in one step, so that a reader sees the old or the
    new one; what fails raises a `ConnectorError` that names the setting.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def where(self, name: str) -> str:
        """Return a file's whole name, for a person."""
        ...

    def probe(self) -> None:
        """See that files can be put, replaced and removed; leaves nothing behind."""
        ...

    def names(self) -> frozenset[str]:
        """Return the names of all that is there; empty where it may not be listed."""
        ...

    def read(self, name: str) -> Iterator[bytes] | None:
        """Yield a file in blocks; None: it is not there, or may not be read."""
        ...

    def size(self, name: str) -> int | None:
        """Return a file's size in bytes; None: it is not there, or may not be seen."""
        ...

    def put(self, file: Path, name: str) -> str:
        """Put a file beside its name; returns the name of that part."""
        ...

    def move(self, part: str, name: str) -> None:
        """Let a part be the file."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file."""
        ...

    def clear(self, names: Collection[str]) -> None:
        """Remove the parts of these files that a run which died has left."""
        ...


def deliver(
    files: Sequence[RenderedFile],
    place: Place,
    *,
    ours: Collection[str] = (),
    seal: str | None = None,
    send_unchanged: bool = False,
) -> Delivery:
    """Put files beside their places, then rename them, in their order.

    Delivering again is harmless.

    Args:
        files: of the set.
        place: an open one.
        ours: names of files that a set may have: those which this one lacks are removed.
        seal: the name of the file by which a reader knows that a set is whole. Its part stands
            there until all else is in its place, whenever anything changes.
        send_unchanged: send a file that is there already, too; else it is left alone, with its
            time.
    """
    if not files:
        return Delivery((), frozenset())
    by_name = {file.path.name: file for file in files}
    place.clear({*ours, *by_name})
    there = place.names()
    stale = sorted((set(ours) - set(by_name)) & there)
    changed = {name for name, file in by_name.items() if not _holds(place, file)}
    moving = [name for name in by_name if send_unchanged or name in changed]
    if (moving or stale) and seal in by_name and seal not in moving:
        moving.append(seal)
    parts = {name: place.put(by_name[name].path, name) for name in moving}
    for name in stale:
        place.remove(name)
    for name, part in parts.items():
        place.move(part, name)
    return Delivery(
        places=tuple(place.where(name) for name in by_name),
        changed=frozenset((*changed, *stale)),
    )


def refuse_to_empty(connector: str, place: Place, file: RenderedFile, who: str) -> None:
    """See that a file without rows does not take the place of one that has some.

    An empty hub is no reason to empty a vendor.

    Args:
        connector: which delivers.
        place: an open one.
        file: with a header.
        who: what its rows are, in the singular.

    Raises:
        PermanentConnectorError: it would.
    """
    if file.rows:
        return
    blocks = place.read(file.path.name)
    had = sum(block.count(b"\n") for block in blocks) - 1 if blocks is not None else 0
    if had > 0:
        raise PermanentConnectorError(
            connector, f"no {who} would be sent, where there were {had}: nothing was delivered"
        )


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _holds(place: Place, file: RenderedFile) -> bool:
    name = file.path.name
    if place.size(name) != file.path.stat().st_size:
        return False
    blocks = place.read(name)
    if blocks is None:
        return False
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest() == file.sha256
