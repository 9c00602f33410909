"""The export procedure: render from one snapshot into local files, then deliver them together."""

from __future__ import annotations

from sqlalchemy import Connection

from connectors.sdk import Delivery, Rendering, Target
from shared.db.claiming import Outcome
from shared.domain.states import Trigger
from shared.roster.snapshot import Snapshot
from workers.opening import Opener
from workers.planning import showing_files
from workers.runner import Apply, Work


class Exporting:
    """Runs export jobs.

    Args:
        opener: opens an assignment's connector.
    """

    def __init__(self, opener: Opener) -> None:
        self._opener = opener

    def __call__(self, work: Work) -> Apply:
        """Render and deliver; T4 only records it, since nothing of the hub changes.

        A plan is rendered and goes nowhere.

        Raises:
            ConnectorError: the files could not be made or delivered.
            Interrupted: the job must stop.
        """
        target = self._opener.open(work.assignment, Target)  # type: ignore[type-abstract]
        work.control.progress("rendering", 0)
        with Snapshot(work.gate.database, work.assignment.tenant_id, target.reads) as roster:
            rendering = target.render(roster, work.folder)
        if work.assignment.trigger is Trigger.PLAN:
            return showing_files(work, rendering)
        rows = sum(file.rows for file in rendering.files)
        work.control.progress("delivering", rows, rows)
        work.control.confirm()
        delivery = target.deliver(rendering)

        def apply(connection: Connection) -> Outcome:
            del connection
            return Outcome(counts=_counts(rendering, delivery), reason=_left_out(rendering))

        return apply


def _counts(rendering: Rendering, delivery: Delivery) -> dict[str, object]:
    files = {
        file.path.name: {
            "rows": file.rows,
            "changed": file.path.name in delivery.changed,
            "sha256": file.sha256,
        }
        for file in rendering.files
    }
    return {"files": files, "places": list(delivery.places), "left_out": dict(rendering.left_out)}


def _left_out(rendering: Rendering) -> str | None:
    total = sum(rendering.left_out.values())
    if not total:
        return None
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(rendering.left_out.items()))
    return f"{total} records were left out: {told}"
