"""Operations on plans: what a sync would change."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le

from console.service.jobs import After, JobId, job_of
from console.service.means import Means
from console.service.operation import operation
from shared.db import plan_pages
from shared.db.views import Shown
from shared.domain.records import Kind
from shared.domain.roles import Permission
from shared.errors import ConfigurationError
from shared.roster.planning import Op

_Limit = Annotated[int, Ge(1), Le(plan_pages.MOST)]


@operation("GET", "/tenants/{tenant}/jobs/{job}/plan-rows", needs=Permission.VIEW, is_audited=True)
def list_plan_rows(
    means: Means,
    tenant: str,
    job: JobId,
    ops: str = "",
    kind: Kind | None = None,
    school: str | None = None,
    search: str | None = None,
    after: After = 0,
    limit: _Limit = 50,
) -> Shown:
    """List what a plan job would change, by the page; the newest plan of an app alone keeps it.

    `ops` names one kind of change, or several with commas between; `after` is the page before's.
    """
    wanted = [_op(name) for name in ops.split(",") if name]
    with means.database.read() as connection:
        job_of(connection, tenant, job)
        return plan_pages.page_plan_rows(
            connection, job, ops=wanted, kind=kind, school=school, search=search, after=after,
            limit=limit,
        )  # fmt: skip


def _op(name: str) -> Op:
    if name not in set(Op):
        raise ConfigurationError("ops", f"there is no {name!r}", f"Give of {', '.join(Op)}.")
    return Op(name)
