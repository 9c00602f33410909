"""What is read of a OneRoster set stays small, whatever its size: in a process that has no more.

And whatever bytes it is made of, it is read, refused, or tried again: never a traceback.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.district.generate import generate
from connectors.district.oneroster_files import write_oneroster
from connectors.oneroster.csv_import import OneRosterCsv, OneRosterCsvConfig
from connectors.sdk import ReadRequest
from shared.domain.reading import ReadCertificate
from shared.domain.states import Mode
from shared.errors import ConnectorError

ROOT = Path(__file__).resolve().parents[3]
DISTRICT = generate("maple", seed=3, students=12)
#: Megabytes that a reader may take beyond what its imports take.
SPARE_MB = 48

#: Reads a set with so much memory; prints the error, or how many items came.
READER = f"""
import resource, sys
from pathlib import Path
from connectors.oneroster.csv_import import OneRosterCsv, OneRosterCsvConfig
from connectors.sdk import ReadRequest
from shared.domain.states import Mode
from shared.errors import ConnectorError

pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + {SPARE_MB} * 1024**2
resource.setrlimit(resource.RLIMIT_AS, (most, most))
source = OneRosterCsv(OneRosterCsvConfig(path=Path(sys.argv[1]), quiet_s=0))
try:
    print("read", sum(1 for _ in source.read(ReadRequest(Mode.FULL))))
except ConnectorError as error:
    print(type(error).__name__, error)
"""


def _read_with_little(path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", READER, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_oneroster(DISTRICT, tmp_path / "set")
    return tmp_path / "set"


def _grow(file: Path, block: bytes, times: int) -> None:
    with file.open("ab") as stream:
        for _ in range(times):
            stream.write(block)


needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")


@needs_proc
def test_a_line_of_a_hundred_megabytes(folder: Path) -> None:
    _grow(folder / "orgs.csv", b"x" * 1024**2, 100)
    assert "one of its lines has more than" in _read_with_little(folder)


@needs_proc
def test_a_line_of_a_hundred_million_columns(folder: Path) -> None:
    _grow(folder / "orgs.csv", b"," * 1024**2, 100)
    assert "one of its lines has more than" in _read_with_little(folder)


@needs_proc
def test_a_million_columns(folder: Path) -> None:
    _grow(folder / "orgs.csv", b"," * 1_000_000 + b"\r\n", 1)
    assert "1000001 columns" in _read_with_little(folder)


@needs_proc
def test_a_million_properties(folder: Path) -> None:
    _grow(folder / "manifest.csv", b"".join(b"x%d,y\r\n" % n for n in range(1_000_000)), 1)
    assert "it has over 1000 lines" in _read_with_little(folder)


@needs_proc
def test_a_directory_of_a_million_files(tmp_path: Path, folder: Path) -> None:
    """The directory alone is 100 megabytes, and says that it holds two entries."""
    entry = b"PK\x01\x02" + b"\x00" * 24 + (4).to_bytes(2, "little") + b"\x00" * 16 + b"name"
    path = tmp_path / "wide.zip"
    size = len(entry) * 2_000_000
    with path.open("wb") as stream:
        stream.write(b"PK\x03\x04" + b"\x00" * 60)
        for _ in range(200):
            stream.write(entry * 10_000)
        end = b"PK\x05\x06" + b"\x00" * 4 + b"\x02\x00" * 2
        stream.write(end + size.to_bytes(4, "little") + (64).to_bytes(4, "little") + b"\x00" * 2)
    assert "its directory is too large" in _read_with_little(path)


@needs_proc
def test_rows_are_not_held(folder: Path) -> None:
    row = b",,,".join([b"demographics-%d", b"2014-02-02,male,,,,,,,,,,,\r\n"])
    _grow(folder / "demographics.csv", b"".join(row % n for n in range(400_000)), 1)
    assert _read_with_little(folder).startswith("read ")


@needs_proc
def test_a_zip_that_unpacks_to_much(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "much.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.iterdir():
            text = file.read_bytes()
            archive.writestr(
                file.name, text * 1 if file.name != "orgs.csv" else text + b"x" * 200_000_000
            )
    assert "200-fold" in _read_with_little(path)


# Whatever bytes


def _files() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        write_oneroster(DISTRICT, Path(folder) / "set")
        return {file.name: file.read_bytes() for file in (Path(folder) / "set").iterdir()}


FILES = _files()
#: Where, and what is written there; a byte is what breaks most.
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "double", "insert", "drop"]),
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(
            [b"\x00", b"\xff", b'"', b",", b"\n", b"\r", b"\xc3", b"PK\x01\x02", b"=1"]
        ),
    ),
    min_size=1,
    max_size=4,
)


def edited(content: bytes, edits: list[tuple[str, float, bytes]]) -> bytes:
    """Return bytes after some accidents: flips, cuts, doubled and dropped lines."""
    for what, where, piece in edits:
        place = int(len(content) * where)
        match what:
            case "flip":
                content = content[:place] + piece[:1] + content[place + 1 :]
            case "cut":
                content = content[:place]
            case "insert":
                content = content[:place] + piece + content[place:]
            case "double" | "drop":
                lines = content.splitlines(keepends=True)
                at = int(len(lines) * where)
                lines[at : at + 1] = lines[at : at + 1] * (2 if what == "double" else 0)
                content = b"".join(lines)
    return content


def _answer(path: Path) -> None:
    """Read; only our own errors may come, and a read that ends has its certificate."""
    source = OneRosterCsv(OneRosterCsvConfig(path=path, quiet_s=0))
    try:
        items = list(source.read(ReadRequest(Mode.FULL)))
    except ConnectorError:
        return
    assert isinstance(items[-1], ReadCertificate)


@settings(max_examples=120)
@given(name=st.sampled_from(sorted(FILES)), edits=EDITS)
@example(name="users.csv", edits=[("cut", 0.5, b"")])
def test_a_folder_of_whatever_bytes(name: str, edits: list[tuple[str, float, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for other, content in FILES.items():
            (folder / other).write_bytes(content)
        (folder / name).write_bytes(edited(FILES[name], edits))
        _answer(folder)


@settings(max_examples=200)
@given(edits=EDITS, tail=st.booleans())
def test_a_zip_of_whatever_bytes(edits: list[tuple[str, float, bytes]], tail: bool) -> None:
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "set.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in FILES.items():
                archive.writestr(name, content)
        content = path.read_bytes()
        # its directory is a small part of it, and the one that lies best
        start = content.index(b"PK\x01\x02") if tail else 0
        path.write_bytes(content[:start] + edited(content[start:], edits))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _answer(path)
