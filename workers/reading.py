"""Reading a source into staging: what import and 2-way jobs have in common."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection

from connectors.sdk import ReadRequest, Source
from shared.db.claiming import Outcome, check_fence
from shared.domain.reading import Batch, ReadCertificate, Refused
from shared.domain.states import Mode, Tier
from shared.errors import PermanentConnectorError
from shared.roster.apply import Applied, apply_plan
from shared.roster.attempt import JobKey
from shared.roster.linked import JobLinks
from shared.roster.locking import hub_lock
from shared.roster.plan import Plan, make_plan
from shared.roster.planning import counts_of
from shared.roster.staging import Staging
from workers.runner import Apply, Work


def key_of(work: Work) -> JobKey:
    """Return the key under which this attempt stages."""
    assignment = work.assignment
    return JobKey(
        job_id=assignment.job_id,
        attempt=assignment.attempt,
        tenant_id=assignment.tenant_id,
        app_id=assignment.app_id,
    )


def read_into_staging(work: Work, source: Source) -> Plan:
    """Read a source to its end, outside any transaction, and plan.

    Raises:
        ConnectorError: the read failed, or ended without its certificate; nothing is changed.
        Interrupted: the job must stop.
    """
    assignment = work.assignment
    staging = Staging(work.gate.database, key_of(work))
    cursor = assignment.cursor if assignment.mode is Mode.INCREMENTAL else None
    certificate: ReadCertificate | None = None
    # what a 2-way app holds of every record must be at hand when it is written to
    known = staging if assignment.mode is Mode.FULL and assignment.tier is Tier.IMPORT else None
    linked = None
    if assignment.tier is Tier.TWO_WAY:
        linked = JobLinks(work.gate.database, key_of(work))
    for item in source.read(ReadRequest(assignment.mode, cursor, known, work.folder, linked)):
        if certificate is not None:
            raise PermanentConnectorError(
                assignment.connector, "the read went on after its certificate"
            )
        match item:
            case Batch():
                staging.add(item)
                work.control.progress(f"reading {item.kind}", staging.read)
            case Refused():
                staging.refuse(item)
            case ReadCertificate():
                certificate = item
    if certificate is None:
        raise PermanentConnectorError(
            assignment.connector, "the read ended without a certificate; nothing was changed"
        )
    work.control.progress("comparing", staging.read, staging.read)
    return make_plan(work.gate.database, staging, certificate)


def applying(work: Work, plan: Plan) -> Apply:
    """Return what T4 runs: hub lock, fence, merge; then the outcome."""

    def apply(connection: Connection) -> Outcome:
        version = hub_lock(connection, work.assignment.tenant_id)
        check_fence(connection, work.assignment)
        applied = apply_plan(connection, work.gate.database, plan, hub_version=version)
        return Outcome(
            counts=applied.counts,
            reason=_told(applied, plan),
            cursor=plan.certificate.cursor,
            scope=plan.scopes if plan.certificate.complete else None,
            certificate=certificate_json(plan),
            plan={
                **replace(plan, hub_version=version).to_json(),
                "counts": counts_of(applied.counts),
            },
        )

    return apply


def _told(applied: Applied, plan: Plan) -> str | None:
    """Say what a person should look at, None: nothing."""
    total = {
        name: sum(counted[name] for counted in applied.counts.values())
        for name in (
            "quarantined",
            "rejected",
            "held",
            "proposed",
            "out_of_scope",
            "conflicts",
            "survived",
            "kept",
            "later",
        )
    }
    told = []
    if total["held"] and plan.suspended is not None:
        told.append(f"{total['held']} removals were not made: {plan.suspended}")
    ids = ", ".join(str(id_) for id_ in applied.approvals) or "decided before"
    waits = {
        "removals": 0 if plan.suspended is not None else total["held"],
        "renames": total["proposed"],
    }
    waiting = " and ".join(f"{count} {what}" for what, count in waits.items() if count)
    if waiting:
        told.append(f"{waiting} wait for approval ({ids})")
    if total["out_of_scope"]:
        told.append(f"{total['out_of_scope']} records are out of scope now, and were kept")
    if total["conflicts"]:
        told.append(f"{total['conflicts']} conflicts wait for a person")
    if total["survived"]:
        told.append(f"{total['survived']} records, deleted here and edited there, were kept")
    if total["quarantined"]:
        told.append(f"{total['quarantined']} records are in quarantine")
    if total["rejected"]:
        told.append(f"the vendor rejected {total['rejected']} writes")
    if total["kept"]:
        told.append(
            f"{total['kept']} records were not ended at the vendor: "
            + (plan.suspended or "they are above the limit of removals in a school")
        )
    if total["later"]:
        told.append(f"{total['later']} records wait for what they hang on at the vendor")
    return "; ".join(told) or None


def certificate_json(plan: Plan) -> dict[str, Any]:
    """Return a plan's certificate as JSON, to keep with the job."""
    certificate = plan.certificate
    return {
        **asdict(certificate),
        "complete": sorted(certificate.complete),
        "joins": sorted(certificate.joins),
        "defaults": {kind: dict(values) for kind, values in certificate.defaults.items()},
        "counts": dict(certificate.counts),
        "evidence": dict(certificate.evidence),
        "input_hash": plan.input_hash,
        "scope": plan.scope,
    }
