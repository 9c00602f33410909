"""Operations on the records of a job that were left out, or that a vendor refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from annotated_types import Ge, Le, MaxLen
from sqlalchemy import Connection, Row, select

from console.service.download import Download
from console.service.jobs import JobId
from console.service.means import Means
from console.service.operation import operation
from console.spreadsheet import spreadsheet_lines
from shared.db.apps import app_row
from shared.db.job_pages import last_ended
from shared.db.tables import apps, jobs, tenants
from shared.db.views import Shown, iso
from shared.domain.counts import count_totals
from shared.domain.records import Kind
from shared.domain.roles import Permission
from shared.errors import NotFoundError
from shared.roster import record_errors
from shared.roster.quarantine_views import Wanted, source_fields

#: What a file tells of each record, before the fields of its source.
COLUMNS = (
    "app", "job", "what", "state", "kind", "external_id", "sourced_id", "field", "reason", "at",
)  # fmt: skip
Cursor = Annotated[str, MaxLen(64)]
PageSize = Annotated[int, Ge(1), Le(record_errors.MOST)]


@operation("GET", "/tenants/{tenant}/apps/{app}/errors", needs=Permission.VIEW)
def page_errors(
    means: Means,
    tenant: str,
    app: str,
    job: JobId | None = None,
    kind: Kind | None = None,
    after: Cursor | None = None,
    limit: PageSize = 50,
) -> Shown:
    """List by the page what of a job's records was left out or refused, and why.

    Without a job it is of the app's last one that read to its end, or that was sent.
    """
    with means.database.read() as connection:
        found = _job(connection, tenant, app, job)
        if found is None:
            return {"app": f"{tenant}/{app}", "job": None, "records": [], "after": None}
        page = record_errors.page_errors(connection, found.id, kind=kind, after=after, limit=limit)
    totals = count_totals(found.counts)
    told = {
        "id": found.id,
        "state": found.state,
        "mode": found.mode,
        "finished_at": iso(found.finished_at),
        "quarantined": totals.quarantined,
        "left_out": (found.counts or {}).get("left_out", {}),
    }
    return {"app": f"{tenant}/{app}", "job": told, **page}


@operation("GET", "/tenants/{tenant}/apps/{app}/errors.csv", needs=Permission.VIEW, is_audited=True)
def download_errors(
    means: Means, tenant: str, app: str, job: JobId | None = None, kind: Kind | None = None
) -> Download:
    """Download as CSV what of a job's records was left out or refused, with the source rows."""
    with means.database.read() as connection:
        found = _job(connection, tenant, app, job)
        job_id = None if found is None else found.id
        wanted = Wanted(job_id=job_id, kind=kind)
        fields = [] if job_id is None else source_fields(connection, wanted)
    lines = spreadsheet_lines(_rows(means, f"{tenant}/{app}", job_id, kind, fields))
    return Download(f"{tenant}-{app}-errors-{job_id or 'none'}.csv", lines)


def _rows(
    means: Means, app: str, job_id: int | None, kind: Kind | None, fields: list[str]
) -> Iterator[list[object]]:
    """Yield heading and rows, read by the page: a slow download holds no transaction open."""
    # a source's own column may be called as one of ours
    yield [*COLUMNS, *(f"source.{name}" if name in COLUMNS else name for name in fields)]
    after: str | None = None
    while job_id is not None:
        with means.database.read() as connection:
            page = record_errors.page_errors(
                connection, job_id, kind=kind, after=after, limit=record_errors.MOST
            )
        for record in page["records"]:
            told = {**record, "app": app, "job": job_id}
            source = record["source"]
            yield [*(told[name] for name in COLUMNS), *(source.get(name) for name in fields)]
        after = page["after"]
        if after is None:
            return


def _job(connection: Connection, tenant: str, app: str, job: int | None) -> Row[tuple[int]] | None:
    """Return the job that is asked for, else the app's last one; None: it has had none.

    Raises:
        NotFoundError: there is no such app, or the job is not its.
    """
    row = app_row(connection, f"{tenant}/{app}")
    wanted = job or row.last_read_job
    if wanted is None:
        last = last_ended(connection, [row.id]).get(row.id)
        wanted = None if last is None else last["id"]
    if wanted is None:
        return None
    found = connection.execute(
        select(jobs).where(jobs.c.id == wanted, jobs.c.app_id == row.id)
    ).one_or_none()
    if found is None:
        raise NotFoundError("job", f"{tenant}/{app} has no job {job}", "Look at its history.")
    return found


@operation("GET", "/tenants/{tenant}/jobs/{job}/app", needs=Permission.VIEW)
def find_app_of_job(means: Means, tenant: str, job: JobId) -> Shown:
    """Tell which app's a job is."""
    with means.database.read() as connection:
        name = connection.execute(
            select(apps.c.name)
            .join(jobs, jobs.c.app_id == apps.c.id)
            .join(tenants, tenants.c.id == jobs.c.tenant_id)
            .where(jobs.c.id == job, tenants.c.name == tenant)
        ).scalar_one_or_none()
    if name is None:
        raise NotFoundError("JOB", f"there is no job {job}", "List: bellringer jobs list")
    return {"job": job, "tenant": tenant, "app": name}
