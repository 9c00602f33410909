"""What hangs on a user goes with the user, and comes back with the user.

A complete read says of roles, enrollments and demographics itself what has gone. An incremental one
may name a user alone, and another app may still have what it knew of that user; nothing of it may
stay and name somebody who is gone. Records alone go: the links stay, and what an app says of such a
record later is taken as ever. It is logged as nobody's value, so that it is known again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shared.db.hub_tables import HUB, LINKS
from shared.domain.records import Kind
from shared.roster.statements import Statements

#: The kinds whose records belong to a user.
HANGING = (Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS)
#: From so many users on, their records are looked for in one go through all of them.
_MANY = 20_000

_OF_JOB = (
    "SELECT c.sourced_id FROM change_log AS c WHERE c.job_id = :job AND c.kind = '{kind}'"
    " AND c.op = '{op}'"
)
_STATE = (
    f"SELECT u.sourced_id FROM {HUB[Kind.USERS].name} AS u WHERE u.tenant_id = :tenant"
    " AND u.status {is_active} 'active'"
)


def go_along(run: Statements) -> dict[Kind, int]:
    """Remove what hangs on the users whom this job has removed; returns how many, by kind.

    So go records that the job has just brought back, though their user is gone.
    """
    gone = _of_job(Kind.USERS, "remove")
    users = run.value(f"SELECT count(*) FROM ({gone}) AS g")
    removed = {}
    with _looked_up(run, users):
        for kind in HANGING:
            returned = _of_job(kind, "restore")
            some = []
            if users:
                some.append(f"h.user_sourced_id IN ({gone})")
            if run.value(f"SELECT count(*) FROM ({returned}) AS r"):
                some.append(f"h.sourced_id IN ({returned})")
            if some:
                removed[kind] = _move(
                    run,
                    kind,
                    "remove",
                    f"h.status = 'active' AND ({' OR '.join(some)})"
                    f" AND h.user_sourced_id IN ({_STATE.format(is_active='<>')})",
                )
    return {kind: count for kind, count in removed.items() if count}


def return_along(run: Statements) -> dict[Kind, int]:
    """Bring back what went with the users whom this job has brought back, where an app has it.

    Returns:
        How many, by kind.
    """
    back = _of_job(Kind.USERS, "restore")
    users = run.value(f"SELECT count(*) FROM ({back}) AS g")
    if not users:
        return {}
    restored = {}
    with _looked_up(run, users):
        for kind in HANGING:
            restored[kind] = _move(
                run, kind, "restore", f"h.user_sourced_id IN ({back}) AND {went_along(kind)}"
            )
    return {kind: count for kind, count in restored.items() if count}


def went_along(kind: Kind) -> str:
    """Return the condition: record `h` is gone since its user went, and an app has it still."""
    last = (
        "SELECT max(o.id) FROM change_log AS o WHERE o.tenant_id = :tenant"
        f" AND o.kind = '{kind}' AND o.sourced_id = h.sourced_id"
    )
    return (
        "h.status <> 'active' AND EXISTS (SELECT 1 FROM change_log AS c"
        f" WHERE c.id = ({last}) AND c.op = 'remove' AND c.job_id IS NOT NULL"
        f" AND c.app_id IS NULL) AND EXISTS (SELECT 1 FROM {LINKS[kind].name} AS k"
        " JOIN apps AS a ON a.id = k.app_id AND a.removed_at IS NULL"
        " WHERE k.sourced_id = h.sourced_id AND k.ended_at IS NULL)"
    )


def _of_job(kind: Kind, op: str) -> str:
    return _OF_JOB.format(kind=kind, op=op)


def _move(run: Statements, kind: Kind, op: str, where: str) -> int:
    hub, is_back = HUB[kind].name, op == "restore"
    states = ("'tobedeleted'", "'active'") if is_back else ("'active'", "'tobedeleted'")
    before, after = (run.json({"status": state}) for state in states)
    moved = run.run(
        "INSERT INTO change_log"
        " (job_id, app_id, tenant_id, kind, sourced_id, op, before, after, at)"
        " SELECT :job, NULL, :tenant, CAST(:kind AS text), h.sourced_id, CAST(:op AS text),"
        f" {before}, {after}, {run.instant()} FROM {hub} AS h"
        f" WHERE h.tenant_id = :tenant AND {where}",
        kind=kind,
        op=op,
    )
    if moved:
        run.run(
            f"UPDATE {hub} AS h SET status = {states[1]}, date_last_modified = {run.instant()},"
            f" last_job = :job WHERE h.tenant_id = :tenant AND h.status = {states[0]}"
            f" AND h.sourced_id IN ({_of_job(kind, op)} AND c.app_id IS NULL)"
        )
    return moved


@contextmanager
def _looked_up(run: Statements, users: int) -> Iterator[None]:
    """Let PostgreSQL find the records of a few users by index, in however large a job."""
    if not run.is_postgresql or users > _MANY:
        yield
        return
    ((before,),) = run.rows("SELECT current_setting('enable_nestloop')")
    run.run("SET LOCAL enable_nestloop = on")
    yield
    run.run(f"SET LOCAL enable_nestloop = {before}")
