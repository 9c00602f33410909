"""Every route of the tables, asked by everybody: a new route cannot escape these tests."""

from __future__ import annotations

import pytest

from console.service.catalog import catalog
from console.service.operation import Reach
from console.web.page import Access
from console.web.pages import every_page
from console.web.routing import API
from shared.domain.roles import PERMISSIONS, Permission, Role
from tests.console_site import Browser, ConsoleSite

#: Routes that are in no table: they are public, or judge by themselves and have tests of their own.
OTHERS = {
    "/healthz", "/static/{path:path}", "/drop/{tenant}/{app}/{token}/{file}",
    "/drop/{tenant}/{app}/{file}", "/tenants/{tenant}/live", "/live", "/api/v1/openapi.json",
}  # fmt: skip
ROLES = (Role.VIEWER, Role.OPERATOR, Role.DISTRICT_ADMIN, Role.ADMINISTRATOR)
SAFE = {"GET", "HEAD"}
#: What stands in the path, where it must be a number or one of some words.
FILLED = {"tenant": "oak", "app": "sis", "mode": "full", "kind": "users", "section": "schedule"}

pytestmark = pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)


def filled(path: str, tenant: str = "oak") -> str:
    """Return a path with something in the place of each name; ids are of nothing."""
    for part in path.split("/"):
        if part.startswith("{"):
            name = part.strip("{}").partition(":")[0]
            path = path.replace(part, tenant if name == "tenant" else FILLED.get(name, "999999"))
    return path


def may(role: Role, needs: Permission | Access | None, *, is_tenants: bool) -> bool:
    """Say by the table of roles alone whether somebody with the role in oak may ask."""
    if not isinstance(needs, Permission):
        return True
    return needs in PERMISSIONS[role] and (is_tenants or role is Role.ADMINISTRATOR)


def test_every_route_is_of_a_table(site: ConsoleSite) -> None:
    known = {page.path for page in every_page()} | {API + one.path for one in catalog()}
    assert {route.path for route in site.app.routes} - known == OTHERS


def test_each_operation_is_for_whom_its_row_says(site: ConsoleSite) -> None:
    for role in ROLES:
        client, token = site.client(), site.token_of(role)
        for one in catalog():
            needs = None if one.reach is Reach.CALLER else one.needs
            answer = client.request(
                one.method, API + filled(one.path), headers={"authorization": f"Bearer {token}"}
            )
            told = f"{role} {one.method} {one.path}: {answer.status_code} {answer.text[:300]}"
            is_tenants = one.reach is Reach.TENANT
            assert (answer.status_code == 403) != may(role, needs, is_tenants=is_tenants), told
            assert answer.status_code != 401, told
            assert answer.status_code < 500, told


def test_each_page_is_for_whom_its_row_says(site: ConsoleSite) -> None:
    for role in ROLES:
        for page in every_page():
            client = site.client(role)
            answer = ask(client, page.method, filled(page.path))
            told = f"{role} {page.method} {page.path}: {answer.status_code} {answer.text[:300]}"
            allowed = may(role, page.needs, is_tenants=page.has_tenant)
            assert (answer.status_code == 403) != allowed, told
            assert answer.status_code < 500, told


def ask(client: Browser, method: str, path: str, **headers: str):
    """Ask for a page as a browser that has got the session's token does."""
    data = None if method in SAFE else {"csrf_token": client.csrf("/tenants")}
    return client.request(method, path, data=data, headers=headers)


def test_without_a_session_there_is_the_sign_in_and_nothing_else(site: ConsoleSite) -> None:
    client = site.client()
    for page in every_page():
        if page.needs is Access.PUBLIC:
            continue
        answer = client.request(page.method, filled(page.path))
        assert answer.status_code == 303, page.path
        assert answer.headers["location"].startswith("/sign-in"), page.path
        told = client.request(
            page.method, filled(page.path), headers={"accept": "application/json"}
        )
        assert told.status_code == 401, page.path
    for one in catalog():
        answer = client.request(one.method, API + filled(one.path))
        assert answer.status_code == 401, one.path
        assert answer.headers["content-type"] == "application/problem+json", one.path


def test_nobody_changes_anything_without_the_token_of_the_session(site: ConsoleSite) -> None:
    client = site.client(Role.ADMINISTRATOR)
    other = site.client(Role.ADMINISTRATOR).csrf("/tenants")
    changing = [page for page in every_page() if not page.is_safe]
    assert changing
    for page in changing:
        if page.needs is Access.PUBLIC:
            continue
        for data in ({}, {"csrf_token": "guessed"}, {"csrf_token": "gué"}, {"csrf_token": other}):
            answer = client.request(page.method, filled(page.path), data=data)
            assert answer.status_code == 403, f"{page.path} {data}"
    for one in catalog():
        if one.method in SAFE:
            continue
        for headers in ({}, {"x-csrf-token": "guessed"}, {"x-csrf-token": other}):
            answer = client.request(one.method, API + filled(one.path), headers=headers)
            assert answer.status_code == 403, f"{one.path} {headers}"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
    ],
)
def test_nothing_is_changed_from_another_site(site: ConsoleSite, headers: dict[str, str]) -> None:
    client = site.client(Role.ADMINISTRATOR)
    token = client.csrf("/tenants")
    for page in every_page():
        if not page.is_safe:
            data = {"csrf_token": token}
            answer = client.request(page.method, filled(page.path), data=data, headers=headers)
            assert answer.status_code == 403, page.path


def test_another_tenant_is_told_as_one_that_is_not_there(site: ConsoleSite) -> None:
    stranger = site.client("stranger")
    token = site.token_of("stranger")
    for page in every_page():
        if page.has_tenant:
            theirs = ask(stranger, page.method, filled(page.path, "oak"))
            none = ask(stranger, page.method, filled(page.path, "nowhere"))
            assert theirs.status_code == none.status_code == 404, page.path
            said = theirs.text.replace("oak", "nowhere")
            assert said.count("nowhere") == none.text.count("nowhere"), page.path
    client = site.client()
    headers = {"authorization": f"Bearer {token}"}
    for one in catalog():
        if one.reach is Reach.TENANT:
            theirs = client.request(one.method, API + filled(one.path, "oak"), headers=headers)
            none = client.request(one.method, API + filled(one.path, "nowhere"), headers=headers)
            assert theirs.status_code == none.status_code == 404, one.path
            assert theirs.json() == {
                **none.json(), "detail": theirs.json()["detail"], "problem": theirs.json()["problem"]
            }  # fmt: skip
            assert theirs.text.replace("oak", "nowhere") == none.text, one.path


def test_streams_are_for_who_may_see(site: ConsoleSite) -> None:
    for name, path, status in (
        (None, "/tenants/oak/live", 204),
        ("stranger", "/tenants/oak/live", 204),
        (Role.DISTRICT_ADMIN, "/live", 204),
    ):
        assert site.client(name).get(path).status_code == status, (name, path)


def test_there_is_a_way_from_a_district_to_the_others(site: ConsoleSite) -> None:
    there = 'href="/tenants">Districts<'
    boss = site.client("administrator").get("/tenants/oak").text
    assert there in boss
    assert 'href="/operators"' in boss
    alone = site.client("district_admin").get("/tenants/oak").text
    assert there not in alone
    assert 'href="/operators"' not in alone


def test_an_error_keeps_the_pages_of_the_district(site: ConsoleSite) -> None:
    answer = site.client("viewer").get("/tenants/oak/jobs/999999")
    assert answer.status_code == 404
    assert 'href="/tenants/oak/timeline"' in answer.text
    assert "There is no job 999999." in answer.text
    assert "bellringer jobs" not in answer.text
    foreign = site.client("stranger").get("/tenants/oak/jobs/999999")
    assert "/tenants/oak/timeline" not in foreign.text
