"""What every answer says to a browser, and what is refused before anything else."""

from __future__ import annotations

import pytest

from console.web.app import build
from console.web.headers import MAX_BODY, POLICY
from console.web.pages import every_page
from shared.domain.roles import Role
from tests.console_site import PASSWORD, Browser, ConsoleSite
from tests.integration.console.test_access import filled

pytestmark = pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)


def test_every_answer_has_the_headers(site: ConsoleSite) -> None:
    client = site.client(Role.ADMINISTRATOR)
    paths = [filled(page.path) for page in every_page() if page.is_safe]
    for path in [*paths, "/healthz", "/api/v1/tenants", "/nowhere", "/static/console.css"]:
        headers = client.get(path).headers
        assert headers["content-security-policy"] == POLICY, path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "DENY", path
        assert headers["referrer-policy"] == "same-origin", path
        if not path.startswith("/static/"):
            assert headers["cache-control"] == "no-store", path


def test_a_strange_name_is_not_answered(site: ConsoleSite) -> None:
    client = site.client(Role.ADMINISTRATOR)
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", ""):
        assert client.get("/tenants", headers={"host": host}).status_code == 421, host
        assert client.get("/healthz", headers={"host": host}).status_code == 200, host


def test_this_machine_is_answered_by_its_own_names(site: ConsoleSite) -> None:
    for host in ("localhost", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST"):
        assert site.client().get("/sign-in", headers={"host": host}).status_code == 200, host


def test_a_large_body_is_refused_whether_it_says_so_or_not(site: ConsoleSite) -> None:
    client = site.client()
    large = b"x" * (MAX_BODY + 1)
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/sign-in", content=large, headers=form).status_code == 413
    answer = client.post("/sign-in", content=iter([large]), headers=form)
    assert answer.status_code == 413


def test_files_are_kept_by_their_content(site: ConsoleSite) -> None:
    client = site.client()
    page = client.get("/sign-in").text
    path = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    assert "immutable" in client.get(path).headers["cache-control"]
    assert client.get("/static/console.css").headers["cache-control"] == "no-cache"
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/nothing.css"):
        assert client.get(path).status_code == 404


def test_errors_are_pages_to_people_and_problems_to_programs(site: ConsoleSite) -> None:
    client = site.client(Role.ADMINISTRATOR)
    page = client.get("/nowhere")
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    told = client.get("/nowhere", headers={"accept": "application/json"})
    assert told.headers["content-type"] == "application/problem+json"
    assert told.json()["status"] == 404
    wrong = client.post(
        "/api/v1/tenants",
        json={"tenant": "oak", "colour": "red"},
        headers={"x-csrf-token": client.csrf("/tenants")},
    )
    assert wrong.status_code == 422
    assert wrong.json()["field"] == "colour"
    assert "red" not in wrong.text, "what was given may be a secret"


def test_a_page_is_json_to_who_asks_for_it(site: ConsoleSite) -> None:
    client = site.client(Role.ADMINISTRATOR)
    told = client.get("/tenants", headers={"accept": "application/json"})
    assert told.headers["content-type"] == "application/json"
    assert [one["tenant"] for one in told.json()["tenants"]] == ["elm", "oak"]


def test_the_cookie_goes_over_tls_alone_where_the_console_has_it(site: ConsoleSite) -> None:
    settings = site.settings.model_copy(update={"console_url": "https://console.example"})
    site.app = build(settings, site.database, lambda _: None)
    site.add_account("boss", (Role.VIEWER, "oak"), password=True)
    client = site.client()
    client.base_url = "https://console.example"
    answer = client.post("/sign-in", data={"name": "boss", "password": PASSWORD})
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-bellringer=")
    for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie
    assert "max-age=31536000" in answer.headers["strict-transport-security"]


def test_what_repeats_the_request_is_not_packed(site: ConsoleSite) -> None:
    client = site.client(Role.ADMINISTRATOR)
    packed = {
        path: client.get(path).headers.get("content-encoding")
        for path in (
            "/tenants",
            "/tenants?search=x",
            "/static/console.css",
            "/static/console.css?v=1",
        )
    }
    assert packed == {
        "/tenants": "gzip",
        "/tenants?search=x": None,
        "/static/console.css": "gzip",
        "/static/console.css?v=1": "gzip",
    }
    assert (
        client.post("/sign-in", data={"name": "x" * 2000}).headers.get("content-encoding") is None
    )


def test_a_fault_of_ours_tells_nothing_and_has_the_headers_too(site: ConsoleSite) -> None:
    def broken() -> None:
        raise KeyError("somebody's name")

    site.app.add_api_route("/broken", broken)
    client = Browser(site.app, raise_server_exceptions=False)
    for accept, kind in (("text/html", "text/html"), ("application/json", "application/problem")):
        answer = client.get("/broken", headers={"accept": accept})
        assert answer.status_code == 500
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["cache-control"] == "no-store"
        assert "somebody" not in answer.text


def test_a_notice_that_is_not_ours_is_none(site: ConsoleSite) -> None:
    client = site.client(Role.ADMINISTRATOR)
    for forged in ("%C3%A9:read this", "0:read this", "%ED%A0%80:read this"):
        client.cookies.set("bellringer_notice", forged)
        answer = client.get("/tenants")
        assert answer.status_code == 200
        assert "read this" not in answer.text
        client.cookies.delete("bellringer_notice")
