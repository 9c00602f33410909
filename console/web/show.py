"""How an answer is written: a page from its template, or its data as JSON."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from jinja2 import Environment
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from console.service.problems import PROBLEM, as_problem
from console.web.navigation import has_choice, links
from console.web.visit import CSRF_FIELD, NOTICE_COOKIE, Visit
from shared.domain.roles import Permission
from shared.errors import BellringerError, PasswordOutdatedError, UnauthenticatedError

#: The look that somebody has chosen, else the system's.
THEME_COOKIE = "theme"
THEMES = ("light", "dark")
_TENANT = re.compile("/tenants/([^/]+)")


class Show:
    """Writes answers.

    Args:
        templates: of the pages.
        is_https: whether cookies go over TLS alone.
    """

    def __init__(self, templates: Environment, *, is_https: bool) -> None:
        self._templates = templates
        self.is_https = is_https

    def page(
        self,
        visit: Visit,
        template: str | None,
        data: dict[str, Any],
        *,
        tenant: str | None = None,
        status: int = 200,
    ) -> Response:
        """Return a page as HTML, or its data as JSON to whoever prefers that."""
        if template is None or prefers_json(visit.request):
            return JSONResponse(data, status)
        # a tenant's administrators see times in its zone
        zone = visit.desk.tenant(tenant).zone if tenant is not None else "UTC"
        context = {**self._context(visit, tenant), "zone": zone, **data}
        response = HTMLResponse(self._templates.get_template(template).render(context), status)
        if NOTICE_COOKIE in visit.request.cookies:
            response.delete_cookie(NOTICE_COOKIE)
        return response

    def error(
        self, request: Request, error: BellringerError, visit: Visit | None = None
    ) -> Response:
        """Return an error: a page with a way back, or a problem; who is unknown may sign in."""
        told = as_problem(error)
        status = int(told["status"])
        if request.url.path.startswith("/api/v1/") or prefers_json(request):
            headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
            return JSONResponse(told, status, headers, media_type=PROBLEM)
        if isinstance(error, UnauthenticatedError):
            return self._to_sign_in(request)
        if isinstance(error, PasswordOutdatedError):
            return RedirectResponse("/account", 303)
        template = self._templates.get_template("error.html")
        known = self._context(visit, _tenant_of(visit)) if visit else {}
        context = {**self._bare(request), **known}
        return HTMLResponse(template.render({**context, "problem": told}), status)

    def _to_sign_in(self, request: Request) -> Response:
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if request.headers.get("hx-request"):
            # htmx would put the form for signing in where a part of the page was
            return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
        if request.method != "GET":
            return RedirectResponse("/sign-in", 303)
        return RedirectResponse("/sign-in" + _next(here), 303)

    def _context(self, visit: Visit, tenant: str | None) -> dict[str, Any]:
        notice = visit.notice()
        return {
            **self._bare(visit.request),
            "visit": visit,
            "tenant": tenant,
            "nav": links(visit, tenant),
            "has_choice": tenant is not None and has_choice(visit),
            "live": f"{f'/tenants/{tenant}' if tenant else ''}/live?since={visit.seen or ''}",
            "notices": [{"kind": "success", "text": notice}] if notice else [],
            "csrf_token": lambda: visit.csrf_token or "",
            "csrf_field": lambda: _field(visit.csrf_token),
        }

    @staticmethod
    def _bare(request: Request) -> dict[str, Any]:
        theme = request.cookies.get(THEME_COOKIE)
        return {
            "path": request.url.path,
            "theme": theme if theme in THEMES else None,
            "visit": {"account": None},
            "tenant": None,
            "zone": "UTC",
            "nav": [],
            "has_choice": False,
            "live": "",
            "notices": [],
            "csrf_token": lambda: "",
            "csrf_field": lambda: "",
        }


def prefers_json(request: Request) -> bool:
    """Whether the client would rather have data than a page: what it names first decides."""
    for part in request.headers.get("accept", "").split(","):
        kind = part.partition(";")[0].strip()
        if kind in ("application/json", PROBLEM):
            return True
        if kind in ("text/html", "application/xhtml+xml"):
            return False
    return False


def _tenant_of(visit: Visit) -> str | None:
    """Return the tenant that an address names, where the caller may see it."""
    named = _TENANT.match(visit.request.url.path)
    if named is None:
        return None
    try:
        return named[1] if visit.may(Permission.VIEW, named[1]) else None
    except BellringerError:
        return None


def _field(token: str | None) -> Markup:
    return Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, token or "")


def _next(here: str) -> str:
    return "" if here == "/" else f"?next={quote(here, safe='')}"
