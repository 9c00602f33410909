"""Which of an app's records a read has shown: by a row that was staged, or by one known again."""

from __future__ import annotations

from shared.db.hub_tables import STAGES
from shared.domain.records import Kind
from shared.roster.statements import HERE, Statements

_UNSEEN = (
    "SELECT u.external_id FROM stage_unseen AS u WHERE u.job_id = :job AND u.attempt = :attempt"
    " AND u.kind = '{kind}'"
)


def is_unshown(run: Statements, kind: Kind, external_id: str) -> str:
    """Return a condition: a read has not shown the record of an active link.

    What the vendor names as deleted is not shown, nor is what the filter keeps out.

    Args:
        run: for the attempt.
        kind: of the record.
        external_id: an expression for the link's.
    """
    staged = (
        f"SELECT 1 FROM {STAGES[kind].name} AS s WHERE {HERE} AND s.external_id = {external_id}"
        " AND coalesce(s.verdict, '') NOT IN ('deleted', 'filtered')"
    )
    condition = f"NOT EXISTS ({staged})"
    if kind in run.known:
        # first what is mostly nothing
        condition = f"{external_id} IN ({unseen(kind)}) AND {condition}"
    return condition


def unseen(kind: Kind) -> str:
    """Return a query for the external ids of links that no known row has shown."""
    return _UNSEEN.format(kind=kind)
