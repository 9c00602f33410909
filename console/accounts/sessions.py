"""Sessions of the console: opened by a sign-in, known by a cookie, ended by time or by hand.

By OWASP ASVS 4.0.3, V3: ids of 256 bits (3.2.2), kept as digests (3.2.3 is the cookie's), a new one
with each sign-in (3.2.1), over when idle and in any case after a while (3.3.2), ended at the
server (3.3.1), all of them where a password changes (3.3.3), and seen and ended by whose they are
(3.3.4). Where an account's roles change, its sessions end too: who may something else signs in
anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from console.accounts.attempts import Client
from console.accounts.caller import Caller
from console.accounts.random_ids import csrf_token, digest_of, is_random_id, new_random_id
from shared.db import account_views, sessions
from shared.db.accounts import Account
from shared.db.audit import AuditEntry, record
from shared.db.engine import Database
from shared.db.grants import grants_of
from shared.domain.access import AuditOutcome, Via
from shared.domain.roles import Grant
from shared.settings import Settings

#: When somebody was last seen is written once in so many seconds.
TOUCH_S = 60.0


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that was just opened; nobody else knows its id.

    Attributes:
        id: what the cookie holds.
        account: who has signed in; `must_change_password` says whether that comes first.
        expires_at: when it ends at the latest.
    """

    id: str
    account: Account
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A session by which a request was made.

    Attributes:
        digest: by which it is told from the account's others.
        account: who has signed in.
        grants: the account's, as they are now.
        csrf_token: what its forms carry.
        created_at: when somebody signed in.
        expires_at: when it ends at the latest.
    """

    digest: str
    account: Account
    grants: tuple[Grant, ...]
    csrf_token: str
    created_at: datetime
    expires_at: datetime

    def caller(self, address: str | None) -> Caller:
        """Return who asks by it."""
        return Caller(
            name=self.account.name,
            via=Via.CONSOLE,
            grants=self.grants,
            account_id=self.account.id,
            address=address,
        )


class Sessions:
    """The sessions of all who have signed in.

    Args:
        database: keeps them.
        settings: say how long they last.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self._idle_s = settings.session_idle_s
        self._life_s = settings.session_life_s

    def find(self, session_id: str, *, touch: bool = True) -> Session | None:
        """Return the session of a cookie, None: there is none, or it is over. Commits.

        Args:
            session_id: as the cookie gives it.
            touch: whether somebody is there; what a page asks for by itself keeps nobody signed in.
        """
        if not is_random_id(session_id):
            return None
        digest = digest_of(session_id)
        with self.database.read() as connection:
            now = self.database.now(connection)
            found = sessions.find_session(connection, digest, now=now, idle_s=self._idle_s)
            if found is None:
                return None
            held = grants_of(connection, found.account.id)
        if touch and now - found.last_seen_at >= timedelta(seconds=TOUCH_S):
            with self.database.write() as connection:
                sessions.touch_session(connection, digest, now)
        return Session(
            digest=digest,
            account=found.account,
            grants=held,
            csrf_token=csrf_token(session_id),
            created_at=found.created_at,
            expires_at=found.expires_at,
        )

    def open(
        self, connection: Connection, account: Account, client: Client, now: datetime
    ) -> NewSession:
        """Open one in a caller's transaction."""
        session_id = new_random_id()
        expires_at = sessions.add_session(
            connection,
            digest_of(session_id),
            account.id,
            now=now,
            life_s=self._life_s,
            address=client.address,
            user_agent=client.user_agent,
        )
        return NewSession(session_id, account, expires_at)

    def rotate(self, session_id: str) -> str | None:
        """Go on under a new id; returns it, None: the session is over. Commits."""
        renewed = new_random_id()
        with self.database.write() as connection:
            is_there = sessions.rename_session(
                connection, digest_of(session_id), digest_of(renewed)
            )
        return renewed if is_there else None

    def sign_out(self, session: Session, client: Client) -> None:
        """End the session by which somebody asks. Commits."""
        with self.database.write() as connection:
            if sessions.end_session(connection, session.digest):
                self._record(connection, session, "sign_out", client)

    def sign_out_everywhere(self, session: Session, client: Client) -> int:
        """End all sessions of who asks, this one too; returns how many. Commits."""
        with self.database.write() as connection:
            ended = sessions.end_sessions(connection, session.account.id)
            self._record(connection, session, "sign_out_everywhere", client)
        return ended

    def end(self, session: Session, digest: str, client: Client) -> bool:
        """End another session of who asks; returns whether it was one of theirs. Commits."""
        with self.database.write() as connection:
            now = self.database.now(connection)
            theirs = sessions.sessions_of(
                connection, session.account.id, now=now, idle_s=self._idle_s
            )
            if digest not in {one.digest for one in theirs}:
                return False
            sessions.end_session(connection, digest)
            self._record(connection, session, "sign_out", client)
        return True

    def listed(self, session: Session) -> list[dict[str, Any]]:
        """Return where who asks is signed in, ready for JSON; `is_this` marks this session."""
        with self.database.read() as connection:
            now = self.database.now(connection)
            shown = account_views.list_sessions(
                connection, session.account.id, now=now, idle_s=self._idle_s
            )
        return [{**one, "is_this": one["session"] == session.digest} for one in shown]

    def _record(
        self, connection: Connection, session: Session, action: str, client: Client
    ) -> None:
        entry = AuditEntry(
            action=action,
            outcome=AuditOutcome.ALLOWED,
            via=Via.CONSOLE,
            account_id=session.account.id,
            account=session.account.name,
            address=client.address,
        )
        record(connection, entry, self.database.now(connection))
