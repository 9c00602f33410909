"""Routes made of the two tables: pages, and operations. Whoever is added there is guarded here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from console.service.download import Download
from console.service.operation import SAFE_METHODS, Operation
from console.web.identity import Identity
from console.web.page import Access, Page, Redirect, Refused
from console.web.show import Show
from console.web.visit import (
    NOTICE_COOKIE,
    Visit,
    check_csrf,
    check_origin,
    check_password_age,
)
from shared.db.pulse import pulse
from shared.errors import ForbiddenError, UnauthenticatedError

#: With it a page asks for itself: by that nobody stays signed in who is not there.
LIVE_HEADER = "x-live"
#: Where the REST API begins.
API = "/api/v1"


async def read_form(request: Request) -> FormData:
    """Return what a form has sent; routes are threads, and a body is read before they start."""
    if request.headers.get("content-type", "").startswith("application/json"):
        return FormData()
    return await request.form(max_files=0, max_fields=2000)


def add_page(app: FastAPI, page: Page, identity: Identity, show: Show) -> None:
    """Add a page's route.

    Args:
        app: to this application.
        page: of the table.
        identity: tells who asks.
        show: writes the answer.
    """

    def judged(request: Request) -> Visit:
        visit = identity.visit(request, touch=LIVE_HEADER not in request.headers)
        if not page.is_safe:
            check_origin(request)
        _check_access(page, visit, request.path_params)
        return visit

    def route(visit: Visit, **arguments: Any) -> Response:
        visit.form = arguments.pop("form_sent", visit.form)
        if not page.is_safe and page.needs is not Access.PUBLIC:
            check_csrf(visit)
        if page.is_live:
            # before the data are read: what changes meanwhile is seen as a change
            visit.seen = pulse(visit.means.database, _tenant_id(page, visit))
        return _answered(page, show, visit, page.function(visit, **arguments))

    form = [] if page.is_safe else [_own("form_sent", Annotated[FormData, Depends(read_form)])]
    _sign(route, [_judge(judged), *form, *page.parameters()])
    app.add_api_route(
        page.path,
        route,
        methods=[page.method],
        name=_name(page),
        include_in_schema=False,
        response_model=None,
    )


def add_operation(app: FastAPI, operation: Operation, identity: Identity) -> None:
    """Add an operation's route to the API."""

    def judged(request: Request) -> Visit:
        visit = identity.visit(request)
        if visit.account is None:
            raise UnauthenticatedError("send a token: Authorization: Bearer blr_…")
        check_password_age(visit)
        if operation.method not in SAFE_METHODS:
            check_origin(request)
            check_csrf(visit)
        visit.desk.check(operation.function, request.path_params.get("tenant"))
        return visit

    def route(visit: Visit, **arguments: Any) -> Response:
        done = visit.desk.call(operation.function, **arguments)
        return _file(done) if isinstance(done, Download) else JSONResponse(done)

    _sign(route, [_judge(judged), *operation.signature.parameters.values()])
    app.add_api_route(
        API + operation.path,
        route,
        methods=[operation.method],
        name=operation.name,
        operation_id=operation.name,
        summary=(inspect.getdoc(operation.function) or "").partition("\n")[0],
        tags=[operation.subject],
        response_model=None,
        openapi_extra={"x-needs": str(operation.needs)},
    )


def _name(page: Page) -> str:
    return f"{page.function.__module__.rpartition('.')[2]}.{page.function.__name__}"


def _check_access(page: Page, visit: Visit, in_path: Mapping[str, Any]) -> None:
    if page.needs is Access.PUBLIC:
        return
    if visit.account is None:
        raise UnauthenticatedError("this page needs a sign-in")
    if not page.is_open_to_old_passwords:
        check_password_age(visit)
    if page.needs is Access.SIGNED_IN:
        return
    tenant = str(in_path["tenant"]) if page.has_tenant else None
    if not visit.may(page.needs, tenant):
        told = {name: str(value) for name, value in in_path.items()}
        visit.desk.refuse(_name(page), tenant, page.path.format(**told))
        raise ForbiddenError(f"this needs the permission to {page.needs}")


def _tenant_id(page: Page, visit: Visit) -> int | None:
    return visit.desk.tenant(visit.request.path_params["tenant"]).id if page.has_tenant else None


def _answered(page: Page, show: Show, visit: Visit, done: Any) -> Response:
    if isinstance(done, Response):
        return done
    if isinstance(done, Download):
        return _file(done)
    if isinstance(done, Redirect):
        response = RedirectResponse(done.to, status_code=303)
        if done.notice is not None:
            response.set_cookie(
                NOTICE_COOKIE, visit.sealed_notice(done.notice), max_age=60,
                httponly=True, samesite="lax", secure=show.is_https,
            )  # fmt: skip
        return response
    status = done.status if isinstance(done, Refused) else 200
    data = done.data if isinstance(done, Refused) else done
    tenant = str(visit.request.path_params["tenant"]) if page.has_tenant else None
    return show.page(visit, page.template, data, tenant=tenant, status=status)


def _file(download: Download) -> Response:
    saved_as = f'attachment; filename="{download.name}"'
    return StreamingResponse(
        download.lines,
        media_type=download.media_type,
        headers={"Content-Disposition": saved_as},
    )


def _sign(route: Callable[..., Any], parameters: list[inspect.Parameter]) -> None:
    """Give a route the signature by which FastAPI reads a request."""
    keyword = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters]
    route.__signature__ = inspect.Signature(keyword)  # type: ignore[attr-defined]


def _judge(judged: Callable[[Request], Visit]) -> inspect.Parameter:
    """Have a caller judged first: who may not is told so, whatever else is wrong."""
    return _own("visit", Annotated[Visit, Depends(judged)])


def _own(name: str, kind: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind)
