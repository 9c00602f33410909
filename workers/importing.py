"""The import procedure: read the vendor into staging, then bring the differences into the hub."""

from __future__ import annotations

from connectors.sdk import Source
from shared.domain.states import Trigger
from workers.approving import carrying_out
from workers.opening import Opener
from workers.planning import showing
from workers.reading import applying, read_into_staging
from workers.runner import Apply, Work


class Importing:
    """Runs import jobs.

    Args:
        opener: opens an assignment's connector.
    """

    def __init__(self, opener: Opener) -> None:
        self._opener = opener

    def __call__(self, work: Work) -> Apply:
        """Read everything; T4 applies the plan made from it, or only writes it down.

        Raises:
            ConnectorError: the read failed, or ended without its certificate.
            Interrupted: the job must stop.
        """
        if work.assignment.trigger is Trigger.APPROVAL:
            return carrying_out(work)
        # a Protocol stands for whatever fills it, which a type[] cannot say
        source = self._opener.open(work.assignment, Source)  # type: ignore[type-abstract]
        plan = read_into_staging(work, source)
        return (
            showing(work, plan) if work.assignment.trigger is Trigger.PLAN else applying(work, plan)
        )
