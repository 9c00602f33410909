"""A plan: what one complete read would change. It is made before, and again inside, T4."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from shared.db.engine import Database
from shared.db.hub_tables import LINKS, STAGES, hubs
from shared.db.tables import apps
from shared.db.tenants import removals_suspended
from shared.domain.reading import Absence, ReadCertificate
from shared.domain.records import Kind
from shared.errors import PermanentConnectorError, TransientConnectorError
from shared.roster.absences import find_absences, hold_removals, suspend_removals
from shared.roster.ownership import Ownership, load_ownership
from shared.roster.preparing import prepare
from shared.roster.rules import AppRules, TenantRules, load_rules
from shared.roster.scope import scope_fingerprint
from shared.roster.staging import JobKey, Staging
from shared.roster.statements import Statements, statements


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
        input_hash: of all rows that were read, in whatever order.
        hub_version: of the hub against which it was prepared.
        rules: of the app, as they were then.
        tenant_rules: of its tenant.
        ownership: who owns what, as the app sees it.
        scope: fingerprint of what was asked for.
        is_scope_changed: whether the last complete read asked for something else.
        suspended: why nothing may be removed now; None: it may.
    """

    key: JobKey
    certificate: ReadCertificate
    supplied: Mapping[Kind, Sequence[str]]
    staged: Mapping[Kind, int]
    refused: Mapping[Kind, int]
    input_hash: str
    hub_version: int
    rules: AppRules
    tenant_rules: TenantRules
    ownership: Ownership
    scope: str
    is_scope_changed: bool
    suspended: str | None

    @property
    def hash(self) -> str:
        """32 hex digits that change with whatever could change the plan."""
        told = json.dumps(
            [
                self.input_hash,
                self.hub_version,
                self.scope,
                self.is_scope_changed,
                self.suspended,
                sorted(self.certificate.complete),
                self.certificate.mode,
                _told(self.rules.model_dump()),
                _told(self.tenant_rules.model_dump()),
            ],
            sort_keys=True,
        )
        return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()

    def absence(self, kind: Kind) -> Absence | None:
        """Return the right to take what is absent of this kind for gone; None: there is none."""
        return self.certificate.absence(kind)

    def to_json(self) -> dict[str, Any]:
        """Return what is kept of it with its job."""
        return {
            "hash": self.hash,
            "hub_version": self.hub_version,
            "input_hash": self.input_hash,
            "scope": self.scope,
            "is_scope_changed": self.is_scope_changed,
            "suspended": self.suspended,
            "supplied": {kind: list(fields) for kind, fields in self.supplied.items()},
            "staged": dict(self.staged),
        }


def _told(rules: object) -> object:
    """Return rules with every set sorted: its order differs from process to process."""
    match rules:
        case dict():
            return {name: _told(value) for name, value in rules.items()}
        case tuple():
            return [_told(value) for value in rules]
        case frozenset():
            return sorted(rules)
        case _:
            return rules


def make_plan(database: Database, staging: Staging, certificate: ReadCertificate) -> Plan:
    """Prepare what was staged against the hub as it is now. Commits, to staging alone.

    Raises:
        PermanentConnectorError: a kind came back empty of which the app has records, or the
            certificate counts something else than what was read.
        TransientConnectorError: staging was lost on the way.
    """
    key = staging.key
    staging.flush()
    _check_counts(staging, certificate)
    with database.write() as connection:
        run = statements(connection, database, key, sum(staging.staged.values()))
        version = connection.execute(
            select(hubs.c.version).where(hubs.c.tenant_id == key.tenant_id)
        ).scalar()
        rules, tenant_rules = load_rules(connection, key.app_id)
        scope = scope_fingerprint(certificate, rules)
        before = connection.execute(
            select(apps.c.scope).where(apps.c.id == key.app_id)
        ).scalar_one()
        plan = Plan(
            key=key,
            certificate=certificate,
            supplied={
                kind: staging.supplied.get(kind, ()) for kind in Kind if staging.staged[kind]
            },
            staged=dict(staging.staged),
            refused=dict(staging.refused),
            input_hash=staging.input_hash,
            hub_version=version or 0,
            rules=rules,
            tenant_rules=tenant_rules,
            ownership=load_ownership(connection, key.app_id),
            scope=scope,
            is_scope_changed=before is not None and before != scope,
            suspended=removals_suspended(connection, key.tenant_id, run.at),
        )
        check_staged(connection, plan)
        _check_empty(connection, plan)
        compare(run, plan, again=False)
    return plan


def compare(run: Statements, plan: Plan, *, again: bool) -> None:
    """Prepare the staged rows, and find out what is absent and may go.

    Args:
        run: for the attempt.
        plan: what is known of the read.
        again: whether it was done before; the hub has moved since.
    """
    complete = [kind for kind in Kind if plan.absence(kind) is not None]
    prepare(run, plan.supplied, plan.rules, complete, again=again)
    for kind in Kind:
        if kind not in plan.supplied and kind not in complete:
            continue
        absence = plan.absence(kind)
        if not find_absences(run, kind, absence, is_scope_changed=plan.is_scope_changed):
            continue
        if plan.suspended is not None:
            suspend_removals(run, kind)
        elif absence is not None:
            hold_removals(run, kind, plan.rules.limit_of(kind))


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


def _check_counts(staging: Staging, certificate: ReadCertificate) -> None:
    """See that the source counted what it handed over: else something was lost on the way."""
    for kind, counted in certificate.counts.items():
        rows = staging.staged[kind] - staging.deleted[kind]
        most = rows + staging.refused[kind]
        if not rows <= counted <= most:
            raise PermanentConnectorError(
                "hub",
                f"the read counted {counted} {kind}, and {most} arrived."
                " That is not taken for the truth: nothing was changed",
            )


def _check_empty(connection: Connection, plan: Plan) -> None:
    """A kind that comes back empty, of which the app has records, is not a complete read."""
    for kind in plan.certificate.complete:
        if plan.staged.get(kind, 0) or plan.absence(kind) is None:
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
