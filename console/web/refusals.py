"""What a request that fails is answered, whoever has raised the error."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from console.web.headers import HEADERS, too_large
from console.web.identity import Identity
from console.web.show import Show
from console.web.visit import Visit
from shared.db.engine import brief
from shared.errors import (
    BellringerError,
    ConfigurationError,
    ForbiddenError,
    NotFoundError,
    UnauthenticatedError,
)

log = logging.getLogger(__name__)


def add_refusals(app: FastAPI, show: Show, identity: Identity) -> None:
    """Have every error answered as a page, or as a problem to programs."""

    def refuse(request: Request, error: BellringerError) -> Response:
        return show.error(request, error, _visit(identity, request, error))

    def refuse_input(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        names = [str(part) for part in first["loc"] if part not in ("body", "query", "path")]
        # what was given is not told back: it may be a secret
        told = ConfigurationError(".".join(names) or "body", first["msg"], "Correct it.")
        return refuse(request, told)

    def refuse_path(request: Request, error: HTTPException) -> Response:
        if error.status_code == 413:
            return too_large()
        if error.status_code == 405:
            told: BellringerError = ForbiddenError("this address takes no such method")
        elif error.status_code == 404:
            told = NotFoundError("address", "there is no such page", "Follow a link to it.")
        else:
            told = ConfigurationError("request", str(error.detail), "Correct it.")
        return refuse(request, told)

    def refuse_database(request: Request, error: OperationalError) -> Response:
        log.error("the database failed: %s", brief(error))
        told = BellringerError("the database does not answer; try again in a moment")
        return show.error(request, told)

    def refuse_value(request: Request, error: DataError) -> Response:
        # such as a text with a NUL; what the database says of it may quote it
        log.info("the database refused a value: %s", type(error.orig).__name__)
        problem = "a value in it is none that the database can hold"
        return refuse(request, ConfigurationError("request", problem, "Correct it."))

    def fail(request: Request, error: Exception) -> Response:
        del error  # who raised it is logged, and raised once more
        told = BellringerError("that is a fault of ours; it stands in the console's log")
        response = show.error(request, told)
        # nothing of ours is asked after this, what adds the headers least of all
        response.headers.update({**HEADERS, "Cache-Control": "no-store"})
        return response

    handlers: dict[type[Exception], Any] = {
        BellringerError: refuse,
        RequestValidationError: refuse_input,
        HTTPException: refuse_path,
        OperationalError: refuse_database,
        DataError: refuse_value,
        Exception: fail,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _visit(identity: Identity, request: Request, error: Exception) -> Visit | None:
    """Return who it was, for the page's head; who has no session has none in its head either."""
    if isinstance(error, UnauthenticatedError):
        return None
    try:
        return identity.visit(request)
    except UnauthenticatedError:
        return None
