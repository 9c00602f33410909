"""Operations for whoever runs the instance: queues, workers, all tenants' attention, doctor."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any

from annotated_types import Ge, Le

from console.operators.doctor import examine
from console.operators.management import ConsumerState, Management, ManagementError, QueueState
from console.service.jobs import JobId
from console.service.means import Means
from console.service.operation import operation
from shared.db import running_work
from shared.db.attention import page_attention
from shared.db.job_pages import page_jobs
from shared.db.views import Shown, iso
from shared.domain.roles import Permission
from shared.domain.states import JobState, Mode, Tier
from shared.errors import ConfigurationError
from shared.messages import (
    COMPLETIONS_QUEUE,
    DEAD_LETTERS_QUEUE,
    QUEUE_OF_TIER,
    REJECTED_QUEUE,
    RUN_NOW_QUEUE,
)

_OF_TIER = {Tier.IMPORT: "imports", Tier.TWO_WAY: "2-way syncs", Tier.EXPORT: "exports"}
#: The queues that are told, each with what lies in it.
QUEUES = {
    **{QUEUE_OF_TIER[tier]: f"{words} that may start" for tier, words in _OF_TIER.items()},
    RUN_NOW_QUEUE: "run-nows of operators",
    COMPLETIONS_QUEUE: "ends of jobs, which release what waits",
    REJECTED_QUEUE: "run-nows that were refused",
    DEAD_LETTERS_QUEUE: "messages that no worker could read",
}
#: Read by schedulers.
_OF_SCHEDULERS = (RUN_NOW_QUEUE, COMPLETIONS_QUEUE)

#: Jobs, or items, a page.
PageSize = Annotated[int, Ge(1), Le(200)]
_STATES = (*JobState, "unfinished")


@operation("GET", "/operators", needs=Permission.ADMINISTER)
def show_instance(means: Means) -> Shown:
    """Show queues, consumers and rates as the broker tells them, and who runs which job.

    Returns:
        `{"now", "broker", "jobs", "running"}`. `broker` is `{"kind", "problem", "fix", "ui",
        "queues", "workers", "schedulers"}`; its `kind` is `embedded` or `rabbitmq`, and `problem`
        says why nothing is known of it. `jobs` and `running` are the database's.
    """
    with means.database.read() as connection:
        now = means.database.now(connection)
        told = {
            "now": iso(now),
            "jobs": running_work.count_unfinished(connection),
            "running": running_work.list_running(connection, now),
        }
    return {**told, "broker": _broker(means)}


@operation("GET", "/operators/attention", needs=Permission.ADMINISTER)
def list_attention(means: Means, after: str | None = None, limit: PageSize = 50) -> Shown:
    """List what needs a person in any tenant, the most urgent first; `after` leads on, or null."""
    with means.database.read() as connection:
        return page_attention(connection, after=after, limit=limit)


@operation("GET", "/operators/jobs", needs=Permission.ADMINISTER)
def list_jobs_of_all(
    means: Means,
    state: str | None = None,
    mode: Mode | None = None,
    before: JobId | None = None,
    limit: PageSize = 50,
) -> Shown:
    """List the jobs of all tenants by the page, newest first; `before` leads on, or null."""
    if state is not None and state not in _STATES:
        raise ConfigurationError(
            "state", f"there is no state {state!r}", f"Give one of {', '.join(_STATES)}."
        )
    with means.database.read() as connection:
        return page_jobs(connection, state=state, mode=mode, before=before, limit=limit)


@operation("GET", "/operators/doctor", needs=Permission.ADMINISTER)
def run_doctor(means: Means) -> list[dict[str, str]]:
    """Look at database, broker, queues, secrets, connectors and overdue jobs."""
    return [asdict(finding) for finding in examine(means.settings)]


def _broker(means: Means) -> Shown:
    is_embedded = means.settings.is_embedded_broker
    told: dict[str, Any] = {
        "kind": "embedded" if is_embedded else "rabbitmq",
        "problem": None,
        "fix": None,
        "ui": None,
        "queues": [],
        "workers": [],
        "schedulers": [],
    }
    if is_embedded:
        return told
    try:
        management = Management(means.settings)
        queues, consumers = management.queues(), management.consumers()
    except ManagementError as error:
        return {**told, "problem": error.problem, "fix": error.fix}
    # a queue's own count of them follows some seconds behind
    consuming = Counter(one.queue for one in consumers)
    return {
        **told,
        "ui": management.ui,
        "queues": [_queue(management, name, queues.get(name), consuming[name]) for name in QUEUES],
        "workers": _workers(consumers),
        "schedulers": _schedulers(consumers),
    }


def _queue(management: Management, name: str, found: QueueState | None, consumers: int) -> Shown:
    """Return a queue; one that is not there yet holds nothing, and nobody reads it."""
    state = found or QueueState(name, 0, 0, 0, 0.0, 0.0, "missing")
    is_kept = name in (REJECTED_QUEUE, DEAD_LETTERS_QUEUE)
    return {
        **asdict(state),
        "consumers": consumers,
        "what": QUEUES[name],
        "is_kept": is_kept,
        "is_alone": not is_kept and not consumers,
        "ui": management.page_of(name),
    }


def _workers(consumers: list[ConsumerState]) -> list[Shown]:
    """Return the worker processes: each reads its tier's queue once, a message a thread."""
    tier_of = {queue: tier for tier, queue in QUEUE_OF_TIER.items()}
    return [
        {"tier": tier_of[one.queue].value, "host": one.host, "threads": one.prefetch}
        for one in consumers
        if one.queue in tier_of
    ]


def _schedulers(consumers: list[ConsumerState]) -> list[Shown]:
    """Return by host what reads the schedulers' queues; one may leave a loop to another."""
    found = Counter((one.host, one.queue) for one in consumers if one.queue in _OF_SCHEDULERS)
    hosts = sorted({host for host, _ in found})
    return [
        {
            "host": host,
            "intakes": found[host, RUN_NOW_QUEUE],
            "releasers": found[host, COMPLETIONS_QUEUE],
        }
        for host in hosts
    ]
