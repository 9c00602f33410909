"""A plan: what one complete read would change. It is made before, and again inside, T4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite

from shared.db.engine import Database
from shared.db.hub_tables import LINKS, STAGES, hubs
from shared.domain.reading import ReadCertificate
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError, TransientConnectorError
from shared.roster.preparing import prepare
from shared.roster.rules import AppRules, TenantRules, load_rules
from shared.roster.staging import JobKey, Staging
from shared.roster.statements import statements


@dataclass(frozen=True, slots=True)
class Plan:
    """A prepared read; it can only be made from a read's certificate.

    Attributes:
        key: under which its rows lie in staging.
        certificate: the proof that the read came to its end.
        supplied: by kind that was read, the fields that the app supplies; none where it only named
            what was deleted.
        staged: by kind, how many rows must lie in staging.
        refused: by kind, how many records the connector could not read.
        hub_version: of the hub against which it was prepared.
        rules: of the app, as they were then.
        tenant_rules: of its tenant.
    """

    key: JobKey
    certificate: ReadCertificate
    supplied: Mapping[Kind, Sequence[str]]
    staged: Mapping[Kind, int]
    refused: Mapping[Kind, int]
    hub_version: int
    rules: AppRules
    tenant_rules: TenantRules

    def may_end(self, kind: Kind) -> bool:
        """Whether what is absent of this kind is gone: only a complete full read can tell."""
        return self.certificate.mode is Mode.FULL and kind in self.certificate.complete


def make_plan(database: Database, staging: Staging, certificate: ReadCertificate) -> Plan:
    """Prepare what was staged against the hub as it is now. Commits, to staging alone.

    Raises:
        PermanentConnectorError: a kind came back empty of which the app has records.
        TransientConnectorError: staging was lost on the way.
    """
    key = staging.key
    staging.flush()
    with database.write() as connection:
        run = statements(connection, database, key, sum(staging.staged.values()))
        version = connection.execute(
            select(hubs.c.version).where(hubs.c.tenant_id == key.tenant_id)
        ).scalar()
        rules, tenant_rules = load_rules(connection, key.app_id)
        plan = Plan(
            key,
            certificate,
            {kind: staging.supplied.get(kind, ()) for kind in Kind if kind in staging.staged},
            dict(staging.staged),
            dict(staging.refused),
            version or 0,
            rules,
            tenant_rules,
        )
        check_staged(connection, plan)
        _check_empty(connection, plan)
        prepare(run, plan.supplied, again=False)
    return plan


def hub_lock(connection: Connection, tenant_id: int) -> int:
    """Take the tenant's hub lock until the transaction ends; returns the hub's version.

    Waiting for it is bounded by no timeout: an apply before ours may be large.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(hubs).values(tenant_id=tenant_id).on_conflict_do_nothing())
    version: int = connection.execute(
        select(hubs.c.version).where(hubs.c.tenant_id == tenant_id).with_for_update()
    ).scalar_one()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
    return version


def check_staged(connection: Connection, plan: Plan) -> None:
    """See that all that was read still lies in staging; a crash of the server empties it.

    Raises:
        TransientConnectorError: it does not.
    """
    for kind, staged in plan.staged.items():
        stage = STAGES[kind].c
        found = connection.execute(
            select(func.count()).where(
                stage.job_id == plan.key.job_id, stage.attempt == plan.key.attempt
            )
        ).scalar_one()
        if found != staged:
            raise TransientConnectorError(
                "hub", f"staging holds {found} of {staged} {kind}: it was lost, and is read again"
            )


def _check_empty(connection: Connection, plan: Plan) -> None:
    """A kind that comes back empty, of which the app has records, is not a complete read."""
    for kind in plan.certificate.complete:
        if plan.staged.get(kind, 0) or not plan.may_end(kind):
            continue
        link = LINKS[kind].c
        linked = connection.execute(
            select(func.count()).where(link.app_id == plan.key.app_id, link.ended_at.is_(None))
        ).scalar_one()
        if linked:
            raise PermanentConnectorError(
                "hub",
                f"the read brought no {kind}, but {linked} are linked to this app."
                " That is not taken for the truth: nothing was changed",
            )
