"""Brings a database to the newest schema, by Alembic, on PostgreSQL and SQLite alike."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from shared.db.engine import Database
from shared.errors import ConfigurationError

#: The key of the advisory lock behind which several processes upgrade in turn.
LOCK_KEY = 7_231_406_512


def upgrade(database: Database) -> str:
    """Upgrade to the newest revision; returns it. Idempotent, and safe in several processes."""
    config = _config()
    with database.engine.begin() as connection:
        if database.is_postgresql:
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return newest()


def newest() -> str:
    """Return the newest revision that this version knows."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    return found or ""


def current(database: Database) -> str | None:
    """Return the revision of a database, None: it is empty."""
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def check_current(database: Database) -> None:
    """See that a database has the newest schema.

    Raises:
        ConfigurationError: it has not.
    """
    found = current(database)
    if found != newest():
        raise ConfigurationError(
            "BELLRINGER_DATABASE_URL",
            "the database is empty" if found is None else f"the database is at revision {found}",
            "Run: bellringer db upgrade",
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
