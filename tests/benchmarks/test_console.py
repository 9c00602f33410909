"""What the console asks of a database with a thousand tenants, beside an empty round trip."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import quantiles
from typing import Any

import pytest

from shared.db.engine import Database
from tests.benchmarks.console_queries import queries, searches
from tests.benchmarks.seeding import seed

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

ROUNDS = 40


def _p95_ms(ask: Callable[[], Any]) -> float:
    took = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        ask()
        took.append(1000 * (time.perf_counter() - started))
    return quantiles(took, n=20)[-1]


def _in_a_transaction(database: Database, ask: Callable[[Any], Any]) -> Callable[[], Any]:
    def run() -> None:
        with database.read() as connection:
            ask(connection)

    return run


@pytest.mark.parametrize("any_database_url", ["postgresql"], indirect=True)
def test_what_the_console_asks(database: Database) -> None:
    started = time.perf_counter()
    made = seed(database)
    print(f"\nBENCH {made}, seeded in {time.perf_counter() - started:.0f} s")  # noqa: T201
    floor = _p95_ms(_in_a_transaction(database, lambda c: c.exec_driver_sql("SELECT 1").all()))
    print(f"BENCH {'SELECT 1':<28} p95 {floor:8.2f} ms")  # noqa: T201
    asked = {name: _in_a_transaction(database, ask) for name, ask in queries(made).items()}
    for name, ask in {**asked, **searches(database)}.items():
        p95 = _p95_ms(ask)
        print(f"BENCH {name:<28} p95 {p95:8.2f} ms = {p95 / floor:7.1f} SELECT 1")  # noqa: T201
