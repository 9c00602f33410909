"""Connections: reads, and writes that are one transaction each.

PostgreSQL: one pool. SQLite: WAL; reads on an engine of their own with a plain `BEGIN`; writes with
`BEGIN IMMEDIATE` behind one lock of this process, so that a busy database is waited for in turn.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

from shared.clock import Clock
from shared.errors import ConfigurationError
from shared.settings import Settings, check_state_dir

#: How long a statement waits for a row lock, unless it says otherwise.
LOCK_TIMEOUT_MS = 10_000
#: How long one statement may run, unless it says otherwise.
STATEMENT_TIMEOUT_MS = 60_000
#: How long a transaction may sit idle: nothing on the network happens inside one.
IDLE_TIMEOUT_MS = 60_000
#: How long SQLite waits for another process's write.
SQLITE_BUSY_TIMEOUT_MS = 60_000


def open_database(settings: Settings, *, pool_size: int = 8) -> Database:
    """Open the database that the settings name; the embedded one's folder is made.

    Raises:
        ConfigurationError: the URL is wrong, or the folder cannot be written; names the setting.
    """
    if settings.database_url is None:
        check_state_dir(settings)
    return Database(settings.resolved_database_url(), pool_size=pool_size)


class Database:
    """The database of one process. Thread-safe.

    Args:
        url: a SQLAlchemy URL of PostgreSQL (psycopg) or SQLite (a file).
        pool_size: connections kept open to PostgreSQL.
        clock: tells the protocol's time instead of the database; simulations hand one in.

    Raises:
        ConfigurationError: the URL names neither, or does not parse.
    """

    def __init__(self, url: str, *, pool_size: int = 8, clock: Clock | None = None) -> None:
        self.url = _parse(url)
        self._clock = clock
        self._local = threading.local()
        self.dialect = self.url.get_backend_name()
        #: Held by whoever writes to SQLite; a sweep looks at it before it judges a lease.
        self.write_lock = threading.RLock()
        if self.dialect == "sqlite":
            self._reads, self._writes = _sqlite_engines(self.url)
        else:
            self._reads = self._writes = _postgresql_engine(self.url, pool_size)

    @property
    def is_postgresql(self) -> bool:
        """Whether rows can be locked one by one."""
        return self.dialect == "postgresql"

    @property
    def engine(self) -> Engine:
        """The engine that writes; migrations use it."""
        return self._writes

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that only reads; on PostgreSQL it may be a stale snapshot's."""
        with self._reads.begin() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a reading transaction that sees one state of the database throughout."""
        engine = self._reads
        if self.is_postgresql:
            engine = engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        with engine.begin() as connection:
            if self.is_postgresql:
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that writes, committed at the end, rolled back on an error."""
        turn = nullcontext() if self.is_postgresql else self.write_lock
        with turn, self._writes.begin() as connection:
            self._local.is_writing = True
            try:
                yield connection
            finally:
                self._local.is_writing = False

    @property
    def is_writing(self) -> bool:
        """Whether this thread is inside a `write`; nothing may go to the network then."""
        return getattr(self._local, "is_writing", False)

    def now(self, connection: Connection) -> datetime:
        """Return the database's clock, aware, in UTC: the time itself, not the transaction's."""
        if self._clock is not None:
            return self._clock.now()
        if self.is_postgresql:
            instant: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
            return instant.astimezone(UTC)
        written = connection.exec_driver_sql(
            "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')"
        ).scalar_one()
        return datetime.fromisoformat(written).replace(tzinfo=UTC)

    def dispose(self) -> None:
        """Close every connection."""
        self._reads.dispose()
        self._writes.dispose()


def brief(error: OperationalError) -> str:
    """Return what the driver said in one line; without the statement and its values."""
    told = str(error.orig).strip().splitlines()
    return told[0] if told else "no answer"


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise _bad_url("it is not a database URL") from error
    if parsed.get_backend_name() not in {"postgresql", "sqlite"}:
        raise _bad_url(f"{parsed.get_backend_name()} is not supported")
    if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise _bad_url("SQLite needs a file")
    return parsed


def _bad_url(problem: str) -> ConfigurationError:
    return ConfigurationError(
        "BELLRINGER_DATABASE_URL",
        problem,
        "Give postgresql://USER:PASSWORD@HOST:PORT/NAME, or unset it to use SQLite.",
    )


def _postgresql_engine(url: URL, pool_size: int) -> Engine:
    options = (
        f"-c lock_timeout={LOCK_TIMEOUT_MS} -c statement_timeout={STATEMENT_TIMEOUT_MS}"
        f" -c idle_in_transaction_session_timeout={IDLE_TIMEOUT_MS} -c timezone=UTC"
    )
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        # a failed statement is told without its values
        hide_parameters=True,
        connect_args={
            "options": options,
            "connect_timeout": 10,
            "keepalives_idle": 30,
            "application_name": "bellringer",
        },
    )


def _sqlite_engines(url: URL) -> tuple[Engine, Engine]:
    folder = Path(str(url.database)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _bad_url(f"{folder} cannot be made: {error.strerror}") from error
    reads = create_engine(url, pool_size=8, max_overflow=16, hide_parameters=True)
    writes = create_engine(url, pool_size=2, max_overflow=8, hide_parameters=True)
    for engine, begin in ((reads, "BEGIN"), (writes, "BEGIN IMMEDIATE")):
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin(begin))
    return reads, writes


def _prepare_sqlite(connection: Any, record: object) -> None:
    del record
    connection.isolation_level = None  # the driver begins nothing: we do
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
    # its own knows the letters of ASCII alone, and keys that differ in case must be one on both
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _begin(statement: str) -> Any:
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(statement)

    return begin
