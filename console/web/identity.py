"""Who a request comes from: by the session in its cookie, or by the token in its header."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from console.accounts.attempts import Client
from console.accounts.caller import Caller
from console.accounts.sessions import NewSession, Session, Sessions
from console.accounts.tokens import Tokens
from console.service.desk import LocalDesk
from console.service.means import Means
from console.web.visit import Visit
from shared.domain.access import Via
from shared.errors import UnauthenticatedError


class Identity:
    """Tells who asks, and gives and takes the cookie.

    Args:
        sessions: of those who have signed in.
        tokens: of programs.
        means_of: what a caller's operations work with.
        is_https: whether browsers reach us by TLS alone.
    """

    def __init__(
        self,
        sessions: Sessions,
        tokens: Tokens,
        means_of: Callable[[Caller], Means],
        *,
        is_https: bool,
    ) -> None:
        self.sessions = sessions
        self._tokens = tokens
        self._means_of = means_of
        self._is_https = is_https
        # the prefix has a browser refuse the cookie of a neighbour's host or of a page without TLS
        self.cookie = "__Host-bellringer" if is_https else "bellringer"

    def visit(self, request: Request, *, touch: bool = True) -> Visit:
        """Return who it is; of nobody known, the visit has no account.

        Args:
            request: Starlette's.
            touch: whether somebody is there; what a page asks for by itself keeps nobody signed in.

        Raises:
            UnauthenticatedError: it carries a token that lets nobody in.
        """
        client = client_of(request)
        token = _bearer(request)
        session: Session | None = None
        if token is not None:
            known = self._tokens.caller(token, client.address)
            if known is None:
                raise UnauthenticatedError("the token lets nobody in: it is wrong, over or revoked")
            caller = known
        else:
            session = self.sessions.find(request.cookies.get(self.cookie, ""), touch=touch)
            caller = session.caller(client.address) if session else _nobody(client)
        return Visit(
            request=request,
            desk=LocalDesk(self._means_of(caller)),
            session=session,
            identity=self,
            client=client,
        )

    def give_cookie(self, response: Response, opened: NewSession) -> None:
        """Have a browser come with a session from now on, until it is closed."""
        response.set_cookie(
            self.cookie, opened.id, path="/", httponly=True, samesite="lax", secure=self._is_https
        )

    def take_cookie(self, response: Response) -> None:
        """Have a browser forget its session."""
        response.delete_cookie(
            self.cookie, path="/", httponly=True, samesite="lax", secure=self._is_https
        )


def client_of(request: Request) -> Client:
    """Return where a request comes from; uvicorn has looked behind a trusted proxy."""
    address = request.client.host if request.client else None
    return Client(address=address, user_agent=request.headers.get("user-agent"))


def _bearer(request: Request) -> str | None:
    """Return the token of an Authorization header.

    Raises:
        UnauthenticatedError: the header holds something else.
    """
    told = request.headers.get("authorization")
    if told is None:
        return None
    scheme, _, value = told.partition(" ")
    if scheme.lower() != "bearer":
        raise UnauthenticatedError("send the token as: Authorization: Bearer blr_…")
    return value.strip()


def _nobody(client: Client) -> Caller:
    return Caller(name=None, via=Via.CONSOLE, grants=(), address=client.address)
