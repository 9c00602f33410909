"""The migrations make exactly the tables that the code knows, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from shared.db import account_tables, hub_tables, migrate, review_tables
from shared.db.engine import Database
from shared.db.tables import metadata
from shared.errors import ConfigurationError
from shared.settings import load_settings


@pytest.mark.filterwarnings("ignore:autogenerate skipping .*expression-based index:UserWarning")
def test_the_schema_is_what_the_code_knows(database: Database):
    assert account_tables.accounts is not None
    assert hub_tables.HUB
    assert review_tables.approvals is not None
    assert migrate.current(database) == migrate.newest()
    with database.read() as connection:
        options = {"compare_type": True, "include_object": _is_here(database)}
        context = MigrationContext.configure(connection, opts=options)
        assert context.get_current_revision() == migrate.newest()
        assert compare_metadata(context, metadata) == []


def _is_here(database: Database) -> Callable[..., bool]:
    """Leave out the indexes that the code wants on the other database alone."""
    there = "job_id_external_id" if database.is_postgresql else "job_id"
    names = {f"ix_{table.name}_{there}" for table in hub_tables.STAGES.values()}

    def include(_: object, name: str, type_: str, is_reflected: bool, *__: object) -> bool:
        return is_reflected or type_ != "index" or name not in names

    return include


def test_an_upgrade_twice_changes_nothing(database: Database):
    assert migrate.upgrade(database) == migrate.newest()


class Turns(threading.Event):
    """An event that does the next of some steps instead of a wait."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        super().__init__()
        self._steps = iter(steps)

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        assert timeout <= migrate.MAX_WAIT_S
        next(self._steps, self.set)()
        return self.is_set()


def test_a_database_that_is_down_is_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    database = Database(f"sqlite:///{folder}/some.db")
    folder.rmdir()

    def come_back() -> None:
        folder.mkdir()
        migrate.upgrade(database)

    assert migrate.wait_until_current(database, Turns(int, int, come_back))
    database.dispose()


def test_a_wait_for_a_database_ends_when_told(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    database = Database(f"sqlite:///{folder}/some.db")
    folder.rmdir()
    assert not migrate.wait_until_current(database, Turns(int))
    database.dispose()


def test_a_database_without_its_schema_is_not_waited_for(any_database_url: str) -> None:
    url = load_settings(database_url=any_database_url).resolved_database_url()
    database = Database(url)
    with pytest.raises(ConfigurationError, match="Run: bellringer db upgrade"):
        migrate.wait_until_current(database, Turns())
    migrate.upgrade(database)
    assert migrate.wait_until_current(database, Turns())
    database.dispose()


def test_several_processes_may_upgrade_at_once(database_url: str):
    url = load_settings(database_url=database_url).resolved_database_url()
    failed: list[BaseException] = []

    def upgrade() -> None:
        mine = Database(url)
        try:
            migrate.upgrade(mine)
        except BaseException as error:  # noqa: BLE001
            failed.append(error)
        finally:
            mine.dispose()

    threads = [threading.Thread(target=upgrade) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    assert failed == []
