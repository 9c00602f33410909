"""One's own account: password, sessions, API tokens."""

from __future__ import annotations

from typing import Any

from starlette.responses import RedirectResponse, Response

from console.accounts.sessions import Session
from console.accounts.signing_in import change_password
from console.accounts.tokens import MAX_DAYS
from console.service import tokens
from console.service.tokens import USUAL_DAYS, NewToken, TokenId
from console.web.page import Access, Data, Redirect, Refused, page
from console.web.visit import Visit
from console.web.wishes import read_wish, told_at
from shared.db.account_views import describe_account
from shared.db.accounts import get_account
from shared.domain.roles import Permission
from shared.errors import ConfigurationError, ForbiddenError, ThrottledError

_HERE = "/account"
#: What each permission lets a token do.
SCOPES = (
    (Permission.VIEW, "view: see everything"),
    (Permission.OPERATE, "operate: run, cancel, retry, pause, resume"),
    (Permission.REVIEW, "review: approve, reject, resolve, undo"),
    (Permission.CONFIGURE, "configure: apps, settings, schedules, rules"),
    (Permission.GOVERN, "govern: accounts, tokens, audit log"),
    (Permission.ADMINISTER, "administer: all districts, the operators' pages"),
)


@page("GET", _HERE, needs=Access.SIGNED_IN, template="own_account.html")
def account(visit: Visit) -> Data:
    """Show the account."""
    return _shown(visit)


@page("POST", _HERE + "/password", needs=Access.SIGNED_IN, template="own_account.html")
def password(visit: Visit) -> Response | Refused:
    """Change the password; all other sessions end."""
    session = _session(visit)
    current, new = (str(visit.form.get(name, "")) for name in ("current_password", "password"))
    try:
        opened = change_password(visit.sessions, session, current, new, visit.client)
    except ConfigurationError as error:
        return Refused(_shown(visit, errors=told_at(error, "current_password", "password")))
    except ThrottledError as error:
        return Refused(_shown(visit, errors={"current_password": str(error)}), 429)
    response = RedirectResponse(_HERE, 303)
    visit.identity.give_cookie(response, opened)
    return response


@page("POST", _HERE + "/sessions/end", needs=Access.SIGNED_IN)
def end_session(visit: Visit) -> Redirect:
    """Sign out somewhere else."""
    is_ended = visit.sessions.end(_session(visit), visit.text("session"), visit.client)
    return Redirect(_HERE, "Signed out there." if is_ended else "That session had ended before.")


@page("POST", _HERE + "/sessions/end-all", needs=Access.SIGNED_IN)
def end_sessions(visit: Visit) -> Response:
    """Sign out everywhere, here too."""
    visit.sessions.sign_out_everywhere(_session(visit), visit.client)
    response = RedirectResponse("/sign-in", 303)
    visit.identity.take_cookie(response)
    return response


@page("POST", _HERE + "/tokens", needs=Access.SIGNED_IN, template="own_account.html")
def create_token(visit: Visit) -> Data | Refused:
    """Issue a token, and show it once."""
    given: dict[str, Any] = {name: visit.text(name) for name in ("name", "days", "tenant")}
    given["scopes"] = visit.texts("scopes")
    try:
        wish = read_wish(NewToken, {**given, "tenant": given["tenant"] or None})
        issued = visit.desk.call(tokens.create_token, wish=wish)
    except ConfigurationError as error:
        told = told_at(error, "name", "scopes", "days", "tenant")
        return Refused(_shown(visit, given=given, errors=told))
    return _shown(visit, issued=issued)


@page("POST", _HERE + "/tokens/{token}/revoke", needs=Access.SIGNED_IN)
def revoke_token(visit: Visit, token: TokenId) -> Redirect:
    """Let nobody in by a token any more."""
    revoked = visit.desk.call(tokens.revoke_token, token=token)
    return Redirect(_HERE, f"The token {revoked['name']} lets nobody in any more.")


def _shown(visit: Visit, **more: Any) -> Data:
    caller = visit.caller
    held = [scope for scope, _ in SCOPES if caller.tenant_ids(scope) != frozenset()]
    with visit.means.database.read() as connection:
        if caller.account_id is None:
            raise ForbiddenError("this page is an account's own")
        described = describe_account(connection, get_account(connection, caller.account_id))
    return {
        "account": described,
        "sessions": visit.sessions.listed(visit.session) if visit.session else [],
        "tokens": visit.desk.call(tokens.list_tokens),
        "scopes": [[str(scope), words] for scope, words in SCOPES if scope in held],
        "usual_days": USUAL_DAYS,
        "most_days": MAX_DAYS,
        "given": {},
        "errors": {},
        "issued": None,
        **more,
    }


def _session(visit: Visit) -> Session:
    """Return the session by which somebody asks.

    Raises:
        ForbiddenError: they ask by a token.
    """
    if visit.session is None:
        raise ForbiddenError("this is for who has signed in with a password")
    return visit.session
