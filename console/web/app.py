"""The console process: one HTTP server. For now it serves drop folders alone."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from console.web.drops import Drops
from shared.db.engine import Database
from shared.settings import Settings


def build(settings: Settings, database: Database) -> Starlette:
    """Return the application.

    Args:
        settings: with the key that opens secrets.
        database: of the apps; it must be migrated.
    """
    drops = Drops(database, settings.secret_key)
    app = Starlette(routes=[Route("/healthz", _healthy), *drops.routes()])
    # to add or take away a slash it would answer with the address once more, token and all, by the
    # scheme and the host that a client claims
    app.router.redirect_slashes = False
    return app


async def _healthy(request: Request) -> Response:
    del request
    return PlainTextResponse("ok\n")
