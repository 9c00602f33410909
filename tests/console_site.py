"""The console on a database of a test's own: accounts, clients that are signed in, a server."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from console.accounts.attempts import Client
from console.accounts.caller import owner
from console.accounts.passwords import hash_password
from console.accounts.sessions import Sessions
from console.accounts.tokens import Tokens
from console.embedded import Embedded
from console.service.desk import LocalDesk
from console.service.means import Means
from console.web.app import build
from console.web.listening import listening
from shared.broker.relay import Relay as Publishing
from shared.db import accounts, grants
from shared.db.asking import find_app
from shared.db.engine import Database
from shared.db.gate import Gate
from shared.db.outbox import Outbox
from shared.db.tenants import find_tenant
from shared.domain.roles import PERMISSIONS, Grant, Permission, Role
from shared.messages import Publication
from shared.settings import Settings, load_settings

#: Of every account that a test makes with one.
PASSWORD = "correct-staple-battery-9"


@dataclass
class ConsoleSite:
    """The application, and those who use it.

    Attributes:
        database: at the newest schema.
        settings: embedded, unless a test says otherwise.
        app: the console's.
        published: what requests have caused; nobody takes it, unless the site is served.
    """

    database: Database
    settings: Settings
    app: FastAPI = field(init=False)
    published: list[Publication] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._publish = self.published.extend
        self.app = build(
            self.settings, self.database, lambda some: self._publish(some), hosts=["testserver"]
        )
        self._sessions = Sessions(self.database, self.settings)

    @property
    def desk(self) -> LocalDesk:
        """Operations, done by whoever owns the database."""
        gate = Gate(self.database, relay_after_s=0)
        return LocalDesk(
            Means(self.settings, self.database, gate, lambda some: self._publish(some), owner())
        )

    def tenant_id(self, name: str) -> int:
        with self.database.read() as connection:
            return find_tenant(connection, name).id

    def app_id(self, app: str) -> int:
        with self.database.read() as connection:
            return find_app(connection, app)[1]

    def add_account(
        self, name: str, *roles: tuple[Role, str | None], password: bool = False
    ) -> int:
        """Add an account with roles, each in a tenant, or None: in all."""
        made = hash_password(PASSWORD) if password else None
        with self.database.write() as connection:
            now = self.database.now(connection)
            account_id = accounts.add_account(connection, name, now)
            if made is not None:
                accounts.set_password_hash(connection, account_id, made, now)
            for role, tenant in roles:
                tenant_id = None if tenant is None else find_tenant(connection, tenant).id
                grants.set_grant(connection, account_id, Grant(role, tenant_id), now)
        return account_id

    def session_of(self, name: str) -> str:
        """Open a session of an account; return what its cookie holds."""
        with self.database.write() as connection:
            account = accounts.find_account(connection, name)
            assert account is not None
            client = Client("127.0.0.1", "a test")
            now = self.database.now(connection)
            return self._sessions.open(connection, account, client, now).id

    def client(self, name: str | None = None) -> Browser:
        """Return a client that is signed in as an account; None: nobody."""
        made = Browser(self.app, follow_redirects=False)
        if name is not None:
            made.cookies.set("bellringer", self.session_of(name))
        return made

    def token_of(self, name: str, *scopes: Permission, days: int = 30) -> str:
        """Return an API token of an account, for everything unless scopes are named."""
        with self.database.read() as connection:
            account = accounts.find_account(connection, name)
            assert account is not None
            held = grants.grants_of(connection, account.id)
        wanted = scopes or tuple(
            one for one in Permission if any(one in PERMISSIONS[grant.role] for grant in held)
        )
        issued = Tokens(self.database).issue(
            owner(), "a test's", scopes=wanted, days=days, account=name
        )
        return issued.token

    @contextmanager
    def served(self, *, with_workers: bool = True) -> Iterator[str]:
        """Serve it on a port of this machine, by default with scheduler and workers; yield its URL."""
        config = uvicorn.Config(
            self.app, log_config=None, lifespan="off", access_log=False, ws="none",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        with listening("127.0.0.1", 0) as listener:
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
            with self._workers(with_workers):
                thread.start()
                try:
                    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
                finally:
                    self.app.state.live.end()
                    server.should_exit = True
                    thread.join(30)
                    assert not thread.is_alive()

    @contextmanager
    def _workers(self, wanted: bool) -> Iterator[None]:
        if not wanted:
            yield
            return
        before = self._publish
        with Embedded(self.settings, self.database) as embedded:
            relay = Publishing(embedded.broker.publisher, Outbox(self.database))
            self._publish = relay.publish_now
            try:
                yield
            finally:
                self._publish = before


class Browser(TestClient):
    """A client that fills in forms as a browser does."""

    def csrf(self, path: str) -> str:
        """Return the token of the page's forms."""
        found = re.search(r'name="csrf-token" content="([^"]*)"', self.get(path).text)
        assert found, f"{path} has no token"
        return found[1]

    def submit(self, path: str, /, *, page: str = "/tenants", **fields: object):
        """Post a form with the token that a page has got."""
        return self.post(path, data={"csrf_token": self.csrf(page), **fields})


def embedded_settings(database: Database, **more: object) -> Settings:
    """Return settings of an embedded instance on a database that is there."""
    url = database.url.render_as_string(hide_password=False)
    return load_settings(database_url=url, broker_url=None, tick_s=0.2, sweep_s=1, **more)
