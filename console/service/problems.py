"""Errors as answers: a page for people, `application/problem+json` (RFC 9457) for programs."""

from __future__ import annotations

from typing import Any

from shared.errors import (
    BellringerError,
    BrokerUnavailableError,
    ConfigurationError,
    ConnectorError,
    ForbiddenError,
    NotFoundError,
    ThrottledError,
    UnauthenticatedError,
)

PROBLEM = "application/problem+json"

#: By the error's class, most special first: status and title.
_KINDS: tuple[tuple[type[BellringerError], int, str], ...] = (
    (UnauthenticatedError, 401, "Sign in first"),
    (ThrottledError, 429, "Too many attempts"),
    (ForbiddenError, 403, "Not permitted"),
    (NotFoundError, 404, "Not found"),
    (ConfigurationError, 422, "That cannot be taken"),
    (ConnectorError, 502, "The vendor refuses"),
    (BrokerUnavailableError, 503, "The broker does not answer"),
    (BellringerError, 500, "That failed"),
)


def as_problem(error: BellringerError) -> dict[str, Any]:
    """Return an error as RFC 9457 tells one; field, problem and fix where it names them."""
    status, title = next((s, t) for kind, s, t in _KINDS if isinstance(error, kind))
    told: dict[str, Any] = {"title": title, "status": status, "detail": str(error)}
    if isinstance(error, ConfigurationError):
        told |= {"field": error.field, "problem": error.problem, "fix": error.fix}
    return told


def as_error(told: dict[str, Any]) -> BellringerError:
    """Return the error that a problem tells: what a remote caller raises is what we have raised."""
    status = int(told.get("status", 500))
    if "field" in told:
        kind = NotFoundError if status == 404 else ConfigurationError
        return kind(str(told["field"]), str(told["problem"]), str(told["fix"]))
    detail = str(told.get("detail") or told.get("title") or f"the server answered {status}")
    by_status = {401: UnauthenticatedError, 403: ForbiddenError}
    return by_status.get(status, BellringerError)(detail)
