"""The outbox: messages written in the commit that causes them, taken out once confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from shared.db.engine import Database
from shared.db.tables import outbox
from shared.messages import Publication


def put(
    connection: Connection, publications: Sequence[Publication], *, now: datetime, after_s: float
) -> list[Publication]:
    """Write publications into the outbox.

    Args:
        connection: the transaction that causes them.
        publications: new ones, without an id.
        now: the database's clock.
        after_s: seconds that the committer has to publish them itself.

    Returns:
        The same publications, each with its row's id.
    """
    if not publications:
        return []
    rows = [
        {
            "exchange": publication.exchange,
            "routing_key": publication.routing_key,
            "body": publication.body,
            "message_id": publication.message_id,
            "content_type": publication.content_type,
            "headers": dict(publication.headers),
            "mandatory": publication.mandatory,
            "relay_after": now + timedelta(seconds=after_s),
        }
        for publication in publications
    ]
    ids = connection.execute(
        insert(outbox).returning(outbox.c.id, sort_by_parameter_order=True), rows
    ).scalars()
    return [
        replace(publication, id=row_id)
        for publication, row_id in zip(publications, ids, strict=True)
    ]


class Outbox:
    """The relay's side of the outbox. Several schedulers may take from it at once.

    Args:
        database: where it lies.
        lease_s: seconds for which rows taken are left alone by the other schedulers.
    """

    def __init__(self, database: Database, *, lease_s: float = 30) -> None:
        self._database = database
        self._lease = timedelta(seconds=lease_s)

    def take(self, limit: int) -> list[Publication]:
        """Lease the oldest rows whose committer had its time, at most `limit`. Commits."""
        with self._database.write() as connection:
            now = self._database.now(connection)
            due = (
                select(outbox.c.id)
                .where(outbox.c.relay_after <= now)
                .order_by(outbox.c.relay_after, outbox.c.id)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            ids = list(connection.execute(due).scalars())
            if not ids:
                return []
            rows = connection.execute(
                update(outbox)
                .where(outbox.c.id.in_(ids))
                .values(relay_after=now + self._lease)
                .returning(*outbox.c)
            )
            taken = [
                Publication(
                    id=row.id,
                    exchange=row.exchange,
                    routing_key=row.routing_key,
                    body=row.body,
                    message_id=row.message_id,
                    content_type=row.content_type,
                    headers=row.headers,
                    mandatory=row.mandatory,
                )
                for row in rows
            ]
        return sorted(taken, key=lambda publication: publication.id or 0)

    def mark(self, ids: Sequence[int]) -> None:
        """Take out what the broker has confirmed. Commits; marking twice is harmless."""
        if not ids:
            return
        with self._database.write() as connection:
            connection.execute(delete(outbox).where(outbox.c.id.in_(ids)))
