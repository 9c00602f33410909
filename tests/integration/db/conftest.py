"""A district in a database of its own, under a clock that the test turns."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, inspect, select, update

from shared.db.apps import NewApp, add_app
from shared.db.asking import Ask, Asked, ask
from shared.db.claiming import Assignment, Outcome, Refusal, Terms, claim, finish
from shared.db.engine import Database
from shared.db.firing import fire_due
from shared.db.gate import Gate
from shared.db.outbox import Outbox
from shared.db.schedules import set_schedule
from shared.db.tables import job_events, jobs, metadata, outbox, slots, tenants
from shared.db.tenants import add_tenant
from shared.domain.recurrence import Recurrence
from shared.domain.states import Mode, Tier
from shared.settings import load_settings
from tests.checker import check_history

MIDNIGHT = datetime(2026, 1, 5, tzinfo=UTC)


class HandClock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.instant = MIDNIGHT

    def now(self) -> datetime:
        return self.instant

    def monotonic(self) -> float:
        return self.instant.timestamp()

    def turn(self, **by: float) -> datetime:
        self.instant += timedelta(**by)
        return self.instant


class District:
    """One tenant, `oak`, with what tests do to it and look at."""

    def __init__(self, database: Database, clock: HandClock) -> None:
        self.database = database
        self.clock = clock
        self.gate = Gate(database)
        self.terms = Terms(lease_s=60, deadline_s=3600, max_failures=3, retry_base_s=30)
        self.tenant_id = add_tenant(self.gate, "oak", "UTC")

    def app(
        self,
        name: str,
        tier: Tier,
        *,
        tenant: str = "oak",
        modes: Sequence[Mode] = (Mode.FULL, Mode.INCREMENTAL),
        after: str | None = None,
        upstream_failed: str = "run",
    ) -> int:
        return add_app(
            self.gate,
            NewApp(
                tenant=tenant,
                name=name,
                connector="test",
                tier=tier,
                modes=modes,
                config={},
                secrets=None,
                after=after,
                upstream_failed=upstream_failed,
            ),
        )

    def three_tiers(self) -> None:
        """Add `sis` (import), `ad` (2-way) and `mdm` (export)."""
        for name, tier in (("sis", Tier.IMPORT), ("ad", Tier.TWO_WAY), ("mdm", Tier.EXPORT)):
            self.app(name, tier)

    def schedule(
        self, app: str, at: str = "02:00", mode: Mode = Mode.FULL, until: str | None = None
    ) -> int:
        recurrence = Recurrence.parse(zone="UTC", frequency="daily", at=[at], until=until)
        return set_schedule(self.gate, app, mode, recurrence)

    def fire(self) -> int:
        return fire_due(self.gate).slots

    def ask(self, app: str, **wish: Any) -> Asked:
        return ask(self.gate, Ask(app=app, **wish))

    def claim(self, job_id: int, worker: str = "host:1:1") -> Assignment:
        claimed, _ = claim(self.gate, job_id, worker=worker, terms=self.terms)
        assert isinstance(claimed, Assignment), claimed
        return claimed

    def refuse(self, job_id: int) -> str:
        """Claim a job that cannot be had; returns why."""
        refused, _ = claim(self.gate, job_id, worker="host:1:1", terms=self.terms)
        assert isinstance(refused, Refusal), refused
        return refused.reason

    def finish(self, assignment: Assignment) -> None:
        finish(self.gate, assignment, lambda _: Outcome(counts={}))

    def run(self, job_id: int) -> None:
        self.finish(self.claim(job_id))

    def decide(self) -> None:
        """Do what the releaser does on a completion event."""
        with self.gate.locked([self.tenant_id]) as locked:
            locked.decide("releaser")

    def set_max_concurrent(self, count: int) -> None:
        with self.database.write() as connection:
            connection.execute(update(tenants).values(max_concurrent=count))

    def job(self, job_id: int) -> Row[Any]:
        with self.database.read() as connection:
            return connection.execute(select(jobs).where(jobs.c.id == job_id)).one()

    def states(self) -> dict[int, str]:
        return {row.id: row.state for row in self.rows(jobs)}

    def rows(self, table: Any = jobs) -> list[Row[Any]]:
        with self.database.read() as connection:
            return list(connection.execute(select(table).order_by(table.c.id)))

    def slots(self) -> list[tuple[str, str, int | None]]:
        return [(f"{row.slot:%d %H:%M}", row.outcome, row.job_id) for row in self.rows(slots)]

    def events(self, job_id: int) -> list[tuple[str | None, str]]:
        rows = self.rows(job_events)
        return [(row.from_state, row.to_state) for row in rows if row.job_id == job_id]

    def messages(self) -> list[str]:
        """Return the routing keys of what lies in the outbox."""
        return [row.routing_key for row in self.rows(outbox)]

    def clear_outbox(self) -> None:
        Outbox(self.database).mark([row.id for row in self.rows(outbox)])

    def drain(self) -> None:
        """Run whatever is queued, and decide, until everything has ended."""
        for _ in range(100):
            self.decide()
            queued = [id_ for id_, state in self.states().items() if state == "queued"]
            if not queued:
                break
            for job_id in queued:
                self.run(job_id)
        self.clear_outbox()

    def violations(self, **expected: Any) -> list[str]:
        with self.database.read() as connection:
            return check_history(connection, **expected)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="session")
def _postgresql_url(servers: Any) -> Iterator[str]:
    """One PostgreSQL database with the tables: making one a test would take most of the time."""
    name = f"test_{os.getpid()}_protocol"
    url = load_settings(database_url=servers.make_database(name)).resolved_database_url()
    database = Database(url)
    metadata.create_all(database.engine)
    database.dispose()
    yield url
    servers.drop_database(name)


@pytest.fixture
def emptied_url(_postgresql_url: str) -> str:
    """The URL of PostgreSQL's tables, without rows."""
    database = Database(_postgresql_url)
    with database.write() as connection:
        # TRUNCATE makes new files, which takes far longer than these few rows
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
        for sequence in inspect(connection).get_sequence_names():
            connection.exec_driver_sql(f"ALTER SEQUENCE {sequence} RESTART")
    database.dispose()
    return _postgresql_url


@pytest.fixture(params=["sqlite", "postgresql"])
def tables(request: pytest.FixtureRequest, clock: HandClock) -> Iterator[Database]:
    """A database with empty tables, under the test's clock."""
    if request.param == "postgresql":
        database = Database(request.getfixturevalue("emptied_url"), clock=clock)
    else:
        database = Database(request.getfixturevalue("sqlite_url"), clock=clock)
        metadata.create_all(database.engine)
    yield database
    database.dispose()


@pytest.fixture
def real_district(servers: Any, emptied_url: str) -> Iterator[District]:
    """A district on PostgreSQL, by the server's own clock."""
    del servers
    database = Database(emptied_url)
    yield District(database, HandClock())
    database.dispose()


@pytest.fixture
def district(tables: Database, clock: HandClock) -> District:
    return District(tables, clock)


@pytest.fixture
def together() -> Callable[..., list[Any]]:
    """Call functions at the same moment, each in a thread of its own."""

    def call(*functions: Callable[[], Any]) -> list[Any]:
        barrier = threading.Barrier(len(functions))
        results: list[Any] = [None] * len(functions)

        def run(index: int) -> None:
            barrier.wait()
            try:
                results[index] = functions[index]()
            except Exception as error:  # noqa: BLE001 - the test looks at it
                results[index] = error

        threads = [threading.Thread(target=run, args=(n,)) for n in range(len(functions))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(50)
        return results

    return call
