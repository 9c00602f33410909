"""Unique keys: no two active records of a tenant share the value of a field that has one owner.

What counts is the hub as it would be after the merge: two records that swap their values do not
collide, and neither does one that takes the value of a record which the same read removes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from shared.db.hub_tables import HUB, LINKS, STAGES, snake
from shared.domain.records import Kind
from shared.roster.absences import ABSENT
from shared.roster.identity import SHARED_KINDS
from shared.roster.merging import take
from shared.roster.ownership import Ownership
from shared.roster.quarantine import refuse
from shared.roster.statements import OPEN, Statements

#: A record that is refused keeps its old value, which may refuse another: so many times. Then all
#: that would take any value of the hub's as it is now are refused at once, after which none is.
ROUNDS = 20


def check_unique(
    run: Statements,
    kind: Kind,
    supplied: Collection[str],
    unique: Collection[str],
    ownership: Ownership,
    *,
    owns_kind: bool,
) -> None:
    """Refuse open rows whose value another record has; the one that has it in the hub stays.

    Args:
        run: for the attempt; the absences of the kind are found already.
        kind: of the rows, which are resolved.
        supplied: the fields that the app supplies.
        unique: `KIND.FIELD` of the tenant's unique keys.
        ownership: as the app sees it.
        owns_kind: whether the app's removal of a record removes it, whoever else has it.
    """
    refused = 0
    for name in sorted(set(supplied) & {one.partition(".")[2] for one in unique
                                        if one.partition(".")[0] == kind}):  # fmt: skip
        key = _Key(run, kind, name, ownership, owns_kind)
        if not run.value(f"SELECT count(*) FROM ({key.losers(forgiving=False)}) AS q"):
            continue
        for turn in range(ROUNDS + 1):
            losers = key.losers(forgiving=turn < ROUNDS)
            reason = "'another record has the same value: ' || q.winner"
            found = refuse(run, kind, OPEN, name, reason, join=losers)
            refused += found
            if not found:
                break
    if refused:
        _keep_renamed(run, kind)


@dataclass(frozen=True, slots=True)
class _Key:
    """One unique field of a kind."""

    run: Statements
    kind: Kind
    field: str
    ownership: Ownership
    owns_kind: bool

    def losers(self, *, forgiving: bool) -> str:
        """Return a query: `n` of the rows that must not have their value, and who has it.

        Args:
            forgiving: whether a record that gives up a value in this read makes it free.
        """
        freed = ""
        if forgiving:
            freed = (
                " AND NOT EXISTS (SELECT 1 FROM movers AS m WHERE m.sourced_id = h.sourced_id)"
                " AND NOT EXISTS (SELECT 1 FROM leaving AS g WHERE g.sourced_id = h.sourced_id)"
            )
        leaving = f", leaving AS MATERIALIZED ({self._leaving()})" if forgiving else ""
        value = f"lower(h.{snake(self.field)})"
        return (
            f"WITH movers AS MATERIALIZED ({self._movers()}){leaving},"
            " claims AS (SELECT m.n, m.external_id, m.sourced_id, m.standing, m.value"
            " FROM movers AS m WHERE m.value IS NOT NULL"
            f" UNION ALL SELECT NULL, NULL, h.sourced_id, 0, {value} FROM {HUB[self.kind].name}"
            " AS h WHERE h.tenant_id = :tenant AND h.status = 'active'"
            f" AND {value} IN (SELECT m.value FROM movers AS m){freed}),"
            " ranked AS (SELECT c.n, row_number() OVER w AS place,"
            " first_value(coalesce(c.external_id, c.sourced_id)) OVER w AS winner"
            " FROM claims AS c"
            " WINDOW w AS (PARTITION BY c.value ORDER BY c.standing, c.n, c.sourced_id))"
            " SELECT r.n, r.winner FROM ranked AS r WHERE r.place > 1 AND r.n IS NOT NULL"
        )

    def _movers(self) -> str:
        """Return a query for the open rows that bring a value which their record has not yet."""
        stage, column = STAGES[self.kind].name, snake(self.field)
        merged = take(self.run, self.ownership, self.kind, self.field)
        first = ""
        if self.kind in SHARED_KINDS:
            # of several rows that mean one record, the first is merged
            first = (
                f" AND s.n IN (SELECT min(s.n) FROM {stage} AS s WHERE {OPEN}"
                " AND s.is_new IS NULL GROUP BY s.sourced_id)"
            )
        return (
            f"SELECT s.n, s.external_id, s.sourced_id, 2 AS standing, lower(s.{column}) AS value"
            f" FROM {stage} AS s WHERE {OPEN} AND s.is_new = 1"
            f" UNION ALL SELECT s.n, s.external_id, s.sourced_id, 1, lower({merged})"
            f" FROM {stage} AS s JOIN {HUB[self.kind].name} AS h ON h.tenant_id = :tenant"
            f" AND h.sourced_id = s.sourced_id LEFT JOIN {LINKS[self.kind].name} AS l"
            " ON l.app_id = :app AND l.external_id = s.external_id"
            f" WHERE {OPEN} AND s.is_new IS NULL{first}"
            f" AND (h.status <> 'active' OR lower({merged}) IS DISTINCT FROM lower(h.{column}))"
        )

    def _leaving(self) -> str:
        """Return a query for the records that this read removes; see `removing.remove_orphans`."""
        absent = (
            f"SELECT a.sourced_id FROM stage_absences AS a JOIN {HUB[self.kind].name} AS h"
            " ON h.tenant_id = :tenant AND h.sourced_id = a.sourced_id"
            f" AND lower(h.{snake(self.field)}) IN (SELECT m.value FROM movers AS m)"
            f" WHERE {ABSENT.replace(':kind', repr(str(self.kind)))} AND a.verdict = 'removed'"
        )
        if self.owns_kind:
            return absent
        ends = (
            "SELECT 1 FROM stage_absences AS e WHERE e.job_id = :job AND e.attempt = :attempt"
            f" AND e.kind = '{self.kind}' AND e.external_id = k.external_id"
            " AND e.verdict IN ('removed', 'out_of_scope', 'renamed')"
        )
        linked = (
            f"SELECT 1 FROM {LINKS[self.kind].name} AS k JOIN apps AS o ON o.id = k.app_id"
            " WHERE k.sourced_id = a.sourced_id AND o.removed_at IS NULL"
        )
        left = f"{linked} AND k.ended_at IS NULL AND NOT (k.app_id = :app AND EXISTS ({ends}))"
        return (
            f"{absent} AND NOT EXISTS ({left} AND o.tier = 'import')"
            f" AND (EXISTS ({linked} AND o.tier = 'import') OR NOT EXISTS ({left}))"
        )


def _keep_renamed(run: Statements, kind: Kind) -> None:
    """Let a link live on whose record is shown under a new id by a row that was refused."""
    run.run(
        f"DELETE FROM stage_absences AS a WHERE {ABSENT} AND a.verdict = 'renamed'"
        f" AND a.sourced_id IN (SELECT s.sourced_id FROM {STAGES[kind].name} AS s"
        " WHERE s.job_id = :job AND s.attempt = :attempt AND s.verdict = 'quarantined')",
        kind=kind,
    )
