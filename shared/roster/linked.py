"""Which of an app's records stand for which of the hub's, as far as a running job knows."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import bindparam, case, select, text

from shared.db.engine import Database
from shared.db.hub_tables import HUB, LINKS, STAGES
from shared.domain.records import Kind
from shared.roster.attempt import JobKey

#: Ids that are asked for at once; SQLite binds some 32,000 values.
PAGE = 2000


class JobLinks:
    """The links of one app: kept ones, those that this read has found, and what was just made.

    Args:
        database: of the hub.
        key: the attempt.
    """

    def __init__(self, database: Database, key: JobKey) -> None:
        self._database = database
        self._key = key

    def sourced_ids(self, kind: Kind, external_ids: Collection[str]) -> dict[str, str]:
        """Return the hub's ids of those that are known, by external id."""
        return dict(self._found(kind, "external_id", external_ids))

    def external_ids(self, kind: Kind, sourced_ids: Collection[str]) -> dict[str, str]:
        """Return the app's ids of those that it has, by sourcedId."""
        return {hub: theirs for theirs, hub in self._found(kind, "sourced_id", sourced_ids)}

    def members(self, class_id: str, role: str) -> list[str]:
        """Return external ids of a class's active members in a role, the primary ones first."""
        enrollment = HUB[Kind.ENROLLMENTS].c
        with self._database.read() as connection:
            users = connection.execute(
                select(enrollment.user_sourced_id)
                .where(
                    enrollment.tenant_id == self._key.tenant_id,
                    enrollment.class_sourced_id == class_id,
                    enrollment.role == role,
                    enrollment.status == "active",
                )
                .order_by(
                    case((enrollment.is_primary == "true", 0), else_=1), enrollment.sourced_id
                )
            ).scalars()
            listed = list(users)
        known = self.external_ids(Kind.USERS, listed)
        return [known[user] for user in listed if user in known]

    def _found(self, kind: Kind, column: str, ids: Collection[str]) -> Iterator[tuple[str, str]]:
        query = text(
            f"SELECT l.external_id, l.sourced_id FROM {LINKS[kind].name} AS l"
            f" WHERE l.app_id = :app AND l.ended_at IS NULL AND l.{column} IN :ids"
            " UNION ALL SELECT p.external_id, p.sourced_id FROM vendor_provisions AS p"
            " WHERE p.app_id = :app AND p.linked_job IS NULL AND p.state = 'confirmed'"
            f" AND p.action = 'create' AND p.kind = :kind AND p.{column} IN :ids"
            f" UNION ALL SELECT s.external_id, s.sourced_id FROM {STAGES[kind].name} AS s"
            " WHERE s.job_id = :job AND s.attempt = :attempt AND s.verdict IS NULL"
            f" AND s.sourced_id IS NOT NULL AND s.is_new IS NULL AND s.{column} IN :ids"
        ).bindparams(bindparam("ids", expanding=True))
        asked = list(ids)
        for start in range(0, len(asked), PAGE):
            bound = {
                "app": self._key.app_id,
                "job": self._key.job_id,
                "attempt": self._key.attempt,
                "kind": kind,
                "ids": asked[start : start + PAGE],
            }
            with self._database.read() as connection:
                rows = connection.execute(query, bound).all()
            yield from ((row.external_id, row.sourced_id) for row in rows)
