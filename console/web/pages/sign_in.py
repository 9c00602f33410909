"""How somebody comes in, and goes."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.responses import RedirectResponse, Response

from console.accounts.links import find_link, make_first_administrator, set_password
from console.accounts.sessions import NewSession
from console.accounts.signing_in import sign_in
from console.web.page import Access, Data, Redirect, Refused, page
from console.web.show import THEME_COOKIE, THEMES
from console.web.visit import Visit
from console.web.wishes import told_at
from shared.db.views import iso
from shared.domain.access import LinkPurpose
from shared.errors import (
    ConfigurationError,
    NotFoundError,
    ThrottledError,
    UnauthenticatedError,
)

#: A year.
_LONG_S = 365 * 86400


@page("GET", "/sign-in", needs=Access.PUBLIC, template="sign_in.html")
def form(visit: Visit, next: str = "/") -> Data | Redirect:
    """Ask for name and password."""
    if visit.account is not None:
        return Redirect(inside(next))
    return {"next": inside(next), "name": "", "error": None}


@page("POST", "/sign-in", needs=Access.PUBLIC, template="sign_in.html")
def enter(visit: Visit) -> Response | Refused:
    """Take somebody in, and lead on to where they wanted to go."""
    name, wanted = visit.text("name"), inside(visit.text("next"))
    try:
        opened = sign_in(
            visit.sessions,
            name,
            str(visit.form.get("password", "")),
            visit.client,
            former=visit.cookie,
        )
    except (UnauthenticatedError, ThrottledError) as error:
        status = 429 if isinstance(error, ThrottledError) else 422
        return Refused({"next": wanted, "name": name, "error": str(error)}, status)
    response = RedirectResponse("/account" if opened.account.must_change_password else wanted, 303)
    visit.identity.give_cookie(response, opened)
    return response


@page("GET", "/setup/{secret}", needs=Access.PUBLIC, template="setup.html")
def setup(visit: Visit, secret: str) -> Data:
    """Ask for name and password of the first administrator."""
    return _asked(visit, secret, LinkPurpose.FIRST_ADMINISTRATOR)


@page("POST", "/setup/{secret}", needs=Access.PUBLIC, template="setup.html")
def begin(visit: Visit, secret: str) -> Response | Refused:
    """Make the first administrator, and take them in."""
    asked = _asked(visit, secret, LinkPurpose.FIRST_ADMINISTRATOR)
    name, password = visit.text("name"), str(visit.form.get("password", ""))
    try:
        opened = make_first_administrator(visit.sessions, secret, name, password, visit.client)
    except ConfigurationError as error:
        return Refused({**asked, "name": name, "error": told_at(error, "name", "password")})
    return _taken_in(visit, opened)


@page("GET", "/welcome/{secret}", needs=Access.PUBLIC, template="setup.html")
def welcome(visit: Visit, secret: str) -> Data:
    """Ask for the password of an account."""
    return _asked(visit, secret, LinkPurpose.SET_PASSWORD)


@page("POST", "/welcome/{secret}", needs=Access.PUBLIC, template="setup.html")
def choose_password(visit: Visit, secret: str) -> Response | Refused:
    """Set the password that a link is for, and take its owner in."""
    asked = _asked(visit, secret, LinkPurpose.SET_PASSWORD)
    password = str(visit.form.get("password", ""))
    try:
        opened = set_password(visit.sessions, secret, password, visit.client)
    except ConfigurationError as error:
        return Refused({**asked, "error": told_at(error, "password")})
    return _taken_in(visit, opened)


@page("POST", "/sign-out", needs=Access.SIGNED_IN)
def leave(visit: Visit) -> Response:
    """End the session."""
    if visit.session is not None:
        visit.sessions.sign_out(visit.session, visit.client)
    response = RedirectResponse("/sign-in", 303)
    visit.identity.take_cookie(response)
    return response


@page("POST", "/theme", needs=Access.PUBLIC)
def theme(visit: Visit) -> Response:
    """Choose the look: light, dark, or as the system has it; back to where it was asked for."""
    chosen = visit.text("theme")
    response = RedirectResponse(_back(visit), 303)
    if chosen in THEMES:
        response.set_cookie(THEME_COOKIE, chosen, max_age=_LONG_S, path="/", samesite="lax")
    else:
        response.delete_cookie(THEME_COOKIE, path="/")
    return response


def _asked(visit: Visit, secret: str, purpose: LinkPurpose) -> Data:
    """Return what a link's form shows.

    Raises:
        NotFoundError: the link does nothing, or nothing here.
    """
    found = find_link(visit.means.database, secret)
    if found.purpose is not purpose:
        raise NotFoundError("link", "it does nothing here", "Open it as you have got it.")
    here = "setup" if purpose is LinkPurpose.FIRST_ADMINISTRATOR else "welcome"
    return {
        "account": found.account,
        "action": f"/{here}/{secret}",
        "expires_at": iso(found.expires_at),
        "name": "",
        "error": None,
    }


def _taken_in(visit: Visit, opened: NewSession) -> Response:
    response = RedirectResponse("/", 303)
    visit.identity.give_cookie(response, opened)
    return response


def inside(wanted: str) -> str:
    r"""Return an address of ours to go on to; whatever else was asked for leads to the front.

    >>> inside("/tenants/oakfield?state=failed"), inside("//elsewhere.example"), inside("/\\e")
    ('/tenants/oakfield?state=failed', '/', '/')
    """
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    has_odd = any(ord(sign) < 33 for sign in wanted)
    return wanted if is_ours and not has_odd else "/"


def _back(visit: Visit) -> str:
    told = urlsplit(visit.request.headers.get("referer", ""))
    if told.netloc != visit.request.headers.get("host"):
        return "/"
    return inside(told.path + (f"?{told.query}" if told.query else ""))
