"""The job of an approval: what a person has approved is done, and nothing is read."""

from __future__ import annotations

from sqlalchemy import Connection

from shared.db.claiming import Outcome, check_fence
from shared.errors import ContractError
from shared.roster.carrying_out import CarriedOut, carry_out
from shared.roster.locking import hub_lock
from shared.roster.rules import load_rules
from shared.roster.statements import statements
from workers.reading import key_of
from workers.runner import Apply, Work

#: Ids of refused rows that a job's reason names.
NAMED = 10


def carrying_out(work: Work) -> Apply:
    """Return what T4 runs: hub lock, fence, and each approved row that has not moved.

    Raises:
        ContractError: the job names no approval.
    """
    approval_id = work.assignment.approval_id
    if approval_id is None:
        raise ContractError(f"job {work.assignment.job_id} names no approval")
    database = work.gate.database

    def apply(connection: Connection) -> Outcome:
        hub_lock(connection, work.assignment.tenant_id)
        check_fence(connection, work.assignment)
        key = key_of(work)
        rules, _ = load_rules(connection, key.app_id)
        done = carry_out(statements(connection, database, key, 0), approval_id, rules)
        counts = {"removed": done.removed, "carried_out": done.done, "moved": len(done.moved)}
        return Outcome(counts={done.kind: counts}, reason=_told(approval_id, done))

    return apply


def _told(approval_id: int, done: CarriedOut) -> str:
    what = "removals" if done.op == "remove" else "renames"
    told = f"approval {approval_id}: {done.done} {what} of {done.kind} were made"
    if done.along:
        told += f", and {done.along} of what hangs on them"
    if done.moved:
        named = ", ".join(done.moved[:NAMED])
        more = f" and {len(done.moved) - NAMED} more" if len(done.moved) > NAMED else ""
        told += f"; {len(done.moved)} had moved since, and were left alone: {named}{more}"
    return told
