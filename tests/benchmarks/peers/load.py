"""Loads a folder of CSV files into PostgreSQL by another tool, and prints the seconds it took.

    python load.py WAY FOLDER DATABASE_URL STATE_FOLDER

Runs in an environment of its own (`requirements.lock` beside this file); shares no code with
Bellringer. Starting the interpreter and importing the tool are not counted, except for Singer's
target, which is a process.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

KEY = "sourcedId"


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.csv") if path.stem != "manifest")


def copy(folder: Path, url: str, _state: Path) -> float:
    """The floor: COPY of each file, as it is, into a new table of text columns."""
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute("DROP SCHEMA IF EXISTS bare CASCADE")
        connection.execute("CREATE SCHEMA bare")
        connection.commit()
        started = time.perf_counter()
        for path in files(folder):
            with path.open("rb") as file:
                header = file.readline().decode().strip().split(",")
                columns = ", ".join(f'"{name}" text' for name in header)
                connection.execute(f"CREATE TABLE bare.{path.stem} ({columns})")
                statement = f"COPY bare.{path.stem} FROM STDIN (FORMAT csv)"
                with connection.cursor().copy(statement) as stream:
                    while block := file.read(1 << 20):
                        stream.write(block)
        connection.commit()
        return time.perf_counter() - started


def dlt_rows(disposition: str) -> Callable[[Path, str, Path], float]:
    def rows(path: Path) -> Iterator[dict[str, str]]:
        with path.open(newline="", encoding="utf-8") as file:
            yield from csv.DictReader(file)

    return _dlt(rows, disposition)


def dlt_arrow(disposition: str) -> Callable[[Path, str, Path], float]:
    def batches(path: Path) -> Iterator[Any]:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        with path.open("rb") as file:
            names = file.readline().decode().strip().split(",")
        options = arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
        yield from arrow_csv.open_csv(path, convert_options=options)

    return _dlt(batches, disposition)


def _dlt(read: Callable[[Path], Iterator[Any]], disposition: str) -> Any:
    def load(folder: Path, url: str, state: Path) -> float:
        import dlt

        resources = [
            dlt.resource(read(path), name=path.stem, primary_key=KEY, write_disposition=disposition)
            for path in files(folder)
        ]
        return _run(resources, url, state, f"dlt_{read.__name__}_{disposition}")

    return load


def dlt_connectorx(folder: Path, url: str, state: Path) -> float:
    """From tables to tables: what `copy` loaded is the source."""
    from dlt.sources.sql_database import sql_database

    copy(folder, url, state)
    source = sql_database(
        url.replace("postgresql://", "postgresql+psycopg2://"), schema="bare", backend="connectorx"
    )
    return _run(source, url, state, "dlt_connectorx", write_disposition="replace")


def _run(data: Any, url: str, state: Path, name: str, **options: str) -> float:
    import dlt

    pipeline = dlt.pipeline(
        name,
        pipelines_dir=str(state / "dlt"),
        destination=dlt.destinations.postgres(url),
        dataset_name=name,
    )
    started = time.perf_counter()
    pipeline.run(data, **options).raise_on_failed_jobs()
    return time.perf_counter() - started


def singer(folder: Path, url: str, state: Path) -> float:
    """Messages of a tap, written before, through a Singer target that updates by key."""
    messages = state / "messages.jsonl"
    with messages.open("w", encoding="utf-8") as out:
        for path in files(folder):
            with path.open(newline="", encoding="utf-8") as file:
                reader = csv.DictReader(file)
                text = {"type": ["string", "null"]}
                schema = {"properties": {name: text for name in reader.fieldnames or ()}}
                head = {"type": "SCHEMA", "stream": path.stem, "key_properties": [KEY]}
                out.write(json.dumps({**head, "schema": schema}) + "\n")
                for row in reader:
                    message = {"type": "RECORD", "stream": path.stem, "record": row}
                    out.write(json.dumps(message) + "\n")
    at = urlsplit(url)
    config = state / "target.json"
    config.write_text(
        json.dumps(
            {
                "host": at.hostname,
                "port": at.port,
                "user": unquote(at.username or ""),
                "password": unquote(at.password or ""),
                "database": at.path[1:],
                "default_target_schema": "singer",
                "load_method": "upsert",
                "use_copy": True,
                "batch_size_rows": 50_000,
            }
        )
    )
    target = Path(sys.executable).with_name("target-postgres")
    started = time.perf_counter()
    subprocess.run(
        [target, "--config", config, "--input", messages],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    return time.perf_counter() - started


WAYS: dict[str, Callable[[Path, str, Path], float]] = {
    "copy": copy,
    "dlt replace": dlt_rows("replace"),
    "dlt merge": dlt_rows("merge"),
    "dlt Arrow replace": dlt_arrow("replace"),
    "dlt Arrow merge": dlt_arrow("merge"),
    "dlt ConnectorX replace": dlt_connectorx,
    "Singer target upsert": singer,
}


def main() -> None:
    """Load, and print the seconds."""
    way, folder, url, state = sys.argv[1:]
    os.environ.update(RUNTIME__DLTHUB_TELEMETRY="false", RUNTIME__LOG_LEVEL="ERROR")
    print(WAYS[way](Path(folder), url, Path(state)))  # noqa: T201


if __name__ == "__main__":
    main()
