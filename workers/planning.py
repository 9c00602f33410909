"""Plan jobs: everything that a sync does but its effects, and what they would be, written down."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from connectors.sdk import Rendering
from shared.db.claiming import Outcome, check_fence
from shared.db.jobs import last_counts
from shared.domain.records import Kind
from shared.roster.locking import hub_lock
from shared.roster.plan import Plan
from shared.roster.planning import Counts, Op, PlannedWrite, note_writes, write_plan
from shared.roster.write_back import wanted_writes
from workers.reading import certificate_json
from workers.runner import Apply, Work


def plan_writes(
    work: Work,
    plan: Plan,
    writable: Mapping[Kind, frozenset[str]],
    *,
    accepts: Callable[[Kind, str], bool],
) -> None:
    """Write down what would be written to the vendor; see `write_back.pending_writes`. Commits."""
    database = work.gate.database

    def pages() -> Iterator[tuple[Kind, list[PlannedWrite]]]:
        for kind, page in wanted_writes(database, plan, writable, accepts=accepts):
            work.control.checkpoint()
            yield (
                kind,
                [
                    (one.intent[0], one.sourced_id, _json(one.held), _json(one.intent[2]))
                    for one in page
                ],
            )

    note_writes(database, plan, pages())


def showing(work: Work, plan: Plan) -> Apply:
    """Return what T4 runs: hub lock, fence, the plan's rows; neither cursor nor scope."""

    def apply(connection: Connection) -> Outcome:
        version = hub_lock(connection, work.assignment.tenant_id)
        check_fence(connection, work.assignment)
        shown, counts = write_plan(connection, work.gate.database, plan, hub_version=version)
        return Outcome(
            counts={},
            reason=_summary(counts),
            certificate=certificate_json(plan),
            plan={**shown.to_json(), "counts": counts},
        )

    return apply


def showing_files(work: Work, rendering: Rendering) -> Apply:
    """Return what T4 runs for an export: how its files differ from those that arrived last."""

    def apply(connection: Connection) -> Outcome:
        last: Mapping[str, Any] = (last_counts(connection, work.assignment.app_id) or {}).get(
            "files", {}
        )
        files: dict[str, dict[str, object]] = {
            file.path.name: {
                "rows": file.rows,
                "sha256": file.sha256,
                "is_changed": last.get(file.path.name, {}).get("sha256") != file.sha256,
            }
            for file in rendering.files
        }
        told = json.dumps({name: file["sha256"] for name, file in files.items()}, sort_keys=True)
        changed = sum(bool(file["is_changed"]) for file in files.values())
        return Outcome(
            counts={},
            reason=f"would deliver {len(files)} files, {changed} of them changed",
            plan={
                "hash": hashlib.blake2b(told.encode(), digest_size=16).hexdigest(),
                "counts": {},
                "files": files,
                "gone": sorted(set(last) - set(files)),
                "left_out": dict(rendering.left_out),
            },
        )

    return apply


def _summary(counts: Counts) -> str:
    total = {op: sum(counted.get(op, 0) for counted in counts.values()) for op in Op}
    named = {op: op.replace("_", " ") for op in Op} | {Op.HELD: "held for approval"}
    told = [f"{total[op]} {named[op]}" for op in Op if total[op]]
    return f"would make {', '.join(told)}" if told else "would change nothing"


def _json(values: Mapping[str, str | None]) -> str:
    return json.dumps(dict(values), ensure_ascii=False)
