"""OneRoster sets that are broken on purpose, and syncs of them into a test's hub.

A change takes the folder of a good set, generated, and returns the path to be read.
"""

from __future__ import annotations

import csv
import io
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from connectors.district.generate import generate
from connectors.district.oneroster_files import write_oneroster
from connectors.oneroster.csv_import import OneRosterCsv, OneRosterCsvConfig
from connectors.sdk import ReadRequest
from shared.domain.reading import Batch, ReadCertificate, Refused
from shared.domain.states import Mode
from shared.roster.plan import Plan, make_plan
from shared.roster.staging import Staging
from tests.integration.roster.district import Hub

Change = Callable[[Path], Path]
Counts = dict[str, dict[str, int]]

DISTRICT = generate("maple", seed=3, students=40)


def write_good(folder: Path, version: str = "1.2") -> Path:
    write_oneroster(DISTRICT, folder, version=version)
    return folder


def sync_set(hub: Hub, app: int, path: Path) -> Counts:
    """Run one job as the worker does; returns its counts by kind, without those that are zero."""
    counts = hub.apply(plan_set(hub, app, path))
    return {
        kind: {name: number for name, number in counted.items() if number}
        for kind, counted in counts.items()
    }


def plan_set(hub: Hub, app: int, path: Path, *, knows: bool = True) -> Plan:
    """Read and plan as the worker does, or without knowing any row again."""
    staging = Staging(hub.database, hub.key(app))
    source = OneRosterCsv(OneRosterCsvConfig(path=path, quiet_s=0))
    certificate = None
    for item in source.read(ReadRequest(Mode.FULL, known=staging if knows else None)):
        match item:
            case Batch():
                staging.add(item)
            case Refused():
                staging.refuse(item)
            case ReadCertificate():
                certificate = item
    assert certificate is not None
    return make_plan(hub.database, staging, certificate)


# Changes of a folder


def as_it_is(folder: Path) -> Path:
    return folder


def bytes_of(name: str, change: Callable[[bytes], bytes]) -> Change:
    def apply(folder: Path) -> Path:
        (folder / name).write_bytes(change((folder / name).read_bytes()))
        return folder

    return apply


def every_file(change: Callable[[bytes], bytes]) -> Change:
    def apply(folder: Path) -> Path:
        for file in folder.iterdir():
            file.write_bytes(change(file.read_bytes()))
        return folder

    return apply


def rows_of(name: str, change: Callable[[list[dict[str, str]]], list[dict[str, str]]]) -> Change:
    def apply(folder: Path) -> Path:
        with (folder / name).open(newline="") as file:
            reader = csv.DictReader(file)
            rows = change(list(reader))
            header = [*(reader.fieldnames or ())]
        header += [extra for extra in rows[0] if extra not in header]
        text = io.StringIO()
        writer = csv.DictWriter(text, header, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)
        (folder / name).write_text(text.getvalue(), newline="")
        return folder

    return apply


def first_with(name: str, **values: str) -> Change:
    """Change values of a file's first row."""
    return rows_of(name, lambda rows: [rows[0] | values, *rows[1:]])


def one_more(name: str, **values: str) -> Change:
    """Repeat a file's last row with other values."""
    return rows_of(name, lambda rows: [*rows, rows[-1] | values])


# Zips


def zipped(folder: Path, **more: bytes) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
        for name, content in more.items():
            archive.writestr(name, content)
    return path


def with_entry(name: str, content: bytes = b"x", mode: int = 0o100644) -> Change:
    def apply(folder: Path) -> Path:
        path = zipped(folder)
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
        return path

    return apply


def with_entries(count: int) -> Change:
    def apply(folder: Path) -> Path:
        return zipped(folder, **{f"more-{number}.csv": b"x" for number in range(count)})

    return apply


def directory_with(name: str, offset: int, told: Callable[[int], int]) -> Change:
    """Change a number of four bytes in the directory's entry of a file."""

    def apply(folder: Path) -> Path:
        path = zipped(folder)
        content = bytearray(path.read_bytes())
        (start,) = struct.unpack("<I", content[-6:-2])
        place = content.index(b"PK\x01\x02", start)
        while content[place + 46 : place + 46 + len(name)] != name.encode():
            place = content.index(b"PK\x01\x02", place + 4)
        at = slice(place + offset, place + offset + 4)
        (before,) = struct.unpack("<I", content[at])
        content[at] = struct.pack("<I", told(before))
        path.write_bytes(content)
        return path

    return apply


def cut(name: str | None, at: float) -> Change:
    """Cut a file, or the zip of all, at a part of its length."""

    def apply(folder: Path) -> Path:
        path = zipped(folder) if name is None else folder / name
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * at)])
        return path if name is None else folder

    return apply


def linked(name: str, target: str) -> Change:
    """Put a link in the place of a file; `target` is relative to the set's parent."""

    def apply(folder: Path) -> Path:
        elsewhere = folder.parent / target
        elsewhere.write_bytes((folder / name).read_bytes())
        (folder / name).unlink()
        os.symlink(elsewhere, folder / name)
        return folder

    return apply
