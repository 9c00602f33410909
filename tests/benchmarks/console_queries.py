"""What the console's pages ask, each with the arguments that cost it most in a seeded deployment."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import Connection

from shared.db import attention, home, job_pages, plan_pages, review_pages, tenant_pages, views
from shared.db.engine import Database
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.roster.browsing import Wanted, list_records
from tests.benchmarks.seeding import Seeded

Ask = Callable[[Connection], Any]
#: The first tenant has a tenth of all people; this is one among a thousand.
LARGE, ONE = 1, 7


def queries(made: Seeded) -> dict[str, Ask]:
    """Return the queries of the database by what they are called."""
    jobs = partial(partial, job_pages.page_jobs)
    plan = partial(partial, plan_pages.page_plan_rows, job_id=made.plan_job)
    middle = made.jobs // 2
    return {
        "apps of a tenant": lambda c: views.list_apps(c, "tenant-00007"),
        "home": lambda c: home.show_home(c, ONE, now(c)),
        "attention": lambda c: attention.list_attention(c, ONE),
        "attention, all": attention_all(None),
        "attention, all, later": attention_all("paused:1"),
        "tenants": lambda c: tenant_pages.page_tenants(c),
        "tenants, searched": lambda c: tenant_pages.page_tenants(c, search="tenant-000"),
        "jobs of an app": jobs(app_id=65, tenant_id=ONE),
        "jobs of a tenant": jobs(tenant_id=ONE),
        "jobs of all": jobs(),
        "jobs of all, old": jobs(before=middle),
        "jobs, failed": jobs(state="failed", before=middle),
        "jobs of a tenant, failed": jobs(tenant_id=ONE, state="failed"),
        "jobs of an app, failed": jobs(app_id=65, tenant_id=ONE, state="failed"),
        "jobs, unfinished": jobs(state="unfinished"),
        "jobs, full": jobs(mode=Mode.FULL, before=middle),
        "jobs of a tenant, full": jobs(tenant_id=ONE, mode=Mode.FULL),
        "a job": lambda c: views.show_job(c, middle),
        "plan": plan(),
        "plan, removals": plan(ops=["removals"]),
        "plan of a school": plan(school="o3"),
        "plan, searched by id": plan(search="x7"),
        "plan, searched by name": plan(search="family 17"),
        "approvals": lambda c: review_pages.page_approvals(c, ONE),
        "approvals, pending": lambda c: review_pages.page_approvals(c, ONE, state="pending"),
        "approvals by school": lambda c: review_pages.pending_by_school(c, ONE),
        "rows of an approval": lambda c: review_pages.page_approval_rows(c, 1, after="x2"),
    }


def searches(database: Database) -> dict[str, Callable[[], Any]]:
    """Return the looks into the roster by what they are called; they open their transactions."""

    def find(tenant_id: int, kind: Kind = Kind.USERS, **wanted: Any) -> Callable[[], Any]:
        return lambda: list_records(database, tenant_id, Wanted(kind=kind, **wanted))

    return {
        "users": find(LARGE),
        "users, later": find(LARGE, after="u5"),
        "users, one letter": find(LARGE, search="a"),
        "users, three letters": find(LARGE, search="abc"),
        "users, a whole name": find(LARGE, search="abcdef0"),
        "users, two words": find(LARGE, search="abc 9f"),
        "users, an id": find(LARGE, search="123450"),
        "users, nobody": find(LARGE, search="zzz"),
        "users of a school": find(LARGE, school="School 1", after="u5"),
        "users of a school, nobody": find(LARGE, school="School 2"),
        "users of a school, searched": find(LARGE, school="School 1", search="ab"),
        "users of a small tenant": find(ONE, search="abc"),
        "classes, searched": find(LARGE, Kind.CLASSES, search="ss 1"),
    }


def attention_all(after: str | None) -> Ask:
    return lambda c: attention.page_attention(c, after=after)


def now(connection: Connection) -> Any:
    return connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
