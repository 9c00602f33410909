"""How somebody comes in, and goes."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.responses import RedirectResponse, Response

from console.accounts.links import find_link, make_first_administrator, set_password
from console.accounts.signing_in import sign_in
from console.web.page import Access, Data, Redirect, Refused, page
from console.web.show import THEME_COOKIE, THEMES
from console.web.visit import Visit
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
    """Ask for name and password of the first administrator, or for the password of an account."""
    found = find_link(visit.means.database, secret)
    return {"account": found.account, "secret": secret, "name": "", "error": None}


@page("POST", "/setup/{secret}", needs=Access.PUBLIC, template="setup.html")
def begin(visit: Visit, secret: str) -> Response | Refused:
    """Set the password that a link is for, and take its owner in."""
    found = find_link(visit.means.database, secret)
    name, password = visit.text("name"), str(visit.form.get("password", ""))
    try:
        if found.purpose is LinkPurpose.FIRST_ADMINISTRATOR:
            opened = make_first_administrator(visit.sessions, secret, name, password, visit.client)
        else:
            opened = set_password(visit.sessions, secret, password, visit.client)
    except NotFoundError:
        raise
    except ConfigurationError as error:
        told = {"account": found.account, "secret": secret, "name": name}
        return Refused({**told, "error": {error.field: f"{error.problem}. {error.fix}"}})
    response = RedirectResponse("/", 303)
    visit.identity.give_cookie(response, opened)
    return response


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
