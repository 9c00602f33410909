"""A deployment of a thousand tenants with a year of history and a million people, made by SQL.

    python -m tests.benchmarks.seeding DATABASE_URL [FACTOR]

PostgreSQL alone, in sets; every name and id is made of a number. With a factor of 1: 1,000 tenants,
10,000 apps, 1,000,000 jobs with three events each, 1,000,000 users of whom a tenth are of the first
tenant, a plan of 200,000 rows, and a few of everything that waits for a person.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from shared.db.engine import Database
from shared.db.migrate import upgrade
from shared.settings import load_settings

#: Of each tenant, by position: what an app is.
_TIER = "CASE WHEN p <= 4 THEN 'import' WHEN p <= 6 THEN 'two_way' ELSE 'export' END"
APPS = 10
JOBS = 100
_COUNTS = (
    '{"users": {"added": 3, "updated": 17, "restored": 0, "removed": 2, "unchanged": 978,'
    ' "quarantined": 1, "renamed": 0}, "enrollments": {"added": 40, "updated": 0, "restored": 0,'
    ' "removed": 12, "unchanged": 4948, "quarantined": 0, "renamed": 0}}'
)
_DAILY = '{"zone": "America/New_York", "frequency": "daily", "times": ["02:00"]}'


@dataclass(frozen=True, slots=True)
class Seeded:
    """How much there is.

    Attributes:
        tenants: ids 1 to this; the first one is by far the largest.
        apps: ids 1 to this, `APPS` a tenant.
        jobs: ids 1 to this, and one plan job behind them.
        users: of all tenants.
    """

    tenants: int
    apps: int
    jobs: int
    users: int

    @property
    def plan_job(self) -> int:
        """The job whose plan has rows; it is of the first app."""
        return self.jobs + 1


def seed(database: Database, factor: float = 1.0) -> Seeded:
    """Fill an empty PostgreSQL database at the newest schema; returns how much there is."""
    tenants = max(10, round(1000 * factor))
    made = Seeded(tenants, tenants * APPS, tenants * APPS * JOBS, max(2000, round(1e6 * factor)))
    with database.write() as connection:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        # each row's tenant, app and job is there: they are made of one series
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for statement in (
            *_places(made),
            *_history(made),
            *_people(made),
            *_open_work(made),
            *_plan(made, max(1000, round(200_000 * factor))),
        ):
            # a % is one of SQL's, and no parameter
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("VACUUM (ANALYZE)")
    return made


def _places(made: Seeded) -> list[str]:
    """Tenants, their apps, and a schedule or two of each."""
    return [
        "INSERT INTO tenants (id, name, zone, wave, created_at)"
        " SELECT t, 'tenant-' || lpad(t::text, 5, '0'), 'America/New_York', 1000, now()"
        f" FROM generate_series(1, {made.tenants}) AS t",
        "INSERT INTO apps (id, tenant_id, name, connector, tier, modes, position, config,"
        " paused_at, last_outcome, last_wave, last_read_job, last_quarantined, created_at)"
        f" SELECT (t - 1) * {APPS} + p, t, 'app-' || p, 'oneroster_csv', {_TIER},"
        " '[\"full\", \"incremental\"]', p, '{}', CASE WHEN t % 50 = 7 AND p = 3 THEN now() END,"
        " CASE WHEN (t * 10 + p) % 97 = 5 THEN 'failed' ELSE 'succeeded' END, 1000, NULL,"
        " CASE WHEN (t + p) % 41 = 0 THEN 3 ELSE 0 END, now()"
        f" FROM generate_series(1, {made.tenants}) AS t, generate_series(1, {APPS}) AS p",
        "INSERT INTO schedules (tenant_id, app_id, mode, recurrence, next_run_at, created_at)"
        f" SELECT tenant_id, id, m, '{_DAILY}',"
        " now() + interval '1 hour', now() FROM apps, unnest(ARRAY['full', 'incremental']) AS m",
        "INSERT INTO hubs (tenant_id, version) SELECT id, 7 FROM tenants",
        "SELECT setval('tenants_id_seq', (SELECT max(id) FROM tenants))",
        "SELECT setval('apps_id_seq', (SELECT max(id) FROM apps))",
    ]


def _history(made: Seeded) -> list[str]:
    """`JOBS` jobs an app, round by round, with three events each; the last ones of some run."""
    state = (
        f"CASE WHEN r = {JOBS} AND a % 40 = 1 THEN 'running'"
        f" WHEN r = {JOBS} AND a % 40 = 2 THEN 'held'"
        " WHEN (a * 7 + r) % 100 = 0 THEN 'failed'"
        " WHEN (a * 7 + r) % 400 = 1 THEN 'cancelled' WHEN (a * 7 + r) % 200 = 2 THEN 'skipped'"
        " ELSE 'succeeded' END"
    )
    ended = "state NOT IN ('held', 'running')"
    return [
        "INSERT INTO jobs (id, tenant_id, app_id, tier, mode, trigger, state, reason, wave,"
        " last_wave, due_at, lease_until, created_at, queued_at, started_at, finished_at, progress,"
        " counts) SELECT id, tenant_id, app_id, tier, CASE WHEN r % 10 = 0 THEN 'full'"
        " ELSE 'incremental' END, 'schedule', state, CASE WHEN state = 'failed' THEN"
        " 'the vendor does not answer' END, r, r, at, CASE WHEN state = 'running' THEN"
        " now() + interval '1 minute' END, at, at, at,"
        f" CASE WHEN {ended} THEN at + interval '90 seconds' END,"
        " CASE WHEN state = 'running' THEN"
        ' \'{"done": 4200, "total": 9000, "step": "reading users"}\'::json END,'
        f" CASE WHEN state = 'succeeded' THEN '{_COUNTS}'::json END"
        f" FROM (SELECT (r - 1) * {made.apps} + a AS id, (a - 1) / {APPS} + 1 AS tenant_id,"
        f" a AS app_id, r, p, {_TIER} AS tier, {state} AS state,"
        f" now() - ({JOBS} - r) * interval '8 hours' AS at"
        f" FROM generate_series(1, {JOBS}) AS r,"
        f" LATERAL (SELECT a, (a - 1) % {APPS} + 1 AS p FROM generate_series(1, {made.apps}) AS a)"
        " AS a) AS job",
        "INSERT INTO job_events (job_id, from_state, to_state, attempt, actor, at)"
        " SELECT id, e.f, coalesce(e.t, state), 1, e.actor, created_at FROM jobs,"
        " (VALUES (NULL, 'held', 'ticker'), ('held', 'queued', 'ticker'), ('running', NULL,"
        " 'worker')) AS e(f, t, actor)",
        "UPDATE apps SET last_read_job = (SELECT max(id) FROM jobs WHERE app_id = apps.id)",
        "SELECT setval('jobs_id_seq', (SELECT max(id) FROM jobs))",
    ]


def _people(made: Seeded) -> list[str]:
    """Users with a role and an enrollment each; a tenth are of the first tenant."""
    # of one user in ten the first tenant's, of the others each tenant's in turn
    tenant = f"CASE WHEN n % 10 = 0 THEN 1 ELSE 2 + n / 10 % {made.tenants - 1} END"
    stamps = "created_at, date_last_modified, first_job, last_job, last_app"
    stamped = "now(), now(), 1, 1, 1"
    each = f"FROM (SELECT n, {tenant} AS t FROM generate_series(1, {made.users}) AS n) AS u"
    return [
        f"INSERT INTO hub_orgs (tenant_id, sourced_id, {stamps}, name, type, identifier)"
        f" SELECT id, 'o' || o, {stamped}, 'School ' || o, 'school', 'S' || o FROM tenants,"
        " generate_series(1, 5) AS o",
        f"INSERT INTO hub_classes (tenant_id, sourced_id, {stamps}, title, class_code,"
        f" school_sourced_id) SELECT id, 'c' || c, {stamped}, 'Class ' || c, 'K' || c, 'o1'"
        " FROM tenants, generate_series(1, 20) AS c",
        f"INSERT INTO hub_users (tenant_id, sourced_id, {stamps}, enabled_user, username,"
        " given_name, family_name, email, identifier, primary_org_sourced_id)"
        f" SELECT t, 'u' || n, {stamped}, 'true', 'user' || n, initcap(left(md5(n::text), 7)),"
        f" initcap(left(md5('f' || n), 8)), left(md5('e' || n), 9) || n || '@example.org',"
        f" (100000 + n)::text, 'o' || n % 5 + 1 {each}",
        f"INSERT INTO hub_roles (tenant_id, sourced_id, {stamps}, user_sourced_id, role_type, role,"
        f" org_sourced_id) SELECT t, 'r' || n, {stamped}, 'u' || n, 'primary', 'student',"
        f" 'o' || n % 5 + 1 {each}",
        f"INSERT INTO hub_enrollments (tenant_id, sourced_id, {stamps}, class_sourced_id,"
        f" school_sourced_id, user_sourced_id, role) SELECT t, 'e' || n, {stamped},"
        f" 'c' || n % 20 + 1, 'o1', 'u' || n, 'student' {each}",
    ]


def _open_work(made: Seeded) -> list[str]:
    """Approvals, of which one in fifty waits, conflicts, and counted duplicates."""
    return [
        "INSERT INTO approvals (tenant_id, app_id, job_id, op, kind, school, state, fingerprint,"
        " counts, created_at, deadline_at) SELECT tenant_id, app_id, id, 'remove', 'users',"
        " 'o' || id % 5 + 1, CASE WHEN id % 50 = 0 THEN 'pending' ELSE 'approved' END, 'x',"
        " '{\"proposed\": 12, \"of\": 80}', created_at, now() + id % 100 * interval '1 hour'"
        " FROM jobs WHERE tier = 'import' AND id % 8 = 0",
        "INSERT INTO approval_rows (approval_id, external_id, sourced_id, fingerprint, state)"
        " SELECT 1, 'x' || n, 'u' || n * 10, 'x', 'proposed' FROM generate_series(1,"
        f" {max(500, made.users // 200)}) AS n",
        "INSERT INTO conflicts (tenant_id, app_id, kind, external_id, sourced_id, field, base,"
        " ours, theirs, state, job_id, at) SELECT tenant_id, id, 'users', 'x' || n, 'u' || n,"
        " 'email', 'a', 'b', 'c', CASE WHEN n <= 5 AND id % 20 = 5 THEN 'open' ELSE 'resolved' END,"
        " 1, now() FROM apps, generate_series(1, 20) AS n WHERE tier = 'two_way'",
        "INSERT INTO duplicate_counts (tenant_id, hub_version, pairs, at)"
        " SELECT id, 7, CASE WHEN id % 10 = 0 THEN 2 ELSE 0 END, now() FROM tenants",
    ]


def _plan(made: Seeded, rows: int) -> list[str]:
    """One plan of the first app: adds, and a hundred removals at the end."""
    counts = f'{{"users": {{"adds": {rows - 100}, "removals": 100}}}}'
    return [
        "INSERT INTO jobs (id, tenant_id, app_id, tier, mode, trigger, state, wave, last_wave,"
        " due_at, created_at, started_at, finished_at, counts, plan)"
        f" VALUES ({made.plan_job}, 1, 1, 'import', 'full', 'plan', 'succeeded', 1000, 1000, now(),"
        f' now(), now(), now(), \'{{}}\', \'{{"hash": "x", "counts": {counts}}}\')',
        "INSERT INTO plan_rows (job_id, n, app_id, op, kind, external_id, sourced_id, school,"
        f" \"after\") SELECT {made.plan_job}, n, 1, CASE WHEN n > {rows - 100} THEN 'removals' ELSE"
        f" 'adds' END, 'users', 'x' || n, CASE WHEN n > {rows - 100} THEN 'u' || n * 10 END,"
        ' \'o\' || n % 5 + 1, \'{"givenName": "Given", "familyName": "Family \' || n || \'"}\''
        f" FROM generate_series(1, {rows}) AS n",
        "SELECT setval('jobs_id_seq', (SELECT max(id) FROM jobs))",
    ]


def main() -> None:
    """Upgrade and fill the database that the arguments name."""
    database = Database(load_settings(database_url=sys.argv[1]).resolved_database_url())
    upgrade(database)
    print(seed(database, float(sys.argv[2]) if len(sys.argv) > 2 else 1.0))  # noqa: T201
    database.dispose()


if __name__ == "__main__":
    main()
