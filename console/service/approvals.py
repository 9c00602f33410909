"""Operations on approvals: changes that wait for a person."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import Field
from sqlalchemy import Connection, select

from console.service.means import Means
from console.service.operation import Reach, operation
from console.service.wish import Wish
from shared.db import approving, asking, review_pages, review_views
from shared.db.review_tables import approvals
from shared.db.tables import tenants
from shared.db.tenants import find_tenant
from shared.db.views import Shown
from shared.domain.roles import Permission
from shared.errors import NotFoundError

#: The states of an approval.
State = Literal["pending", "approved", "rejected", "lapsed", "replaced"]
#: An approval's id; a larger one than a database gives is none.
ApprovalId = Annotated[int, Ge(1), Le(2**63 - 1)]
#: How many of a page.
PageLimit = Annotated[int, Ge(1), Le(review_pages.MOST)]


class Decision(Wish):
    """What is decided together, all of it or nothing.

    Attributes:
        approvals: their ids.
        by: who decides, where that is not the account itself.
    """

    approvals: tuple[ApprovalId, ...] = Field(min_length=1, max_length=1000)
    by: str | None = None

    audited = frozenset({"approvals"})


@operation("GET", "/approvals", needs=Permission.VIEW, reach=Reach.CALLER)
def list_all_approvals(
    means: Means, state: State | None = None, before: ApprovalId | None = None,
    limit: PageLimit = 50,
) -> Shown:  # fmt: skip
    """List the approvals of all tenants that the caller may see, newest first, by the page."""
    with means.database.read() as connection:
        return review_pages.page_approvals(
            connection, None, tenant_ids=means.caller.tenant_ids(), state=state, before=before,
            limit=limit,
        )  # fmt: skip


@operation("GET", "/approvals/{approval}", needs=Permission.VIEW, reach=Reach.CALLER)
def find_approval(means: Means, approval: ApprovalId) -> Shown:
    """Tell which tenant's an approval is."""
    with means.database.read() as connection:
        row = connection.execute(
            select(approvals.c.tenant_id, tenants.c.name)
            .join(tenants, tenants.c.id == approvals.c.tenant_id)
            .where(approvals.c.id == approval)
        ).one_or_none()
    if row is None or not means.caller.may(Permission.VIEW, row.tenant_id):
        raise _no_approval(approval)
    return {"approval": approval, "tenant": row.name}


@operation("GET", "/tenants/{tenant}/approvals", needs=Permission.VIEW)
def list_approvals(
    means: Means,
    tenant: str,
    app: str | None = None,
    state: State | None = None,
    before: ApprovalId | None = None,
    limit: PageLimit = 50,
) -> Shown:
    """List a tenant's approvals, or an app's, newest first, by the page."""
    with means.database.read() as connection:
        tenant_id = find_tenant(connection, tenant).id
        app_id = asking.find_app(connection, f"{tenant}/{app}")[1] if app else None
        return review_pages.page_approvals(
            connection, tenant_id, app_id=app_id, state=state, before=before, limit=limit
        )


@operation("GET", "/tenants/{tenant}/pending-approvals", needs=Permission.VIEW)
def list_pending_by_school(means: Means, tenant: str) -> list[Shown]:
    """List what waits for approval by school, the school whose deadline is next first."""
    with means.database.read() as connection:
        return review_pages.pending_by_school(connection, find_tenant(connection, tenant).id)


@operation("GET", "/tenants/{tenant}/approvals/{approval}", needs=Permission.VIEW)
def show_approval(means: Means, tenant: str, approval: ApprovalId) -> Shown:
    """Show an approval; `list_approval_rows` tells who would go."""
    with means.database.read() as connection:
        _check_of(connection, tenant, (approval,))
        row = connection.execute(
            review_views.approvals_shown().where(approvals.c.id == approval)
        ).one()
        return review_views.approval_lines(connection, [row])[0]


@operation(
    "GET", "/tenants/{tenant}/approvals/{approval}/rows", needs=Permission.VIEW, is_audited=True
)
def list_approval_rows(
    means: Means, tenant: str, approval: ApprovalId, after: str | None = None,
    limit: PageLimit = 100,
) -> Shown:  # fmt: skip
    """List the rows of an approval, each with the name of its record, by the page."""
    with means.database.read() as connection:
        _check_of(connection, tenant, (approval,))
        return review_pages.page_approval_rows(connection, approval, after=after, limit=limit)


@operation("POST", "/tenants/{tenant}/approve", needs=Permission.REVIEW)
def approve(means: Means, tenant: str, wish: Decision) -> list[Shown]:
    """Approve: a job does it, for each row that is still as it was shown."""
    with means.database.read() as connection:
        _check_of(connection, tenant, wish.approvals)
    decided, publications = approving.approve(
        means.gate, wish.approvals, by=means.signed(wish.by), actor=means.actor
    )
    means.relay(publications)
    return [asdict(one) for one in decided]


@operation("POST", "/tenants/{tenant}/reject", needs=Permission.REVIEW)
def reject(means: Means, tenant: str, wish: Decision) -> list[Shown]:
    """Reject: it is not done, and the same is not asked for again."""
    with means.database.read() as connection:
        _check_of(connection, tenant, wish.approvals)
    decided = approving.reject(means.gate, wish.approvals, by=means.signed(wish.by))
    return [asdict(one) for one in decided]


def _check_of(connection: Connection, tenant: str, wanted: tuple[int, ...]) -> None:
    """See that approvals are a tenant's.

    Raises:
        NotFoundError: one is not.
    """
    there = connection.execute(
        select(approvals.c.id)
        .join(tenants, tenants.c.id == approvals.c.tenant_id)
        .where(approvals.c.id.in_(wanted), tenants.c.name == tenant)
    ).scalars()
    missing = set(wanted) - set(there)
    if missing:
        raise _no_approval(min(missing))


def _no_approval(approval: int) -> NotFoundError:
    return NotFoundError(
        "ID", f"there is no approval {approval}", "List: bellringer approvals list"
    )
