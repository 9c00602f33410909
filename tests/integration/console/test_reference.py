"""The API's reference: as OpenAPI and as a page, complete, and for whoever has signed in."""

from __future__ import annotations

import pytest

from console.service.catalog import catalog
from shared.domain.roles import Permission, Role
from tests.console_site import ConsoleSite

pytestmark = pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)


def test_it_tells_every_operation_to_who_has_signed_in(site: ConsoleSite) -> None:
    stranger = site.client()
    assert stranger.get("/api/docs").headers["location"].startswith("/sign-in")
    refused = stranger.get("/api/v1/openapi.json")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")

    page = site.client(Role.VIEWER).get("/api/docs")
    assert page.status_code == 200
    token = site.token_of(Role.VIEWER, Permission.VIEW)
    told = stranger.get("/api/v1/openapi.json", headers={"authorization": f"Bearer {token}"}).json()
    assert told["openapi"].startswith("3.")
    for one in catalog():
        described = told["paths"]["/api/v1" + one.path][one.method.lower()]
        assert described["summary"], one.name
        assert described["x-needs"] == one.needs, one.name
        assert f'id="{one.name}"' in page.text, one.name
    named = [one["operationId"] for path in told["paths"].values() for one in path.values()]
    assert len(named) == len(set(named)) == len(catalog())
    assert {path for path in told["paths"] if not path.startswith("/api/v1/")} == set()


def test_an_argument_is_told_as_it_is_checked(site: ConsoleSite) -> None:
    viewer = site.client(Role.VIEWER)
    told = viewer.get("/api/docs", headers={"accept": "application/json"}).json()
    rows = {one["name"]: one for subject in told["subjects"] for one in subject["operations"]}
    arguments = {one["name"]: one for one in rows["read_tenant_audit"]["arguments"]}
    assert (arguments["tenant"]["in"], arguments["tenant"]["is_required"]) == ("path", True)
    assert (arguments["limit"]["limits"], arguments["limit"]["default"]) == ("1 to 500", 50)
    assert arguments["outcome"]["type"] == "allowed, denied, failed"
    body = {one["name"]: one for one in rows["create_token"]["arguments"]}
    assert (body["scopes"]["in"], body["scopes"]["is_required"]) == ("body", True)
