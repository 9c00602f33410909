"""Jobs by the page, newest first, at a cost that does not grow with history.

Each page starts where the one before it ended (`before`, an id), and its filter has an index: what
is unfinished, and what ended badly, is found among any number of jobs that went well. Only a mode,
and the state *succeeded*, have none: there a page looks at the next `WINDOW` jobs, tells what it
found among them, and where to go on; it may be short, or empty, though there are more.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Select, bindparam, select

from shared.db.tables import ENDED_BADLY, apps, jobs
from shared.db.views import Shown, job_shown, jobs_shown
from shared.domain.states import UNFINISHED, JobState, Mode, Trigger

#: Jobs that a page looks at where no index tells which are wanted.
WINDOW = 2000
#: The most jobs of a page.
MOST = 500

_ENDED = sorted(state for state in JobState if state.is_ended)


def page_jobs(
    connection: Connection,
    *,
    tenant_id: int | None = None,
    app_id: int | None = None,
    state: str | None = None,
    mode: Mode | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Shown:
    """Return a page of jobs, newest first.

    Args:
        connection: a reading transaction.
        tenant_id: whose; None: everybody's.
        app_id: of one app.
        state: a `JobState`, or `unfinished`; None: any.
        mode: None: either.
        before: the `before` of the page before this one; None: the first page.
        limit: the most jobs, `MOST` at most.

    Returns:
        `{"jobs": [as views.job_shown], "before": id or None}`; None: there are no more.
    """
    limit = max(1, min(limit, MOST))
    scope = _scope(tenant_id, app_id, state)
    if before is not None:
        scope.append(jobs.c.id < before)
    if mode is None and state != JobState.SUCCEEDED:
        ids, before = _found(connection, scope, limit)
    else:
        ids, before = _looked_for(connection, scope, state, mode, limit)
    if not ids:
        return {"jobs": [], "before": before}
    rows = connection.execute(jobs_shown().where(jobs.c.id.in_(ids)).order_by(jobs.c.id.desc()))
    return {"jobs": [job_shown(row) for row in rows], "before": before}


def last_ended(connection: Connection, app_ids: Collection[int]) -> dict[int, Shown]:
    """Return the last job that ended of each app, by app id; plans, which change nothing, left out.

    An index leads to it, below the two unfinished ones at most that an app has on top.

    Returns:
        Each as `{"id", "mode", "trigger", "state", "reason", "finished_at", "duration_s",
        "totals"}`.
    """
    if not app_ids:
        return {}
    newest = (
        select(jobs.c.id)
        .where(
            jobs.c.app_id == apps.c.id,
            jobs.c.state.in_(_ENDED),
            jobs.c.trigger != Trigger.PLAN,
        )
        .order_by(jobs.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    of_each = select(newest.label("job_id")).where(apps.c.id.in_(app_ids)).subquery()
    rows = connection.execute(jobs_shown().join(of_each, of_each.c.job_id == jobs.c.id))
    wanted = ("id", "mode", "trigger", "state", "reason", "finished_at", "duration_s", "totals")
    found = {}
    for row in rows:
        shown = job_shown(row)
        found[row.app_id] = {name: shown[name] for name in wanted}
    return found


def _scope(
    tenant_id: int | None, app_id: int | None, state: str | None
) -> list[ColumnElement[bool]]:
    """Return the conditions that an index answers."""
    scope: list[ColumnElement[bool]] = []
    if tenant_id is not None and (app_id is None or state == "unfinished"):
        scope.append(jobs.c.tenant_id == tenant_id)
    if app_id is not None:
        scope.append(jobs.c.app_id == app_id)
    if state == "unfinished":
        scope.append(is_in(UNFINISHED))
    elif state is not None and state != JobState.SUCCEEDED:
        scope.append(is_in({state}))
        # as the partial index has it, by which it is found
        scope.append(is_in(ENDED_BADLY if state in ENDED_BADLY else UNFINISHED))
    return scope


def is_in(states: Collection[str]) -> ColumnElement[bool]:
    """Return a condition that names the states itself: a bound value leads to no partial index."""
    named: BindParameter[Any] = bindparam(
        "states", sorted(states), expanding=True, literal_execute=True, unique=True
    )
    return jobs.c.state.in_(named)


def _found(
    connection: Connection, scope: list[ColumnElement[bool]], limit: int
) -> tuple[list[int], int | None]:
    ids = list(connection.execute(_ids(scope).limit(limit + 1)).scalars())
    return ids[:limit], ids[limit - 1] if len(ids) > limit else None


def _looked_for(
    connection: Connection,
    scope: list[ColumnElement[bool]],
    state: str | None,
    mode: Mode | None,
    limit: int,
) -> tuple[list[int], int | None]:
    """Return what is wanted among the next `WINDOW` jobs, and where to go on."""
    window = _ids(scope, jobs.c.state, jobs.c.mode).limit(WINDOW).subquery()
    looked = connection.execute(select(window).order_by(window.c.id.desc())).all()
    ids = [
        row.id
        for row in looked
        if (mode is None or row.mode == mode)
        and (state != JobState.SUCCEEDED or row.state == JobState.SUCCEEDED)
    ]
    if len(ids) > limit:
        return ids[:limit], ids[limit - 1]
    return ids, looked[-1].id if len(looked) == WINDOW else None


def _ids(scope: list[ColumnElement[bool]], *columns: ColumnElement[Any]) -> Select[Any]:
    return select(jobs.c.id, *columns).where(*scope).order_by(jobs.c.id.desc())
