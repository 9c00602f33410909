"""One tenant's hub on each database."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from shared.db.engine import Database
from shared.db.tables import metadata
from shared.settings import Settings
from tests.integration.roster.district import Hub


def _open(url: str) -> Database:
    return Database(Settings(database_url=url).resolved_database_url())


@pytest.fixture(scope="session")
def _hub_url(servers: Any) -> Iterator[str]:
    """One PostgreSQL database with the tables: making one a test would take most of the time."""
    name = f"test_{os.getpid()}_roster"
    url = servers.make_database(name)
    database = _open(url)
    metadata.create_all(database.engine)
    database.dispose()
    yield url
    servers.drop_database(name)


@pytest.fixture
def postgresql_hub(_hub_url: str) -> Iterator[Hub]:
    database = _open(_hub_url)
    with database.write() as connection:
        # TRUNCATE makes new files, which takes far longer than these few rows
        emptied = [str(table.delete()) for table in reversed(metadata.sorted_tables)]
        restarted = [
            f"ALTER SEQUENCE {sequence} RESTART"
            for sequence in inspect(connection).get_sequence_names()
        ]
        connection.exec_driver_sql("; ".join([*emptied, *restarted]))
    yield Hub(database)
    database.dispose()


@pytest.fixture
def unseen_postgresql_hub(servers: Any) -> Iterator[Hub]:
    """A database of which the planner knows, and learns, nothing.

    What it has learnt of the few rows of other tests would decide how it looks at these.
    """
    name = f"test_{os.getpid()}_unseen"
    database = _open(servers.make_database(name))
    metadata.create_all(database.engine)
    with database.write() as connection:
        for table in metadata.sorted_tables:
            connection.exec_driver_sql(f"ALTER TABLE {table.name} SET (autovacuum_enabled = false)")
    yield Hub(database)
    database.dispose()
    servers.drop_database(name)


@pytest.fixture(scope="session")
def _sqlite_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the tables, to be copied."""
    path = tmp_path_factory.mktemp("tables") / "bellringer.db"
    database = _open(f"sqlite:///{path}")
    metadata.create_all(database.engine)
    database.dispose()
    return path


@pytest.fixture
def sqlite_hub(tmp_path: Path, _sqlite_tables: Path) -> Iterator[Hub]:
    shutil.copy(_sqlite_tables, tmp_path / "bellringer.db")
    database = _open(f"sqlite:///{tmp_path / 'bellringer.db'}")
    yield Hub(database)
    database.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def tables(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def hub(request: pytest.FixtureRequest, tables: str) -> Hub:
    made = request.getfixturevalue(f"{tables}_hub")
    assert isinstance(made, Hub)
    return made
