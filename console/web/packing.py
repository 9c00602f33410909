"""Answers are packed for slow lines, where that cannot tell a secret.

Who can have a page repeat chosen text, and sees how long it is when it is packed, can guess what
else stands on it (BREACH). So what repeats anything of the request is sent as it is: pages with a
query, and answers to forms.
"""

from __future__ import annotations

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

#: Bytes below which packing gains nothing: it fits one packet anyhow.
LEAST = 1200


class Packing:
    """Packs static files, and pages that were asked for without a query.

    Args:
        app: the application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._packed = GZipMiddleware(app, minimum_size=LEAST, compresslevel=6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        app = self._packed if scope["type"] == "http" and _tells_nothing(scope) else self._app
        await app(scope, receive, send)


def _tells_nothing(scope: Scope) -> bool:
    if scope["path"].startswith("/static/"):
        return True
    # a vendor's own client may know no packing, and a stream has no end
    is_as_it_is = scope["path"].startswith("/drop/") or scope["path"].endswith("/live")
    return scope["method"] == "GET" and not scope["query_string"] and not is_as_it_is
