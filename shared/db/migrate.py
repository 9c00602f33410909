"""Brings a database to the newest schema, by Alembic, on PostgreSQL and SQLite alike.

Alembic is imported only to upgrade: each command asks whether the schema is the newest one, and
the import would take longer than its answer.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.exc import OperationalError

from shared.db.engine import Database, brief
from shared.errors import ConfigurationError

log = logging.getLogger(__name__)

_MIGRATIONS = Path(__file__).parent / "migrations"
#: The key of the advisory lock behind which several processes upgrade in turn.
LOCK_KEY = 7_231_406_512
#: The longest wait between two looks at a database that is down, in seconds.
MAX_WAIT_S = 10.0


def upgrade(database: Database) -> str:
    """Upgrade to the newest revision; returns it. Idempotent, and safe in several processes."""
    if current(database) == newest():
        return newest()
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with database.engine.begin() as connection:
        if database.is_postgresql:
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return newest()


def newest() -> str:
    """Return the newest revision that this version knows: each is `vREVISION_what_it_does.py`."""
    last = max(path.name for path in (_MIGRATIONS / "versions").glob("v*_*.py"))
    return last.removeprefix("v").partition("_")[0]


def current(database: Database) -> str | None:
    """Return the revision of a database, None: it is empty."""
    with database.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.execute(
            text("SELECT version_num FROM alembic_version")
        ).scalar_one_or_none()
        return found


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


def wait_until_current(database: Database, stopping: threading.Event) -> bool:
    """Wait for a database that is down, and see that it has the newest schema.

    Returns:
        Whether it has; False: `stopping` was set before it answered.

    Raises:
        ConfigurationError: it answers and wants an upgrade, which no waiting brings.
    """
    wait_s = 0.5
    while not stopping.is_set():
        try:
            check_current(database)
        except OperationalError as error:
            wait_s = min(MAX_WAIT_S, 2 * wait_s)
            log.warning("the database does not answer, again in %.0f s: %s", wait_s, brief(error))
            stopping.wait(wait_s)
        else:
            return True
    return False
