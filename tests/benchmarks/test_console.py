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
from tests.benchmarks.console_queries import LARGE, ONE, queries, searches
from tests.benchmarks.seeding import seed
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


def _places(database: Database, tenant_id: int) -> dict[str, str]:
    """Return what stands in the place of each name of a path, of one tenant."""
    first = (
        ("job", "SELECT max(id) FROM jobs WHERE tenant_id = {t} AND state = 'succeeded'"),
        ("approval", "SELECT min(id) FROM approvals WHERE tenant_id = {t}"),
        ("conflict", "SELECT min(id) FROM conflicts WHERE tenant_id = {t}"),
        ("record", "SELECT min(sourced_id) FROM hub_users WHERE tenant_id = {t}"),
        ("other", "SELECT max(sourced_id) FROM hub_users WHERE tenant_id = {t}"),
    )
    with database.read() as connection:
        found = {
            name: str(connection.exec_driver_sql(query.format(t=tenant_id)).scalar_one())
            for name, query in first
        }
    return {
        **found, "tenant": f"tenant-{tenant_id:05}", "app": "app-1", "kind": "users",
        "account": "boss", "mode": "full", "connector": "skyward",
    }  # fmt: skip


def _address(page: Page, places: dict[str, str]) -> str:
    """Return a page's address."""
    path = re.sub(r"{(\w+)(:\w+)?}", lambda name: places[name[1]], page.path)
    pair = f"?one={places['record']}&other={places['other']}"
    query = {"/pair": pair, "/why": "?field=email", "/users": "?search=abc"}
    return path + next((told for end, told in query.items() if path.endswith(end)), "")


@pytest.mark.parametrize("any_database_url", ["postgresql"], indirect=True)
def test_every_page_beside_an_empty_route(database: Database, tmp_path: Path) -> None:
    """The limit is of a tenant among a thousand; the largest, a tenth of all people, is told."""
    made = seed(database)
    site = ConsoleSite(database, embedded_settings(database, state_dir=tmp_path))
    site.add_account("boss", (Role.ADMINISTRATOR, None), (Role.VIEWER, "tenant-00007"))
    client = site.client("boss")
    floor = _p95_ms(lambda: client.get("/healthz"))
    print(f"\nBENCH {made}; an empty route p95 {floor:.2f} ms")  # noqa: T201
    one, large = _places(database, ONE), _places(database, LARGE)
    slow, wrong = {}, {}
    for page in every_page():
        if not page.is_safe or NOT_MEASURED.search(page.path):
            continue
        told = []
        for places in (one, large) if page.has_tenant else (one,):
            where = _address(page, places)
            if client.get(where).status_code not in (200, 303, 422):
                wrong[page.path] = where
            p95 = _p95_ms(lambda where=where: client.get(where))
            told.append(f"{p95:7.1f} ms = {p95 / floor:5.1f} empty")
            if places is one and p95 > PAGE_MS:
                slow[page.path] = p95
        print(f"BENCH {page.path:<58} {'; largest '.join(told)}")  # noqa: T201
    assert wrong == {}
    if slow:
        print(f"BENCH above {PAGE_MS} ms: {', '.join(slow)}")  # noqa: T201
