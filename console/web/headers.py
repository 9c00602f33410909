"""What every answer says to a browser, and which hosts are answered."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Nothing comes from elsewhere, nothing is inline, nobody frames us. Source: OWASP ASVS 5.0, V3.4.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
#: Of every answer.
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: A year.
_HSTS = "max-age=31536000; includeSubDomains"
#: Paths that programs ask by whatever name they know the machine, and that need no sign-in.
_ANY_HOST = ("/healthz", "/drop/")
#: The largest body that a request may have: forms and JSON, never files.
MAX_BODY = 1024 * 1024


class SecureHeaders:
    """Adds the headers to every answer, and refuses hosts that are not ours and endless bodies.

    Args:
        app: the application.
        hosts: names by which browsers may know us, without port; a page that a stranger's name
            points to this address (DNS rebinding) is not answered.
        is_https: whether browsers reach us by TLS alone.
    """

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str], is_https: bool) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._added = {**HEADERS, **({"Strict-Transport-Security": _HSTS} if is_https else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._added.items():
                    headers.setdefault(name, value)
                # what is about people stays in no cache; static files say otherwise themselves
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(scope)
        answering = self._app if refusal is None else refusal
        await answering(scope, _Bounded(receive), add)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        is_open = scope["path"].startswith(_ANY_HOST)
        if not is_open and _host_of(headers.get("host", "")) not in self._hosts:
            told = "This is not the console's address: set BELLRINGER_CONSOLE_URL to it.\n"
            return PlainTextResponse(told, 421)
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            return too_large()
        return None


def too_large() -> PlainTextResponse:
    """Return the answer to a body above the limit."""
    return PlainTextResponse("The request is too large.\n", 413)


class _Bounded:
    """Receives a body without an announced length up to the same limit."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._seen = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._seen += len(message.get("body", b""))
            if self._seen > MAX_BODY:
                raise HTTPException(413)
        return message


def _host_of(told: str) -> str:
    """Return a Host header's name without its port."""
    if told.startswith("["):
        return told.partition("]")[0].removeprefix("[").lower()
    return told.partition(":")[0].lower()
