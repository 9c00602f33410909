"""The migrations make exactly the tables that the code knows, on both databases."""

from __future__ import annotations

import threading

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from shared.db import hub_tables, migrate, review_tables
from shared.db.engine import Database
from shared.db.tables import metadata
from shared.settings import load_settings


def test_the_schema_is_what_the_code_knows(database: Database):
    assert hub_tables.HUB
    assert review_tables.approvals is not None
    assert migrate.current(database) == migrate.newest()
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_an_upgrade_twice_changes_nothing(database: Database):
    assert migrate.upgrade(database) == migrate.newest()


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
