"""A district's domain as a source: in full, or what has changed since a cursor."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from connectors.network import Network
from connectors.sdk import ReadRequest
from connectors.transport.ldap import Directory, NotAllowedError, RejectedError
from connectors.transport.ldap_line import PORTS, Server
from connectors.vendors.active_directory import mapping
from connectors.vendors.active_directory.changes import (
    NO_TOMBSTONES,
    Changes,
    NeedsFullError,
    newest_cookie,
    sees_deleted,
)
from connectors.vendors.active_directory.config import ActiveDirectoryConfig
from connectors.vendors.active_directory.cursor import Cursor, cookie_mark, parse
from connectors.vendors.active_directory.domain import Domain, look, scope_of
from connectors.vendors.active_directory.reading import Reading
from connectors.vendors.active_directory.rows import Rows
from connectors.vendors.active_directory.scope import Scope
from connectors.vendors.active_directory.source import NAME
from shared.clock import SystemClock
from shared.domain.reading import Batch, ReadCertificate, Refused
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError

log = logging.getLogger(__name__)

_RIGHT = (
    "Grant it Replicating Directory Changes on the domain (an extended right of the domain's own"
    " object), or set incremental to usn"
)


class ActiveDirectory:
    """One domain, by one of its controllers.

    Args:
        config: server, account, and who is read.
        network: where it may go.
        now: gives the instant (aware) by which accounts have ended.
    """

    def __init__(
        self,
        config: ActiveDirectoryConfig,
        network: Network | None = None,
        *,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._config = config
        self._network = network or Network()
        self._now = now or SystemClock().now

    def check(self) -> None:
        """Sign in, look up whatever the settings name, and try the rights that reads need.

        What a read would do without is logged as a warning, and stands in its certificate.

        Raises:
            PermanentConnectorError: says which setting or right is missing; a right without which
                another way is taken is missing only where the settings ask for that very way.
            TransientConnectorError: the server does not answer now.
        """
        with self._directory() as directory:
            domain = look(directory, self._config)
            scope = scope_of(directory, domain, self._config)
            reading = self._reading(directory, domain, scope)
            if not reading.sees_anyone():
                raise PermanentConnectorError(
                    NAME,
                    "user: the account sees no user where it may look. Grant it Read on the units,"
                    " or correct ous and user_filter",
                )
            notes: dict[str, str] = {}
            self._place(directory, domain, scope, notes)
        for name, note in notes.items():
            log.warning("%s: %s: %s", NAME, name, note)

    def read(self, request: ReadRequest) -> Iterator[Batch | Refused | ReadCertificate]:
        """Yield everyone, or whoever has changed since the cursor.

        An incremental read is a full one, and says so and why in its certificate, where there is no
        cursor, or the server cannot go on from it.

        Raises:
            ConnectorError: the server failed; nothing of the read counts.
        """
        with self._directory() as directory:
            domain = look(directory, self._config)
            scope = scope_of(directory, domain, self._config)
            reading = self._reading(directory, domain, scope)
            changes = Changes(directory, domain, scope, mapping.deciding_attributes(self._config))
            notes: dict[str, str] = {}
            if request.mode is Mode.INCREMENTAL:
                try:
                    last = self._last(request.cursor, domain)
                    delta = changes.since(last)
                except NeedsFullError as error:
                    notes["in full, since"] = str(error)
                else:
                    after = replace(last, mark=delta.mark, groups=_groups(scope))
                    yield from reading.incremental(delta, after)
                    return
            place = self._place(directory, domain, scope, notes)
            yield from reading.full(changes, place, notes)

    def _last(self, text: str | None, domain: Domain) -> Cursor:
        """Return the cursor to go on from.

        Raises:
            NeedsFullError: there is none that means anything to this server and these settings.
        """
        if text is None:
            raise NeedsFullError("there was no read before")
        cursor = parse(text)
        if cursor is None:
            raise NeedsFullError("the cursor is of another form")
        if cursor.scope != self._digest:
            raise NeedsFullError("the settings have changed")
        if cursor.context != domain.context:
            raise NeedsFullError(f"the last read was of {cursor.context}")
        if cursor.invocation != domain.invocation:
            raise NeedsFullError(
                f"{domain.server} is not the server of the last read, or was restored"
            )
        if cursor.way == "usn" and cursor.usn > domain.usn:
            raise NeedsFullError(f"{domain.server} has gone back behind the last read")
        return cursor

    def _place(
        self, directory: Directory, domain: Domain, scope: Scope, notes: dict[str, str]
    ) -> Cursor:
        """Return the cursor of now, by DirSync where it may be.

        Raises:
            PermanentConnectorError: it may not, and the settings leave no other way.
        """
        made = Cursor(
            way="usn",
            mark=str(domain.usn),
            invocation=domain.invocation,
            context=domain.context,
            scope=self._digest,
            sees_deleted=False,
            groups=_groups(scope),
        )
        if self._config.incremental != "usn":
            try:
                cookie, sees_tombs = newest_cookie(directory, domain)
                mark = cookie_mark(cookie)
                made = replace(made, way="dirsync", mark=mark, sees_deleted=sees_tombs)
            except (NotAllowedError, RejectedError) as error:
                notes["DirSync"] = self._without_dirsync(error)
        if made.way == "usn":
            made = replace(made, sees_deleted=sees_deleted(directory, domain))
        if not made.sees_deleted:
            notes["deleted"] = NO_TOMBSTONES
        return made

    def _without_dirsync(self, error: Exception) -> str:
        """Return what a person should know, where another way is left.

        Raises:
            PermanentConnectorError: the settings ask for this very one.
        """
        is_missing = isinstance(error, NotAllowedError)
        if self._config.incremental == "dirsync":
            what = f"user: the account may not use DirSync ({error}). {_RIGHT}"
            other = f"incremental: the server has no DirSync ({error}). Set it to usn"
            raise PermanentConnectorError(NAME, what if is_missing else other) from error
        return f"not allowed. {_RIGHT}" if is_missing else f"not there: {error}"

    def _reading(self, directory: Directory, domain: Domain, scope: Scope) -> Reading:
        rows = Rows(self._config, scope, self._now())
        return Reading(self._config, directory, domain, scope, rows)

    def _directory(self) -> Directory:
        config = self._config
        server = Server(
            host=config.host,
            port=config.port or PORTS[config.security],
            security=config.security,
            ca_file=config.ca_file,
            ca_certificates=config.ca_certificates,
            timeout_s=config.timeout_s,
        )
        return Directory(
            NAME,
            self._network,
            server,
            user=config.user,
            password=config.password.get_secret_value(),
            page_size=config.page_size,
            range_size=config.range_size,
        )

    @property
    def _digest(self) -> str:
        """What stands for all settings that choose or map: another one, and all must be read."""
        config = self._config
        told = (config.filter_text, config.attributes, config.schools, config.roles)
        return hashlib.sha256("\0".join(told).encode()).hexdigest()[:16]


def _groups(scope: Scope) -> tuple[str, ...]:
    return tuple(sorted(guid.hex() for guid in scope.circles.guids))
