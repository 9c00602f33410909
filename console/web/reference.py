"""The REST API's description: OpenAPI for programs, and the same in rows for a page.

Both are for whoever has signed in or sends a token. They hold no secret, but strangers are answered
with the sign-in alone, whatever they ask for: what an instance can do is none of their business.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from console.service.catalog import catalog
from console.service.operation import Operation, Reach
from console.web.identity import Identity
from console.web.routing import API
from shared.errors import UnauthenticatedError

#: Where programs find it.
OPENAPI_PATH = f"{API}/openapi.json"


class Reference:
    """Serves the OpenAPI description.

    Args:
        identity: tells who asks.
    """

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def routes(self) -> list[Route]:
        """Return the path."""
        return [Route(OPENAPI_PATH, self._openapi)]

    def _openapi(self, request: Request) -> Response:
        if self._identity.visit(request).account is None:
            raise UnauthenticatedError("send a token: Authorization: Bearer blr_…")
        return JSONResponse(openapi(request.app))


def openapi(app: FastAPI) -> dict[str, Any]:
    """Return the description of the application's operations, with how to be let in."""
    told = app.openapi()
    told.setdefault("components", {})["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "blr_…, made under /account"}
    }
    told["security"] = [{"token": []}]
    return told


def subjects(app: FastAPI) -> list[dict[str, Any]]:
    """Return the operations by subject, each told by what the OpenAPI description has of it.

    Returns:
        Each as `{"name", "about", "operations": [...]}`; an operation is `{"method", "path",
        "name", "summary", "needs", "for", "arguments"}`, an argument `{"name", "in", "type",
        "is_required", "default", "limits"}`.
    """
    description = openapi(app)
    by_subject: dict[str, list[tuple[Operation, dict[str, Any]]]] = {}
    for operation in catalog():
        told = description["paths"][API + operation.path][operation.method.lower()]
        row = _row(operation, told, description)
        by_subject.setdefault(operation.subject, []).append((operation, row))
    return [
        {"name": name, "about": _about(told), "operations": [row for _, row in told]}
        for name, told in sorted(by_subject.items())
    ]


def _about(told: list[tuple[Operation, dict[str, Any]]]) -> str:
    """Return the first line of what the subject's module says of itself."""
    module = sys.modules[told[0][0].function.__module__]
    return (module.__doc__ or "").strip().partition("\n")[0]


_FOR = {
    Reach.TENANT: "the tenant of the path",
    Reach.INSTANCE: "the whole instance",
    Reach.CALLER: "what the caller may see",
}


def _row(operation: Operation, told: dict[str, Any], description: dict[str, Any]) -> dict[str, Any]:
    arguments = [
        _argument(
            one["name"],
            one["in"],
            _resolved(one["schema"], description),
            is_required=one.get("required", False),
        )
        for one in told.get("parameters", [])
    ]
    return {
        "method": operation.method,
        "path": API + operation.path,
        "name": operation.name,
        "summary": told.get("summary", ""),
        "needs": str(operation.needs),
        "for": _FOR[operation.reach],
        "arguments": [*arguments, *_body(told, description)],
    }


def _body(told: dict[str, Any], description: dict[str, Any]) -> Iterator[dict[str, Any]]:
    content = told.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return
    schema = _resolved(content["schema"], description)
    required = schema.get("required", [])
    for name, of in schema.get("properties", {}).items():
        yield _argument(name, "body", of, is_required=name in required)


def _argument(
    name: str, place: str, schema: dict[str, Any], *, is_required: bool
) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "type": type_of(schema),
        "is_required": is_required,
        "default": schema.get("default"),
        "limits": limits_of(schema),
    }


def type_of(schema: dict[str, Any]) -> str:
    """Return a JSON schema's type in words.

    >>> type_of({"anyOf": [{"type": "string"}, {"type": "null"}]})
    'string'
    >>> type_of({"type": "array", "items": {"type": "string"}}), type_of({"enum": ["a", "b"]})
    ('list of string', 'a, b')
    """
    if "enum" in schema:
        return ", ".join(str(one) for one in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if "anyOf" in schema:
        kinds = [type_of(one) for one in schema["anyOf"] if one.get("type") != "null"]
        return " or ".join(kinds)
    if schema.get("type") == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    return str(schema.get("type", "any"))


def limits_of(schema: dict[str, Any]) -> str:
    """Return a number's or a text's limits in words, "" for none.

    >>> limits_of({"type": "integer", "minimum": 1, "maximum": 500}), limits_of({"maxLength": 64})
    ('1 to 500', 'at most 64 characters')
    """
    parts = [schema, *schema.get("anyOf", [])]
    found = {name: value for part in parts for name, value in part.items()}
    low, high = found.get("minimum"), found.get("maximum")
    if high is not None and high >= 2**53:
        high = None
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"{low} or more"
    if "maxLength" in found:
        return f"at most {found['maxLength']} characters"
    return ""


def _resolved(schema: Any, description: dict[str, Any]) -> Any:
    """Return a schema with what it refers to in the place of the references."""
    if isinstance(schema, list):
        return [_resolved(one, description) for one in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if reference is not None:
        found = description["components"]["schemas"][str(reference).rpartition("/")[2]]
        schema = {**found, **{name: of for name, of in schema.items() if name != "$ref"}}
    return {name: _resolved(of, description) for name, of in schema.items()}
