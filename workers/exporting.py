"""The export procedure: render from one snapshot into local files, then deliver them together."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import SecretStr
from sqlalchemy import Connection

from connectors.sdk import ChangesTarget, Delivery, Rendering, Target
from shared.db.claiming import Outcome
from shared.domain.states import Trigger
from shared.roster.disclosures import HandedOut, disclose
from shared.roster.privacy import load_privacy
from shared.roster.rules import load_rules
from shared.roster.snapshot import Snapshot
from workers.opening import Opener
from workers.planning import showing_files
from workers.reading import key_of
from workers.runner import Apply, Work


class Exporting:
    """Runs export jobs.

    Args:
        opener: opens an assignment's connector.
        secret_key: with which the keys of hashes are sealed; None: they are kept as they are.
    """

    def __init__(self, opener: Opener, secret_key: SecretStr | None = None) -> None:
        self._opener = opener
        self._secret_key = secret_key

    def __call__(self, work: Work) -> Apply:
        """Render and deliver; T4 records it, and whom it told of: nothing of the hub changes.

        A plan is rendered and goes nowhere.

        Raises:
            ConfigurationError: a mask or filter of the app does not fit.
            ConnectorError: the files could not be made or delivered.
            Interrupted: the job must stop.
        """
        target = self._opener.open(work.assignment, Target)  # type: ignore[type-abstract]
        work.control.progress("rendering", 0)
        database, key = work.gate.database, key_of(work)
        with database.read() as connection:
            rules, _ = load_rules(connection, key.app_id)
        privacy = load_privacy(database, key.app_id, rules, self._secret_key)
        handed_out = HandedOut(database, key)
        with Snapshot(database, key.tenant_id, target.reads, privacy, handed_out) as roster:
            if isinstance(target, ChangesTarget):
                rendering = target.render_changes(roster, work.folder, work.assignment.cursor)
            else:
                rendering = target.render(roster, work.folder)
        if work.assignment.trigger is Trigger.PLAN:
            return showing_files(work, rendering)
        handed_out.flush()
        rows = sum(file.rows for file in rendering.files)
        work.control.progress("delivering", rows, rows)
        work.control.confirm()
        delivery = target.deliver(rendering)

        def apply(connection: Connection) -> Outcome:
            disclosed = disclose(connection, database, handed_out, privacy)
            return Outcome(
                counts={
                    **_counts(rendering, delivery),
                    "disclosed": disclosed,
                    "fields": {kind: sorted(names) for kind, names in handed_out.asked.items()},
                },
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
