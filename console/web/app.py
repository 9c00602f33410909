"""The console's application: pages, the REST API, live updates, static files, drop folders."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from console.accounts.caller import Caller
from console.accounts.sessions import Sessions
from console.accounts.tokens import Tokens
from console.service.catalog import catalog
from console.service.means import Means
from console.web.assets import Assets
from console.web.drops import Drops
from console.web.headers import SecureHeaders
from console.web.identity import Identity
from console.web.live import Live
from console.web.packing import Packing
from console.web.pages import every_page
from console.web.reference import Reference
from console.web.refusals import add_refusals
from console.web.rendering import STATIC, environment
from console.web.routing import add_operation, add_page
from console.web.show import Show
from shared.clock import SystemClock
from shared.db.engine import Database
from shared.db.gate import Gate
from shared.messages import Publication
from shared.settings import Settings

log = logging.getLogger(__name__)

#: Names by which this machine is known to its own browsers.
_LOCAL = ("localhost", "127.0.0.1", "::1")

Relay = Callable[[Sequence[Publication]], None]


def build(
    settings: Settings, database: Database, relay: Relay, *, hosts: Sequence[str] = ()
) -> FastAPI:
    """Return the application.

    Args:
        settings: with the key that opens secrets.
        database: it must be migrated.
        relay: publishes what a request has caused, once it is committed.
        hosts: names, beside `BELLRINGER_CONSOLE_URL`'s and this machine's own, that it answers to.
    """
    url = urlsplit(settings.console_url or "")
    is_https = url.scheme == "https"
    relay_after_s = 0 if settings.is_embedded_broker else settings.relay_after_s
    gate = Gate(database, relay_after_s=relay_after_s)

    def means_of(caller: Caller) -> Means:
        return Means(settings, database, gate, relay, caller)

    identity = Identity(Sessions(database, settings), Tokens(database), means_of, is_https=is_https)
    show = Show(environment(SystemClock().now), is_https=is_https)
    app = FastAPI(
        title="Bellringer",
        description="One roster hub for a school district, synced with its apps in order.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    # to add or take away a slash it would answer with the address once more, token and all, by the
    # scheme and the host that a client claims
    app.router.redirect_slashes = False
    live = Live(identity, database)
    app.state.live = live
    add_refusals(app, show, identity)
    app.router.routes += [
        Route("/healthz", _healthy),
        *Drops(database, settings.secret_key).routes(),
        *Assets(STATIC).routes(),
        *live.routes(),
        *Reference(identity).routes(),
    ]
    for page in every_page():
        add_page(app, page, identity, show)
    for operation in catalog():
        add_operation(app, operation, identity)
    names = [name for name in (url.hostname, *_LOCAL, *hosts) if name]
    app.add_middleware(Packing)
    app.add_middleware(SecureHeaders, hosts=names, is_https=is_https)
    return app


async def _healthy(request: Request) -> Response:
    del request
    return PlainTextResponse("ok\n")
