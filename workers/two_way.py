"""The 2-way procedure: read, merge three ways, write back what the hub holds newer, finish.

A vendor that is fed from the hub, too, is made to hold what the hub has more, and to let go of the
rest, before the finish.

What is about to be written is recorded first. The vendor is written to outside any transaction, in
small keyed batches, so that a worker which has lost its lease has at most one batch in flight; and
the base advances only for what the vendor confirmed.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors import registry
from connectors.sdk import Provisioner, RecordWrite, Source, WriteOutcome, Writer, WriteResult
from shared.domain.states import Trigger
from shared.errors import TransientConnectorError
from shared.roster.answers import record_results
from shared.roster.plan import Plan
from shared.roster.write_back import Intent, pending_writes
from workers.approving import carrying_out
from workers.opening import Opener
from workers.planning import plan_writes, showing
from workers.provisioning import Provisioning
from workers.reading import applying, read_into_staging
from workers.runner import Apply, Work


class TwoWay:
    """Runs 2-way jobs.

    Args:
        opener: opens an assignment's connector.
    """

    def __init__(self, opener: Opener) -> None:
        self._opener = opener

    def __call__(self, work: Work) -> Apply:
        """Read, write back, and return what T4 applies; for a plan, write nothing back.

        Raises:
            ConnectorError: a read or a batch failed.
            Interrupted: the job must stop.
        """
        if work.assignment.trigger is Trigger.APPROVAL:
            return carrying_out(work)
        source = self._opener.open(work.assignment, Source)  # type: ignore[type-abstract]
        plan = read_into_staging(work, source)
        if work.assignment.trigger is Trigger.PLAN:
            if isinstance(source, Writer):
                work.control.progress("comparing", 0)
                writable = registry.get(work.assignment.connector).capabilities.writes
                plan_writes(work, plan, writable, accepts=source.accepts)
            if not isinstance(source, Provisioner):
                return showing(work, plan)
            planned = Provisioning(work, source, plan)
            planned.note()
            return planned.telling(showing(work, plan))
        if isinstance(source, Writer):
            self._write_back(work, source, plan)
        if not isinstance(source, Provisioner):
            return applying(work, plan)
        provisioning = Provisioning(work, source, plan)
        provisioning.note()
        provisioning.carry_out()
        return provisioning.telling(applying(work, plan))

    def _write_back(self, work: Work, writer: Writer, plan: Plan) -> None:
        writable = registry.get(work.assignment.connector).capabilities.writes
        database = work.gate.database
        written = 0
        batches = pending_writes(
            database, plan, writable, batch_size=writer.batch_size, accepts=writer.accepts
        )
        for kind, intents in batches:
            work.control.progress(f"writing {kind}", written)
            # the fence of effects on the vendor: never begin a batch without the lease
            work.control.confirm()
            results = writer.write(kind, [RecordWrite(*intent) for intent in intents])
            _check_answers(work.assignment.connector, intents, results)
            record_results(
                database,
                plan,
                kind,
                [
                    (r.external_id, r.outcome is WriteOutcome.CONFIRMED, r.values, r.reason)
                    for r in results
                ],
            )
            written += len(intents)


def _check_answers(
    connector: str, intents: Sequence[Intent], results: Sequence[WriteResult]
) -> None:
    """See that every record was answered: the success of a batch is nobody's success."""
    if [intent[0] for intent in intents] != [result.external_id for result in results]:
        raise TransientConnectorError(connector, "some records of a batch were not answered")
