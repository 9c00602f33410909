"""Who a request comes from: a browser with a session, a program with a token, or nobody known."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from starlette.datastructures import FormData
from starlette.requests import Request

from console.accounts.attempts import Client
from console.accounts.caller import Caller
from console.accounts.random_ids import is_same
from console.accounts.sessions import Session, Sessions
from console.service.desk import LocalDesk
from console.service.means import Means
from shared.domain.access import Via
from shared.domain.roles import Permission
from shared.errors import ForbiddenError, PasswordOutdatedError

if TYPE_CHECKING:
    from console.web.identity import Identity

#: Header and form field that carry the token against forged requests.
CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf_token"
#: Tells the next page what was done.
NOTICE_COOKIE = "bellringer_notice"


@dataclass(slots=True, kw_only=True)
class Visit:
    """One request of somebody known.

    Attributes:
        request: Starlette's.
        desk: where the caller's operations are asked for.
        session: by which it was made; None: by a token, or by nobody known.
        identity: which has told who it is, and gives and takes the cookie.
        client: where it comes from.
        form: what a form has sent.
        seen: the pulse that a live page is made at; see `shared.db.pulse`.
    """

    request: Request
    desk: LocalDesk
    session: Session | None
    identity: Identity
    client: Client
    form: FormData = field(default_factory=FormData)
    seen: str | None = None

    @property
    def csrf_token(self) -> str | None:
        """Return what the session's forms must send along."""
        return self.session.csrf_token if self.session else None

    @property
    def sessions(self) -> Sessions:
        """Return the sessions of all who have signed in."""
        return self.identity.sessions

    @property
    def cookie(self) -> str | None:
        """Return the session id that the browser came with."""
        return self.request.cookies.get(self.identity.cookie)

    @property
    def caller(self) -> Caller:
        """Return who it is."""
        return self.desk.means.caller

    @property
    def means(self) -> Means:
        """Return what the caller's operations work with."""
        return self.desk.means

    @property
    def account(self) -> Caller | None:
        """Return who has signed in, None: nobody has."""
        return self.caller if self.caller.account_id is not None else None

    def may(self, permission: str, tenant: str | None = None) -> bool:
        """Whether the caller may do this; templates ask so what they offer."""
        return self.desk.may(Permission(permission), tenant)

    def text(self, name: str) -> str:
        """Return a field of the form, "" where it was not sent."""
        value = self.form.get(name, "")
        return value.strip() if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """Return what was sent under a name, each time that it was."""
        return [value for value in self.form.getlist(name) if isinstance(value, str)]

    def notice(self) -> str | None:
        """Return what the page before has left to say."""
        told = self.request.cookies.get(NOTICE_COOKIE, "")
        signature, _, text = unquote(told).partition(":")
        if self.csrf_token is None or not text:
            return None
        return text if is_same(signature, self._signed(text)) else None

    def sealed_notice(self, text: str) -> str:
        """Return a cookie by which the next page says something; nobody else can make one."""
        return quote(f"{self._signed(text)}:{text}")

    def _signed(self, text: str) -> str:
        key = (self.csrf_token or "").encode()
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def check_origin(request: Request) -> None:
    """See that a browser's request that changes something comes from a page of ours.

    Browsers say where a request was made: `Sec-Fetch-Site`, and older ones `Origin`. What says
    neither is no browser, and has no cookie that somebody else could use.

    Raises:
        ForbiddenError: it comes from elsewhere.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise ForbiddenError("the request comes from another site")
        return
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise ForbiddenError("the request comes from another site")


def check_password_age(visit: Visit) -> None:
    """See that whoever has signed in need not set a new password first.

    Raises:
        PasswordOutdatedError: they must.
    """
    if visit.session is not None and visit.session.account.must_change_password:
        raise PasswordOutdatedError("set a new password first, on the page of your account")


def check_csrf(visit: Visit) -> None:
    """See that a request which changes something was made by a page that this session has got.

    Raises:
        ForbiddenError: it does not carry the session's token.
    """
    if visit.caller.via is not Via.CONSOLE:
        return
    given = visit.request.headers.get(CSRF_HEADER) or visit.form.get(CSRF_FIELD)
    expected = visit.csrf_token
    if expected is None or not isinstance(given, str) or not is_same(given, expected):
        raise ForbiddenError("the form is too old: load the page again, and send it once more")
