"""Makes and ends records at a vendor, in small batches, each behind the fence."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from connectors.sdk import Follower, Provisioner
from shared.db.claiming import Outcome
from shared.domain.provisioning import Action, Answer, EndedRecord, NewRecord, Result
from shared.domain.records import FIELDS, Kind
from shared.domain.states import Trigger
from shared.errors import TransientConnectorError
from shared.roster.disclosures import HandedOut, disclose
from shared.roster.linked import JobLinks
from shared.roster.plan import Plan
from shared.roster.privacy import Privacy
from shared.roster.provisioning import Batch, next_batches, note_provisions
from shared.roster.provisions import record_answers
from shared.roster.snapshot import Snapshot
from workers.runner import Apply, Work


class Provisioning:
    """One job's making and ending.

    Args:
        work: the job.
        provisioner: its connector.
        plan: of the read that came before.
    """

    def __init__(self, work: Work, provisioner: Provisioner, plan: Plan) -> None:
        self._work = work
        self._provisioner = provisioner
        self._plan = plan
        self._privacy = Privacy({}, plan.rules.filters)
        self._links = JobLinks(work.gate.database, plan.key)
        self._told: Counter[str] = Counter()
        self._handed_out: HandedOut | None = None
        self._follows = (
            provisioner.follows if isinstance(provisioner, Follower) else frozenset[Kind]()
        )

    def note(self) -> None:
        """Write down what is to be done; a plan ends with that.

        Raises:
            ConfigurationError: the app's filter names a school that the hub has not.
            Interrupted: the job must stop.
        """
        database, plan = self._work.gate.database, self._plan
        self._work.control.progress("comparing", 0)
        is_plan = self._work.assignment.trigger is Trigger.PLAN
        if Kind.USERS in self._provisioner.reads and not is_plan:
            self._handed_out = HandedOut(database, plan.key)
        allowed = self._provisioner.reads
        with Snapshot(
            database, plan.key.tenant_id, allowed, self._privacy, self._handed_out
        ) as roster:
            self._told = note_provisions(
                database,
                plan,
                roster,
                self._provisioner,
                leaves_out=Kind.USERS not in self._follows,
            )
        if is_plan:
            self._let_wait()
            self._follow(is_plan=True)
        elif self._handed_out is not None:
            self._handed_out.flush()

    def carry_out(self) -> None:
        """Make and end what was written down, and bring in step whatever else there is.

        Raises:
            ConnectorError: a batch as a whole was not taken; the next run goes on.
            Interrupted: the job must stop.
        """
        database, done = self._work.gate.database, 0
        for batch in next_batches(database, self._plan, self._provisioner.batch_size):
            self._work.control.progress(f"{_DOING[batch.action]} {batch.kind}", done)
            # the fence of effects on the vendor: never begin a batch without the lease
            self._work.control.confirm()
            values = {row.id: json.loads(row.values) for row in batch.rows}
            results = self._answers(batch, values)
            record_answers(
                database,
                [
                    (row.id, values[row.id], result)
                    for row, result in zip(batch.rows, results, strict=True)
                ],
            )
            done += len(batch.rows)
        self._follow(is_plan=False)

    def telling(self, applying: Apply) -> Apply:
        """Return what T4 runs: the apply, whom the vendor was told of, and what there is to say."""

        def apply(connection: Connection) -> Outcome:
            outcome = applying(connection)
            if self._handed_out is not None:
                disclose(connection, self._work.gate.database, self._handed_out, self._privacy)
            told = [f"{count} {reason}" for reason, count in sorted(self._told.items())]
            reason = "; ".join([part for part in (outcome.reason, ", ".join(told)) if part])
            return replace(outcome, reason=reason or None)

        return apply

    def _follow(self, *, is_plan: bool) -> None:
        if not isinstance(self._provisioner, Follower) or not self._follows:
            return
        database, plan, control = self._work.gate.database, self._plan, self._work.control
        control.progress("following", 0)
        reads = self._provisioner.reads
        with Snapshot(
            database, plan.key.tenant_id, reads, self._privacy, self._handed_out
        ) as roster:
            self._told.update(
                self._provisioner.follow(
                    roster,
                    self._links,
                    control.confirm,
                    plan.rules.limit_of(Kind.USERS),
                    is_plan=is_plan,
                )
            )
        if self._handed_out is not None:
            self._handed_out.flush()

    def _let_wait(self) -> None:
        """Set aside what could not be made: it names a record that the vendor lacks.

        What is to be made itself counts as there: a plan makes nothing on which the rest hangs.
        """
        database, made_too = self._work.gate.database, {s.kind for s in self._provisioner.steps}
        for batch in next_batches(database, self._plan, _PLANNED):
            if batch.action is Action.CREATE:
                self._work.control.checkpoint()
                values = {row.id: json.loads(row.values) for row in batch.rows}
                found = self._new_records(batch.kind, batch.rows, values, but=made_too)
                waits = [
                    (row.id, values[row.id], one)
                    for row, one in zip(batch.rows, found, strict=True)
                    if isinstance(one, Result)
                ]
                record_answers(database, waits)

    def _answers(
        self, batch: Batch, values: Mapping[int, Mapping[str, str | None]]
    ) -> Sequence[Result]:
        if batch.action is Action.END:
            ended = [EndedRecord(row.sourced_id, row.external_id) for row in batch.rows]
            found = self._provisioner.end(batch.kind, ended, self._links)
            found = [
                replace(r, external_id=e.external_id) for r, e in zip(found, ended, strict=False)
            ]
            return _checked(self._work, batch.rows, found)
        made = self._new_records(batch.kind, batch.rows, values)
        ready = [record for record in made if isinstance(record, NewRecord)]
        answers = self._provisioner.create(batch.kind, ready, self._links) if ready else []
        answered = iter(_checked(self._work, ready, answers))
        return [next(answered) if isinstance(one, NewRecord) else one for one in made]

    def _new_records(
        self,
        kind: Kind,
        rows: Sequence[Any],
        values: Mapping[int, Mapping[str, str | None]],
        but: Collection[Kind] = (),
    ) -> list[NewRecord | Result]:
        """Return the records with the app's own ids as references; what names nobody waits."""
        references = [
            field
            for field in FIELDS[kind]
            if field.ref is not None
            and field.ref not in but
            and not field.many
            and field.name in self._provisioner.reads[kind]
        ]
        known = {
            field.name: self._links.external_ids(
                field.ref, {v for row in rows if (v := values[row.id].get(field.name)) is not None}
            )
            for field in references
            if field.ref is not None
        }
        made: list[NewRecord | Result] = []
        for row in rows:
            given = dict(values[row.id])
            missing = None
            for field in references:
                name = given.get(field.name)
                if name is not None:
                    given[field.name] = known[field.name].get(name)
                    if given[field.name] is None:
                        missing = missing or _missing(field.ref, name)
            if missing is None:
                made.append(NewRecord(row.sourced_id, given, row.external_id))
            else:
                made.append(Result(row.sourced_id, Answer.LATER, row.external_id, reason=missing))
        return made


#: Rows of a plan that are looked at together.
_PLANNED = 1000
_DOING = {Action.CREATE: "making", Action.END: "ending"}


def _missing(kind: Kind | None, sourced_id: str) -> str:
    """Return why a record waits that names one which the vendor lacks."""
    if kind is Kind.USERS:
        return f"no account there is linked to user {sourced_id}; see the rule matching"
    return f"the vendor does not have {kind} {sourced_id}"


def _checked(work: Work, asked: Sequence[Any], results: Sequence[Result]) -> Sequence[Result]:
    """See that every record was answered: the success of a batch is nobody's success."""
    if [one.sourced_id for one in asked] != [result.sourced_id for result in results] or any(
        result.answer is Answer.DONE and not result.external_id for result in results
    ):
        raise TransientConnectorError(
            work.assignment.connector, "some records of a batch were not answered"
        )
    return results
