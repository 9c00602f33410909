"""Whom an export has told of: noted while it renders, written when its delivery is confirmed.

*Disclosed* means: the user was handed to a target that did not say it leaves them out, and what it
rendered was delivered in a job that succeeded. Of a set of changes that is everybody whom the
vendor holds then, by this set and those before it. The fields are those that the target has read of
users and of what belongs to them, under their masks: it was sent these and no others. A period that
has ended says that a later delivery did without them; what the vendor has deleted it does not say.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, or_, select, text

from shared.db.engine import Database
from shared.db.hub_tables import HUB, disclosed_fields, disclosures, stage_disclosures
from shared.db.tables import apps
from shared.db.views import iso
from shared.domain.records import Kind
from shared.errors import ConfigurationError
from shared.roster.attempt import JobKey
from shared.roster.privacy import HIDE, Privacy
from shared.roster.statements import Statements, elements, statements

#: Users that are kept in memory before they are written together.
PAGE = 5000
#: Kinds whose records tell of a person.
PERSONAL = frozenset({Kind.USERS, Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS})


class HandedOut:
    """Notes which users a target was handed, and which fields it asked for.

    What earlier attempts of the app have noted is thrown away. Each write is a short transaction.

    Args:
        database: of the hub.
        key: the attempt.

    Attributes:
        key: the attempt.
        count: users that were handed out, those left out among them.
        fields: by kind that tells of a person, the fields that were asked for.
        asked: the same of every kind.
        is_whole: whether the target was handed all users there are for it, so that it was told of
            them and of no others; who asks for changes alone begins periods and ends none.
    """

    def __init__(self, database: Database, key: JobKey) -> None:
        self.key = key
        self.count = 0
        self.fields: dict[Kind, set[str]] = {}
        self.asked: dict[Kind, set[str]] = {}
        self.is_whole = False
        self._database = database
        self._page: dict[str, str] = {}
        self._left_out: list[str] = []
        with database.write() as connection:
            connection.execute(
                delete(stage_disclosures).where(stage_disclosures.c.app_id == key.app_id)
            )

    def note_fields(self, kind: Kind, fields: Collection[str]) -> None:
        """Note that these fields were asked for."""
        self.asked.setdefault(kind, set()).update(fields)
        if kind in PERSONAL:
            self.fields.setdefault(kind, {"sourcedId"}).update(fields)

    def note(self, shown: str, sourced_id: str) -> None:
        """Note a user who is about to be handed out, and the id under which."""
        if len(self._page) >= PAGE:
            self.flush()
        self._page[shown] = sourced_id
        self.count += 1

    def leave_out(self, shown: str) -> None:
        """Take back a user of whom the target sends nothing."""
        if self._page.pop(shown, None) is None:
            self._left_out.append(shown)
            if len(self._left_out) >= PAGE:
                self.flush()

    def flush(self) -> None:
        """Write what is still in memory. Commits."""
        key = self.key
        with self._database.write() as connection:
            if self._page:
                connection.execute(
                    insert(stage_disclosures),
                    [
                        {
                            "app_id": key.app_id,
                            "job_id": key.job_id,
                            "attempt": key.attempt,
                            "sourced_id": sourced_id,
                            "shown_as": shown,
                        }
                        for shown, sourced_id in self._page.items()
                    ],
                )
            if self._left_out:
                listed = elements(":left_out", is_postgresql=self._database.is_postgresql)
                connection.execute(
                    text(
                        "DELETE FROM stage_disclosures WHERE job_id = :job AND attempt = :attempt"
                        f" AND shown_as IN (SELECT e.value FROM {listed})"
                    ),
                    {
                        "job": key.job_id,
                        "attempt": key.attempt,
                        "left_out": json.dumps(self._left_out),
                    },
                )
        self._page.clear()
        self._left_out.clear()


def disclose(
    connection: Connection, database: Database, handed_out: HandedOut, privacy: Privacy
) -> int:
    """Write who was told of, in T4: a period ends or begins where something differs.

    Args:
        connection: T4's transaction.
        database: whose it is.
        handed_out: what was rendered; it is flushed.
        privacy: under which it was.

    Returns:
        How many users were disclosed.
    """
    run = statements(connection, database, handed_out.key, handed_out.count)
    fields_id = _fields_id(connection, handed_out, privacy)
    rendered = (
        "SELECT DISTINCT s.sourced_id FROM stage_disclosures AS s"
        " WHERE s.job_id = :job AND s.attempt = :attempt"
    )
    running = "d.app_id = :app AND d.until_job IS NULL"
    if handed_out.is_whole:
        _end_others(run, rendered, running, fields_id)
    run.run(
        "INSERT INTO disclosures (app_id, sourced_id, since_job, tenant_id, fields_id, since_at)"
        f" SELECT :app, r.sourced_id, :job, :tenant, :fields, {run.instant()}"
        f" FROM ({rendered}) AS r LEFT JOIN disclosures AS d ON d.sourced_id = r.sourced_id"
        f" AND {running} WHERE d.sourced_id IS NULL",
        fields=fields_id,
    )
    return run.value(f"SELECT count(*) FROM ({rendered}) AS r")


def _end_others(run: Statements, rendered: str, running: str, fields_id: int) -> None:
    """End the periods of whom was not rendered, and of whom other fields were sent."""
    run.run(
        f"UPDATE disclosures AS d SET until_job = :job, until_at = {run.instant()}"
        f" WHERE {running} AND (d.fields_id <> :fields OR d.sourced_id IN"
        f" (SELECT o.sourced_id FROM disclosures AS o LEFT JOIN ({rendered}) AS r"
        " ON r.sourced_id = o.sourced_id WHERE o.app_id = :app AND o.until_job IS NULL"
        " AND r.sourced_id IS NULL))",
        fields=fields_id,
    )


def disclosures_of(connection: Connection, tenant_id: int, record: str) -> list[dict[str, Any]]:
    """Return which apps were told of a user, the newest first.

    Args:
        connection: a transaction.
        tenant_id: whose.
        record: the user's sourcedId, identifier or username.

    Raises:
        ConfigurationError: nobody is called so, or several are.
    """
    rows = connection.execute(
        select(
            apps.c.name.label("app"),
            disclosures.c.since_job,
            disclosures.c.since_at,
            disclosures.c.until_job,
            disclosures.c.until_at,
            disclosed_fields.c.fields,
        )
        .join(apps, apps.c.id == disclosures.c.app_id)
        .join(disclosed_fields, disclosed_fields.c.id == disclosures.c.fields_id)
        .where(
            disclosures.c.tenant_id == tenant_id,
            disclosures.c.sourced_id == _find_user(connection, tenant_id, record),
        )
        .order_by(disclosures.c.since_at.desc(), apps.c.name)
    )
    return [_told(row) for row in rows.mappings()]


def _told(row: RowMapping) -> dict[str, Any]:
    return {
        "app": row["app"],
        "since": iso(row["since_at"]),
        "since_job": row["since_job"],
        "until": iso(row["until_at"]),
        "until_job": row["until_job"],
        "fields": json.loads(row["fields"]),
    }


def _find_user(connection: Connection, tenant_id: int, record: str) -> str:
    user = HUB[Kind.USERS].c
    # by its key first: most who ask have a record before them
    own = select(user.sourced_id).where(user.tenant_id == tenant_id)
    if connection.execute(own.where(user.sourced_id == record)).first() is not None:
        return record
    called = or_(user.identifier == record, user.username == record)
    found = list(connection.execute(own.where(called)).scalars())
    if len(found) != 1:
        several = "several users are" if found else "no user is"
        raise ConfigurationError(
            "RECORD",
            f"{several} called {record!r}",
            "Give a user's sourcedId, identifier or username.",
        )
    return str(found[0])


def _fields_id(connection: Connection, handed_out: HandedOut, privacy: Privacy) -> int:
    """Return the id of the fields and masks under which this job has sent."""
    sent: dict[str, dict[str, str]] = {}
    for kind, names in sorted(handed_out.fields.items()):
        masks = {name: privacy.mask(kind, name) for name in sorted(names)}
        shown = {name: mask for name, mask in masks.items() if mask != HIDE}
        if shown and privacy.sends_kind(kind):
            sent[kind] = shown
    told = json.dumps(sent, sort_keys=True)
    column = disclosed_fields.c
    known = select(column.id).where(column.app_id == handed_out.key.app_id, column.fields == told)
    # an app has one running job at most, so that nobody writes the same beside this
    found = connection.execute(known).scalar()
    if found is None:
        found = connection.execute(
            insert(disclosed_fields)
            .values(app_id=handed_out.key.app_id, fields=told)
            .returning(column.id)
        ).scalar_one()
    return int(found)
