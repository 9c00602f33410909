"""What Prometheus scrapes from a scheduler: the jobs by tier and state, read when asked."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from shared.db.engine import Database
from shared.db.tables import jobs, outbox
from shared.domain.states import UNFINISHED, Tier


class JobsCollector(Collector):
    """Counts unfinished jobs and the outbox; what it costs follows what is unfinished."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> list[Metric]:
        """Name the metrics without a query."""
        return [self._jobs(), self._outbox()]

    def collect(self) -> Iterator[Metric]:
        """Read the database."""
        gauge = self._jobs()
        unfinished = sorted(UNFINISHED)
        with self._database.read() as connection:
            counted = {
                (row.tier, row.state): row.n
                for row in connection.execute(
                    select(jobs.c.tier, jobs.c.state, func.count().label("n"))
                    .where(jobs.c.state.in_(unfinished))
                    .group_by(jobs.c.tier, jobs.c.state)
                )
            }
            waiting = connection.execute(select(func.count()).select_from(outbox)).scalar_one()
        for tier in Tier:
            for state in unfinished:
                gauge.add_metric([tier, state], counted.get((tier, state), 0))
        yield gauge
        backlog = self._outbox()
        backlog.add_metric([], waiting)
        yield backlog

    @staticmethod
    def _jobs() -> GaugeMetricFamily:
        return GaugeMetricFamily(
            "bellringer_jobs", "Unfinished jobs by tier and state.", labels=["tier", "state"]
        )

    @staticmethod
    def _outbox() -> GaugeMetricFamily:
        return GaugeMetricFamily("bellringer_outbox", "Messages that no broker has confirmed yet.")


def register_metrics(database: Database) -> None:
    """Register the collector with the process's registry, once."""
    REGISTRY.register(JobsCollector(database))
