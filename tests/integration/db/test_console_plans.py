"""No page of the console looks through all of history, of a plan, or of the people.

A fiftieth of the deployment that `tests/benchmarks/test_console.py` measures is filled in, and
PostgreSQL is asked how it would answer each query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event

from shared.db.engine import Database
from shared.settings import load_settings
from tests.benchmarks.console_queries import queries, searches
from tests.benchmarks.seeding import Seeded, seed

#: What grows: with time, with a plan, and with the people of all tenants.
GROWING = {
    "jobs",
    "job_events",
    "plan_rows",
    "approval_rows",
    "hub_users",
    "hub_roles",
    "hub_enrollments",
}
NAMES = [*queries(Seeded(10, 100, 10_000, 10_000)), *searches(Database("sqlite:///unused.db"))]


@pytest.fixture(scope="module")
def filled(servers: Any, _migrated_postgresql: str) -> Iterator[tuple[Database, Seeded]]:
    name = f"{_migrated_postgresql}_filled"
    url = servers.make_database(name, template=_migrated_postgresql)
    database = Database(load_settings(database_url=url).resolved_database_url())
    yield database, seed(database, 1 / 50)
    database.dispose()
    servers.drop_database(name)


@pytest.mark.parametrize("name", NAMES)
def test_no_query_scans_what_grows(filled: tuple[Database, Seeded], name: str) -> None:
    database, made = filled
    asked = asked_of(database, made)[name]
    statements = list(statements_of(database, asked))
    assert statements
    scanned = {
        (table, statement)
        for statement, parameters in statements
        for table in scans(database, statement, parameters)
    }
    assert {table for table, _ in scanned} & GROWING == set(), scanned


def asked_of(database: Database, made: Seeded) -> dict[str, Callable[[], Any]]:
    def in_a_transaction(ask: Callable[[Any], Any]) -> Callable[[], Any]:
        def run() -> None:
            with database.read() as connection:
                ask(connection)

        return run

    of_rows = {name: in_a_transaction(ask) for name, ask in queries(made).items()}
    return {**of_rows, **searches(database)}


def statements_of(database: Database, ask: Callable[[], Any]) -> Iterator[tuple[str, Any]]:
    """Yield the queries that are sent, with their parameters."""
    sent: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if statement.lstrip("( ").startswith(("SELECT", "WITH")):
            sent.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        ask()
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    yield from sent


def scans(database: Database, statement: str, parameters: Any) -> Iterator[str]:
    """Yield the tables that PostgreSQL would read from their beginning to their end."""
    with database.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        nodes = [plan.scalar_one()[0]["Plan"]]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", ())
        if node["Node Type"] == "Seq Scan":
            yield node["Relation Name"]
