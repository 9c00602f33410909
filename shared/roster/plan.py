"""A plan: what one complete read would change. It is made before, and again inside, T4."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, func, select

from shared.db.engine import Database
from shared.db.hub_tables import LINKS, STAGES, hubs, stage_unseen
from shared.db.tables import apps
from shared.db.tenants import removals_suspended
from shared.domain.reading import Absence, ReadCertificate
from shared.domain.records import Kind
from shared.errors import PermanentConnectorError, TransientConnectorError
from shared.roster.absences import find_absences, suspend_removals
from shared.roster.attempt import JobKey
from shared.roster.bases import look_again, take_unfinished
from shared.roster.filtering import filter_staged
from shared.roster.holding import hold_removals, hold_what_is_named
from shared.roster.joining import keep_to_the_known
from shared.roster.known import count_known
from shared.roster.ownership import Ownership, load_ownership
from shared.roster.preparing import prepare
from shared.roster.provisions import take_provisioned
from shared.roster.rules import AppRules, TenantRules, load_rules
from shared.roster.scope import newly_owned, note_scope, rescoped_kinds, scope_fingerprint
from shared.roster.staging import Staging
from shared.roster.statements import LARGE, OPEN, Statements, statements
from shared.roster.stranding import strand
from shared.roster.tenant_quality import compile_quality
from shared.roster.undone import hold_undone
from shared.roster.unique import check_unique


@dataclass(frozen=True, slots=True)
class Plan:
    """A prepared read; it can only be made from a read's certificate.

    Attributes:
        key: under which its rows lie in staging.
        certificate: the proof that the read came to its end.
        supplied: by kind that was read, the fields that the app supplies; none where it only named
            what was deleted.
        staged: by kind, how many rows must lie in staging.
        known: by kind, of how many links the rows have not changed, and were not staged.
        unseen: by kind, how many links there are of which that was not seen.
        refused: by kind, how many records the connector could not read.
        input_hash: of all rows that were read, in whatever order.
        hub_version: of the hub against which it was prepared.
        rules: of the app, as they were then.
        tenant_rules: of its tenant.
        ownership: who owns what, as the app sees it.
        scope: fingerprint of what was asked for.
        scopes: by kind, what its last complete read asked for, once this plan is applied; as text.
        rescoped: kinds whose last complete read asked for something else.
        suspended: why nothing may be removed now; None: it may.
    """

    key: JobKey
    certificate: ReadCertificate
    supplied: Mapping[Kind, Sequence[str]]
    staged: Mapping[Kind, int]
    known: Mapping[Kind, int]
    unseen: Mapping[Kind, int]
    refused: Mapping[Kind, int]
    input_hash: str
    hub_version: int
    rules: AppRules
    tenant_rules: TenantRules
    ownership: Ownership
    scope: str
    scopes: str
    rescoped: frozenset[Kind]
    suspended: str | None

    @property
    def hash(self) -> str:
        """32 hex digits that change with whatever could change the plan."""
        told = json.dumps(
            [
                self.input_hash,
                self.hub_version,
                self.scope,
                sorted(self.rescoped),
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
            "rescoped": sorted(self.rescoped),
            "suspended": self.suspended,
            "supplied": {kind: list(fields) for kind, fields in self.supplied.items()},
            "staged": dict(self.staged),
            "known": dict(self.known),
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
        rows = expected_rows(connection, key, staging.staged, certificate)
        run = statements(connection, database, key, rows, staging.known)
        unseen = staging.note_unseen(run)
        version = connection.execute(
            select(hubs.c.version).where(hubs.c.tenant_id == key.tenant_id)
        ).scalar()
        rules, tenant_rules = load_rules(connection, key.app_id)
        _check_rules(staging, rules)
        scope = scope_fingerprint(certificate, rules)
        before = connection.execute(
            select(apps.c.scope).where(apps.c.id == key.app_id)
        ).scalar_one()
        plan = Plan(
            key=key,
            certificate=certificate,
            supplied={
                kind: _taken(staging.supplied.get(kind, ()), rules.ignored(kind))
                for kind in Kind
                if staging.staged[kind] or staging.rows(kind)
            },
            staged=dict(staging.staged),
            known={kind: rows.links for kind, rows in staging.known.items()},
            unseen=unseen,
            refused=dict(staging.refused),
            input_hash=staging.input_hash,
            hub_version=version or 0,
            rules=rules,
            tenant_rules=tenant_rules,
            ownership=replace(
                load_ownership(connection, key.app_id), fresh=newly_owned(before, rules)
            ),
            scope=scope,
            scopes=note_scope(before, scope, certificate.complete, rules),
            rescoped=rescoped_kinds(before, scope),
            suspended=removals_suspended(connection, key.tenant_id, run.at),
        )
        check_staged(connection, plan)
        _check_empty(connection, plan, staging)
        look_again(run)
        take_provisioned(run)
        compare(run, plan, again=False)
        take_unfinished(run)
    return plan


def _taken(supplied: Sequence[str], ignored: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in supplied if name not in ignored)


def compare(run: Statements, plan: Plan, *, again: bool) -> None:
    """Prepare the staged rows, and find out what is absent and may go.

    Args:
        run: for the attempt.
        plan: what is known of the read.
        again: whether it was done before; the hub has moved since.
    """
    if again:
        _check_known(run, plan)
    complete = [kind for kind in Kind if plan.absence(kind) is not None]
    joins = plan.certificate.joins
    if not again and not plan.rules.filters.is_empty and not joins:
        filter_staged(run, plan.rules.filters, plan.supplied, complete)
    absent: list[Kind] = []

    def absent_and_unique(kind: Kind) -> None:
        """Say what of a kind is gone, and then which of its values are taken."""
        if kind in joins and kind in plan.supplied:
            keep_to_the_known(run, kind, plan.supplied)
        if kind in plan.rescoped and kind in plan.supplied and kind not in complete:
            _look_again(run, kind)
        _find_absent(run, plan, kind, absent)
        if kind in plan.supplied or kind in complete:
            check_unique(
                run,
                kind,
                plan.supplied.get(kind, ()),
                plan.tenant_rules.unique,
                plan.ownership,
                owns_kind=plan.rules.owns_kind(kind),
            )

    quality = compile_quality(plan.tenant_rules)
    prepare(run, plan.supplied, plan.rules, complete, quality, again=again, then=absent_and_unique)
    hold_what_is_named(run, absent)


def _find_absent(run: Statements, plan: Plan, kind: Kind, before: list[Kind]) -> None:
    """Find what is absent of a kind, and hold what may not go; adds the kind to those before."""
    absence = plan.absence(kind)
    if kind not in plan.supplied and absence is None:
        return
    found = find_absences(run, kind, absence, is_scope_changed=kind in plan.rescoped)
    if not found + strand(run, kind, before):
        return
    if plan.suspended is not None:
        suspend_removals(run, kind)
    else:
        hold_removals(run, kind, before, plan.rules)
        if absence is not None:
            hold_undone(run, kind)
    before.append(kind)


def expected_rows(
    connection: Connection, key: JobKey, staged: Mapping[Kind, int], certificate: ReadCertificate
) -> int:
    """Return how many rows a plan is about, as far as it matters to how it is compared.

    A read that lost nearly everything has staged little, and has as much to find as a whole one.
    """
    rows = sum(staged.values())
    for kind in certificate.complete:
        if rows > LARGE or certificate.absence(kind) is None:
            break
        link = LINKS[kind].c
        some = select(link.external_id).where(link.app_id == key.app_id).limit(LARGE + 1)
        rows += connection.execute(select(func.count()).select_from(some.subquery())).scalar_one()
    return rows


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
        _check_found(f"{kind}", found, staged)
    if not any(plan.unseen.values()):
        return
    found = connection.execute(
        select(func.count()).where(
            stage_unseen.c.job_id == plan.key.job_id, stage_unseen.c.attempt == plan.key.attempt
        )
    ).scalar_one()
    _check_found("unseen links", found, sum(plan.unseen.values()))


def _check_found(what: str, found: int, staged: int) -> None:
    if found != staged:
        raise TransientConnectorError(
            "hub", f"staging holds {found} of {staged} {what}: it was lost, and is read again"
        )


def _check_known(run: Statements, plan: Plan) -> None:
    """See that the links whose rows were not staged still stand for them.

    Raises:
        TransientConnectorError: the hub has moved under them, by an approval or an undo.
    """
    for kind, links in plan.known.items():
        if count_known(run, kind) != links:
            raise TransientConnectorError(
                "hub", f"{kind} of the hub were changed while they were read; they are read again"
            )


def _check_rules(staging: Staging, rules: AppRules) -> None:
    """See that the rows were staged by the rules that the plan goes by.

    Raises:
        TransientConnectorError: a person has changed them since.
    """
    for name in ("attributes", "schools", "filters", "fields"):
        if getattr(rules, name) != getattr(staging.rules, name):
            raise TransientConnectorError(
                "hub", f"the app's {name} were changed while it was read; it is read again"
            )


def _look_again(run: Statements, kind: Kind) -> None:
    """Let the next full read look at these rows though they will not have changed.

    What they refer to may move then, by the rules that have changed since the last one.
    """
    run.run(
        f"UPDATE {STAGES[kind].name} AS s SET fingerprint = fingerprint || '*'"
        f" WHERE {OPEN} AND s.fingerprint NOT LIKE '%*'"
    )


def _check_counts(staging: Staging, certificate: ReadCertificate) -> None:
    """See that the source counted what it handed over: else something was lost on the way."""
    # a kind that is said to be complete, and is not counted, has none
    for kind in {*certificate.counts, *certificate.complete}:
        counted = certificate.counts.get(kind, 0)
        rows = staging.rows(kind)
        most = rows + staging.refused[kind]
        if not rows <= counted <= most:
            raise PermanentConnectorError(
                "hub",
                f"the read counted {counted} {kind}, and {most} arrived."
                " That is not taken for the truth: nothing was changed",
            )


def _check_empty(connection: Connection, plan: Plan, staging: Staging) -> None:
    """A kind that comes back empty, of which the app has records, is not a complete read."""
    for kind in plan.certificate.complete:
        # what the vendor names as deleted is no record that was read
        if staging.rows(kind) or plan.absence(kind) is None:
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
