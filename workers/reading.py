"""Reading a source into staging: what import and 2-way jobs have in common."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from shared.roster.apply import apply_plan, hub_lock
from shared.roster.plan import Plan, make_plan
from shared.roster.staging import JobKey, Staging
from sqlalchemy import Connection

from connectors.sdk import ReadRequest, Source
from shared.db.claiming import Outcome, check_fence
from shared.domain.reading import Batch, ReadCertificate, Refused
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError
from workers.runner import Apply, Work


@dataclass(frozen=True, slots=True)
class Read:
    """A read that came to its end.

    Attributes:
        key: under which its rows lie in staging.
        certificate: the proof of its end.
        plan: what it would change in the hub.
    """

    key: JobKey
    certificate: ReadCertificate
    plan: Plan


def key_of(work: Work) -> JobKey:
    """Return the key under which this attempt stages."""
    assignment = work.assignment
    return JobKey(
        job_id=assignment.job_id,
        attempt=assignment.attempt,
        tenant_id=assignment.tenant_id,
        app_id=assignment.app_id,
    )


def read_into_staging(work: Work, source: Source) -> Read:
    """Read a source to its end, outside any transaction, and plan.

    Raises:
        ConnectorError: the read failed, or ended without its certificate; nothing is changed.
        Interrupted: the job must stop.
    """
    assignment = work.assignment
    staging = Staging(work.gate.database, key_of(work))
    request = ReadRequest(
        assignment.mode, assignment.cursor if assignment.mode is Mode.INCREMENTAL else None
    )
    certificate: ReadCertificate | None = None
    done = 0
    for item in source.read(request):
        if certificate is not None:
            raise PermanentConnectorError(
                assignment.connector, "the read went on after its certificate"
            )
        match item:
            case Batch():
                staging.add(item)
                done += len(item.rows)
                work.control.progress(f"reading {item.kind}", done)
            case Refused():
                staging.refuse(item)
            case ReadCertificate():
                certificate = item
    if certificate is None:
        raise PermanentConnectorError(
            assignment.connector, "the read ended without a certificate; nothing was changed"
        )
    work.control.progress("comparing", done, done)
    return Read(staging.key, certificate, make_plan(work.gate.database, staging.key, certificate))


def applying(work: Work, read: Read) -> Apply:
    """Return what T4 runs: hub lock, fence, merge; then the outcome."""

    def apply(connection: Connection) -> Outcome:
        hub_lock(connection, work.assignment.tenant_id)
        check_fence(connection, work.assignment)
        counts = apply_plan(connection, read.key, read.plan)
        return Outcome(
            counts=counts,
            cursor=read.certificate.cursor,
            certificate=certificate_json(read.certificate),
        )

    return apply


def certificate_json(certificate: ReadCertificate) -> dict[str, Any]:
    """Return a certificate as JSON, to keep with the job."""
    return {
        **asdict(certificate),
        "complete": sorted(certificate.complete),
        "counts": dict(certificate.counts),
        "evidence": dict(certificate.evidence),
    }
