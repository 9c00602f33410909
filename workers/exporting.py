"""The export procedure: render from one snapshot into local files, then deliver them together."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from connectors.sdk import ChangesTarget, Delivery, Rendering, Target
from shared.db.claiming import Outcome
from shared.roster.snapshot import Snapshot
from workers.opening import Opener
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

        Raises:
            ConnectorError: the files could not be made or delivered.
            Interrupted: the job must stop.
        """
        target = self._opener.open(work.assignment, Target)  # type: ignore[type-abstract]
        work.control.progress("rendering", 0)
        with Snapshot(work.gate.database, work.assignment.tenant_id, target.reads) as roster:
            if isinstance(target, ChangesTarget):
                rendering = target.render_changes(roster, work.folder, work.assignment.cursor)
            else:
                rendering = target.render(roster, work.folder)
        rows = sum(file.rows for file in rendering.files)
        work.control.progress("delivering", rows, rows)
        work.control.confirm()
        delivery = target.deliver(rendering)

        def apply(connection: Connection) -> Outcome:
            del connection
            return Outcome(
                counts=_counts(rendering, delivery),
                reason=_remarks(rendering),
                cursor=rendering.cursor,
            )

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
    return {
        "files": files,
        "places": list(delivery.places),
        "left_out": dict(rendering.left_out),
        "altered": dict(rendering.altered),
    }


def _remarks(rendering: Rendering) -> str | None:
    """Say what a person should know of what was sent; None: nothing."""
    remarks = []
    if total := sum(rendering.left_out.values()):
        remarks.append(f"{total} records were left out: {_listed(rendering.left_out)}")
    if any(rendering.altered.values()):
        remarks.append(_listed(rendering.altered))
    return "; ".join(remarks) or None


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()) if count)
