"""The 2-way procedure: read, merge three ways, write back what the hub holds newer, finish.

What is about to be written is recorded first. The vendor is written to outside any transaction, in
small keyed batches, so that a worker which has lost its lease has at most one batch in flight; and
the base advances only for what the vendor confirmed.
"""

from __future__ import annotations

from shared.roster.write_back import pending_writes, record_results

from connectors import registry
from connectors.sdk import Source, Writer
from workers.opening import Opener
from workers.reading import Read, applying, read_into_staging
from workers.runner import Apply, Work


class TwoWay:
    """Runs 2-way jobs.

    Args:
        opener: opens an assignment's connector.
    """

    def __init__(self, opener: Opener) -> None:
        self._opener = opener

    def __call__(self, work: Work) -> Apply:
        """Read, write back, and return what T4 applies.

        Raises:
            ConnectorError: a read or a batch failed.
            Interrupted: the job must stop.
        """
        source = self._opener.open(work.assignment, Source)  # type: ignore[type-abstract]
        read = read_into_staging(work, source)
        if isinstance(source, Writer):
            self._write_back(work, source, read)
        return applying(work, read)

    def _write_back(self, work: Work, writer: Writer, read: Read) -> None:
        writable = registry.get(work.assignment.connector).capabilities.writes
        database = work.gate.database
        written = 0
        for kind, writes in pending_writes(
            database, read.key, writable, batch_size=writer.batch_size
        ):
            # the fence of effects on the vendor: never begin a batch without the lease
            work.control.progress(f"writing {kind}", written)
            work.control.confirm()
            record_results(database, read.key, kind, writer.write(kind, writes))
            written += len(writes)
