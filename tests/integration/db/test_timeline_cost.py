"""What a timeline costs: a period's jobs, however many jobs the history holds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from shared.db.engine import Database
from shared.db.tables import metadata
from shared.db.timeline import tenant_timeline, timeline_of_all
from shared.settings import load_settings

TENANTS = 100
APPS = 5
NIGHTS = 100
#: What a night of one tenant reads at most: its jobs, their history and a day of neighbours.
A_NIGHT = APPS * 30
FIRST = datetime(2026, 1, 1, 7, tzinfo=UTC)

SEED = [
    "INSERT INTO tenants (name, zone, created_at)"
    " SELECT 'tenant' || lpad(n::text, 3, '0'), 'UTC', :first FROM generate_series(1, :tenants) n",
    "INSERT INTO apps (tenant_id, name, connector, tier, modes, position, config, created_at)"
    " SELECT t, 'app' || n, 'test', (ARRAY['import', 'import', 'two_way', 'export', 'export'])[n],"
    " '[\"full\"]', n, '{}', :first"
    " FROM generate_series(1, :tenants) t, generate_series(1, :apps) n",
    # a night after the other, as history grows; each takes half an hour
    "INSERT INTO jobs (tenant_id, app_id, tier, mode, trigger, state, wave, last_wave, due_at,"
    " created_at, queued_at, started_at, finished_at)"
    " SELECT a.tenant_id, a.id, a.tier, 'full', 'schedule', 'succeeded', night, night, due, due,"
    " due, due, due + interval '30 minutes'"
    " FROM generate_series(1, :nights) night"
    " CROSS JOIN LATERAL (SELECT CAST(:first AS timestamptz) + night * interval '1 day' AS due) d"
    " CROSS JOIN apps a",
    "INSERT INTO job_events (job_id, from_state, to_state, attempt, actor, at)"
    " SELECT j.id, e.from_state, e.to_state, 1, 'worker', j.due_at + e.after FROM jobs j,"
    " (VALUES (NULL, 'held', interval '0'), ('held', 'running', interval '0'),"
    " ('running', 'succeeded', interval '30 minutes')) e (from_state, to_state, after)",
    "ANALYZE",
]


@pytest.fixture(scope="module")
def history(servers: Any) -> Iterator[Database]:
    """A PostgreSQL database with 50,000 jobs and 150,000 events, its statistics gathered."""
    name = f"test_{os.getpid()}_timeline"
    database = Database(
        load_settings(database_url=servers.make_database(name)).resolved_database_url()
    )
    metadata.create_all(database.engine)
    sizes = {"first": FIRST, "tenants": TENANTS, "apps": APPS, "nights": NIGHTS}
    with database.write() as connection:
        for statement in SEED:
            wanted = {key: value for key, value in sizes.items() if f":{key}" in statement}
            connection.execute(text(statement), wanted)
    yield database
    database.dispose()
    servers.drop_database(name)


def plans(database: Database, ask: Callable[[Connection], Any]) -> list[dict[str, Any]]:
    """Run queries, and return the nodes of their plans, as they were carried out."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    with database.read() as connection:
        event.listen(connection, "before_cursor_execute", note)
        ask(connection)
        event.remove(connection, "before_cursor_execute", note)
        nodes: list[dict[str, Any]] = []
        for statement, parameters in asked:
            explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
            ((plan,),) = connection.exec_driver_sql(explain, parameters).all()
            nodes += walk(plan[0]["Plan"])
    return nodes


def walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from walk(inner)


def rows_read(nodes: list[dict[str, Any]], table: str) -> int:
    """Count the rows of a table that were looked at, those that a filter threw away among them."""
    return sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in nodes
        if node.get("Relation Name") == table
    )


@pytest.mark.parametrize("night", [3, 50, 99])
def test_a_night_of_a_tenant_costs_a_night(history: Database, night: int) -> None:
    since = FIRST + timedelta(days=night, hours=-1)
    shown: dict[str, Any] = {}

    def ask(connection: Connection) -> None:
        shown.update(tenant_timeline(connection, 50, since, since + timedelta(hours=12), now=since))

    nodes = plans(history, ask)
    assert len(shown["jobs"]) == APPS
    for table in ("jobs", "job_events"):
        assert 0 < rows_read(nodes, table) <= A_NIGHT, table
    scanned = {node.get("Relation Name") for node in nodes if node["Node Type"] == "Seq Scan"}
    assert scanned & {"jobs", "job_events"} == set()


def test_a_page_of_tenants_costs_their_night(history: Database) -> None:
    since = FIRST + timedelta(days=20, hours=-1)
    shown: dict[str, Any] = {}

    def ask(connection: Connection) -> None:
        shown.update(timeline_of_all(connection, since, since + timedelta(hours=12), now=since))

    nodes = plans(history, ask)
    assert len(shown["tenants"]) == 50
    assert all(len(tenant["tiers"]) == 3 for tenant in shown["tenants"])
    assert 0 < rows_read(nodes, "jobs") <= 50 * A_NIGHT
    assert "jobs" not in {
        node.get("Relation Name") for node in nodes if node["Node Type"] == "Seq Scan"
    }
