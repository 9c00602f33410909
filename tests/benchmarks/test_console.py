"""What the console asks of a database with a thousand tenants, beside an empty round trip."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles
from typing import Any

import pytest

from console.web.page import Page
from console.web.pages import every_page
from shared.db.engine import Database
from shared.domain.roles import Role
from tests.benchmarks.console_queries import queries, searches
from tests.benchmarks.seeding import Seeded, seed
from tests.console_site import ConsoleSite, embedded_settings

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


#: Milliseconds that a page may take of the server, its template and all.
PAGE_MS = 100
#: Pages whose cost is another's: a file that is streamed, a link that is used once.
NOT_MEASURED = re.compile(r"errors\.csv$|^/setup|^/welcome|^/sign-in|^/$|/doctor$")


def _address(page: Page, made: Seeded) -> str:
    """Return a page's address in the largest tenant; of two kinds another has something to show."""
    names = {
        "tenant": "tenant-00001", "app": "app-1", "job": str(made.plan_job), "approval": "1",
        "conflict": "1", "kind": "users", "record": "u10", "account": "boss", "mode": "full",
        "connector": "skyward",
    }  # fmt: skip
    path = re.sub(r"{(\w+)(:\w+)?}", lambda name: names[name[1]], page.path)
    query = {"/pair": "?one=u10&other=u20", "/why": "?field=email", "/users": "?search=abc"}
    return path + next((told for end, told in query.items() if path.endswith(end)), "")


@pytest.mark.parametrize("any_database_url", ["postgresql"], indirect=True)
def test_every_page_beside_an_empty_route(database: Database, tmp_path: Path) -> None:
    made = seed(database)
    site = ConsoleSite(database, embedded_settings(database, state_dir=tmp_path))
    site.add_account("boss", (Role.ADMINISTRATOR, None))
    client = site.client("boss")
    floor = _p95_ms(lambda: client.get("/healthz"))
    print(f"\nBENCH {made}; an empty route p95 {floor:.2f} ms")  # noqa: T201
    slow, wrong = {}, {}
    for page in every_page():
        if not page.is_safe or NOT_MEASURED.search(page.path):
            continue
        where = _address(page, made)
        status = client.get(where).status_code
        if status not in (200, 303):
            wrong[page.path] = f"{status} at {where}"
            continue
        p95 = _p95_ms(lambda where=where: client.get(where))
        print(f"BENCH {page.path:<58} p95 {p95:7.1f} ms = {p95 / floor:6.1f} empty")  # noqa: T201
        if p95 > PAGE_MS:
            slow[page.path] = p95
    assert wrong == {}
    assert slow == {}
