"""What a command works with: settings, database, gate, and a relay for what it causes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from console.accounts.caller import owner
from console.service.desk import Desk, LocalDesk
from console.service.means import Means
from shared.db.engine import Database, open_database
from shared.db.gate import Gate
from shared.db.migrate import check_current, upgrade
from shared.db.outbox import Outbox
from shared.errors import ConfigurationError
from shared.messages import Publication
from shared.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class Session:
    """One command's means."""

    settings: Settings
    database: Database
    gate: Gate

    @property
    def desk(self) -> LocalDesk:
        """Return where operations are done, by whoever may open the database."""
        return LocalDesk(Means(self.settings, self.database, self.gate, self.relay, owner()))

    def relay(self, publications: Sequence[Publication]) -> None:
        """Publish what the command has committed.

        In embedded mode there is nobody to take it: the database keeps the jobs, and the sweep of
        the next process that runs them publishes anew.
        """
        if not publications or self.settings.is_embedded_broker:
            return
        # most commands cause nothing, and the libraries of the broker are slow to import
        from shared.broker.connect import open_broker
        from shared.broker.relay import Relay

        broker = open_broker(self.settings)
        try:
            Relay(broker.publisher, Outbox(self.database)).publish_now(publications)
        finally:
            broker.close()


@contextmanager
def open_desk() -> Iterator[Desk]:
    """Open the desk that the settings name: a server's, else this machine's database.

    Raises:
        ConfigurationError: see `open_session` and `RemoteDesk`.
    """
    settings = load_settings()
    if settings.server_url is not None:
        # an HTTP client is slow to import, and most commands have no use for it
        from console.remote import RemoteDesk

        with RemoteDesk(settings.server_url, settings.api_token) as desk:
            yield desk
        return
    with open_session() as session:
        yield session.desk


@contextmanager
def open_session() -> Iterator[Session]:
    """Open the database that the settings name, at the newest schema.

    The embedded database is made and upgraded by whoever comes first.

    Raises:
        ConfigurationError: a setting is wrong, or the database wants `bellringer db upgrade`, or
            another server is named, which this command cannot use.
    """
    settings = load_settings()
    if settings.server_url is not None:
        raise ConfigurationError(
            "BELLRINGER_SERVER_URL",
            "this command works with the database itself",
            "Unset it, and run the command where the database is.",
        )
    database = open_database(settings)
    try:
        if settings.database_url is None:
            upgrade(database)
        else:
            check_current(database)
        # in embedded mode nobody publishes but the relay of the process that runs the jobs, so that
        # there is nobody whom it should leave the time for
        relay_after_s = 0 if settings.is_embedded_broker else settings.relay_after_s
        yield Session(settings, database, Gate(database, relay_after_s=relay_after_s))
    finally:
        database.dispose()


def need_broker(settings: Settings, command: str) -> None:
    """See that a command which is one of several processes can reach the others.

    Raises:
        ConfigurationError: the broker or the database is this process's own.
    """
    for name, value in (
        ("BELLRINGER_BROKER_URL", settings.broker_url),
        ("BELLRINGER_DATABASE_URL", settings.database_url),
    ):
        if value is None:
            raise ConfigurationError(
                name,
                f"it is not set, and {command} is one process of several",
                "Set it, or use bellringer demo, or run-now --wait, which need no other process.",
            )
