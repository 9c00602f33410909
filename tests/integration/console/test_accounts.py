"""Accounts, tokens and the audit log over HTTP: pages, API, and what each of them refuses."""

from __future__ import annotations

import re

import pytest

from shared.db.accounts import require_new_password
from shared.domain.roles import Permission, Role
from tests.console_site import PASSWORD, Browser, ConsoleSite

pytestmark = pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)

NEW_PASSWORD = "lantern gravel otter"


def link_of(text: str) -> str:
    """Return the path of the link that a page shows."""
    found = re.search(r'id="link">http://testserver(/welcome/[^<]+)<', text)
    assert found, text
    return found[1]


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_a_district_admin_adds_somebody_who_sets_the_password_alone(site: ConsoleSite) -> None:
    admin = site.client(Role.DISTRICT_ADMIN)
    made = admin.submit("/tenants/oak/accounts", name="Pat@Example.org", role="operator")
    assert made.status_code == 200
    link = link_of(made.text)
    assert "pat@example.org" in admin.get("/tenants/oak/accounts").text
    assert link not in admin.get("/tenants/oak/accounts").text, "a link is shown once"

    pat = Browser(site.app, follow_redirects=False)
    assert "pat@example.org" in pat.get(link).text
    weak = pat.post(link, data={"password": "short"})
    assert weak.status_code == 422
    assert 'aria-invalid="true"' in weak.text
    entered = pat.post(link, data={"password": NEW_PASSWORD})
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert pat.get("/tenants/oak").status_code in (200, 404)
    assert pat.get("/tenants").status_code == 200
    assert pat.get("/tenants/oak/accounts").status_code == 403
    assert Browser(site.app).get(link).status_code == 404, "it works once"


def test_nobody_gives_more_than_they_have(site: ConsoleSite) -> None:
    admin = site.client(Role.DISTRICT_ADMIN)
    for role in ("administrator", "emperor"):
        refused = admin.submit("/tenants/oak/accounts", name="sam", role=role)
        assert refused.status_code in (403, 422), role
    assert "sam" not in admin.get("/tenants/oak/accounts").text
    # of another district's account nothing is told, whatever is asked
    for path in ("", "/role", "/take", "/disable", "/enable", "/link"):
        url = f"/tenants/oak/accounts/stranger{path}"
        answer = admin.submit(url, role="viewer") if path else admin.get(url)
        assert answer.status_code == 404, path
    assert site.client("stranger").get("/tenants/elm/accounts").status_code == 200


def test_who_serves_two_districts_is_managed_by_who_governs_both(site: ConsoleSite) -> None:
    site.add_account("both", (Role.VIEWER, "oak"), (Role.VIEWER, "elm"), password=True)
    admin = site.client(Role.DISTRICT_ADMIN)
    shown = admin.get("/tenants/oak/accounts/both", headers={"accept": "application/json"}).json()
    assert shown["account"]["roles"] == [{"role": "viewer", "tenant": "oak"}], "elm's is not told"
    for path in ("disable", "link"):
        assert admin.submit(f"/tenants/oak/accounts/both/{path}").status_code == 403, path
    log = admin.get("/tenants/oak/audit?outcome=denied", headers={"accept": "application/json"})
    assert [one["action"] for one in log.json()["entries"]] == [
        "make_member_link",
        "disable_member",
    ]
    assert admin.submit("/tenants/oak/accounts/both/take").status_code == 303
    assert site.client("both").get("/tenants/elm/timeline").status_code == 200


def test_a_role_is_changed_and_taken_and_an_account_disabled(site: ConsoleSite) -> None:
    admin, viewer = site.client(Role.DISTRICT_ADMIN), site.client(Role.VIEWER)
    at = "/tenants/oak/accounts/viewer"
    assert viewer.get("/tenants").status_code == 200
    assert admin.submit(f"{at}/role", role="operator").status_code == 303
    assert viewer.get("/tenants").status_code == 303, "who may something else signs in anew"
    shown = admin.get(at, headers={"accept": "application/json"}).json()
    assert shown["account"]["roles"] == [{"role": "operator", "tenant": "oak"}]
    assert admin.submit(f"{at}/disable").status_code == 303
    assert "disabled" in admin.get(at).text
    assert admin.submit(f"{at}/link").status_code == 422, "a link to a disabled account"
    assert admin.submit(f"{at}/enable").status_code == 303
    assert admin.submit(f"{at}/take").status_code == 303
    assert admin.get(at).status_code == 404


def test_the_last_administrator_stays_one(site: ConsoleSite) -> None:
    site.add_account("root", (Role.ADMINISTRATOR, None), password=True)
    root = site.client("root")
    for path, fields in (("disable", {}), ("take", {"tenant": ""}),
                         ("role", {"role": "viewer", "tenant": ""})):  # fmt: skip
        refused = root.submit(f"/accounts/root/{path}", **fields)
        assert refused.status_code == 422, path
        assert "last administrator" in refused.text, path
    made = root.submit("/accounts", name="kim", role="viewer", tenant="nowhere")
    assert made.status_code == 422
    assert "there is no tenant" in made.text
    assert root.submit("/accounts", name="kim", role="viewer", tenant="elm").status_code == 200
    assert root.submit("/accounts/kim/role", role="operator", tenant="oak").status_code == 303
    told = root.get("/accounts/kim", headers={"accept": "application/json"}).json()
    assert len(told["account"]["roles"]) == 2


def test_a_token_is_shown_once_works_and_is_revoked(site: ConsoleSite) -> None:
    operator = site.client(Role.OPERATOR)
    none = operator.submit("/account/tokens", page="/account", name="nightly", days="30")
    assert none.status_code == 422
    more = operator.submit("/account/tokens", page="/account", name="x", days="30",
                           scopes="configure")  # fmt: skip
    assert more.status_code == 422
    made = operator.submit("/account/tokens", page="/account", name="nightly", days="30",
                           scopes=["view", "operate"], tenant="oak")  # fmt: skip
    assert made.status_code == 200
    found = re.search(r'id="token">(blr_[^<]+)<', made.text)
    assert found
    assert found[1] not in operator.get("/account").text
    api = site.client()
    assert api.get("/api/v1/tenants/oak", headers=bearer(found[1])).status_code == 200
    assert api.get("/api/v1/tenants/elm", headers=bearer(found[1])).status_code == 404
    [listed] = api.get("/api/v1/tokens", headers=bearer(found[1])).json()
    assert (listed["name"], listed["state"]) == ("nightly", "valid")
    assert "token" not in listed
    viewer = site.client(Role.VIEWER)
    not_theirs = viewer.submit(f"/account/tokens/{listed['id']}/revoke", page="/account")
    assert not_theirs.status_code == 404
    revoked = operator.submit(f"/account/tokens/{listed['id']}/revoke", page="/account")
    assert revoked.status_code == 303
    assert api.get("/api/v1/tenants/oak", headers=bearer(found[1])).status_code == 401


def test_passwords_and_sessions_are_ones_own(site: ConsoleSite) -> None:
    site.add_account("lee", (Role.VIEWER, "oak"), password=True)
    here, there = site.client("lee"), site.client("lee")
    wrong = here.submit("/account/password", page="/account",
                        current_password="not this one 1", password=NEW_PASSWORD)  # fmt: skip
    assert wrong.status_code == 422
    assert "f-current_password-error" in wrong.text
    changed = here.submit("/account/password", page="/account",
                          current_password=PASSWORD, password=NEW_PASSWORD)  # fmt: skip
    assert changed.status_code == 303
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 303, "all others are signed out"
    other = site.client("lee")
    shown = here.get("/account", headers={"accept": "application/json"}).json()
    [digest] = [one["session"] for one in shown["sessions"] if not one["is_this"]]
    assert here.submit("/account/sessions/end", page="/account", session=digest).status_code == 303
    assert other.get("/account").status_code == 303
    assert here.submit("/account/sessions/end-all", page="/account").status_code == 303
    assert here.get("/account").status_code == 303


def test_who_must_change_the_password_does_nothing_else_before(site: ConsoleSite) -> None:
    account_id = site.add_account("lee", (Role.VIEWER, "oak"), password=True)
    with site.database.write() as connection:
        require_new_password(connection, account_id)
    lee = site.client("lee")
    answer = lee.get("/tenants")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert lee.get("/api/v1/tenants").status_code == 403
    assert lee.submit("/account/password", page="/account", current_password=PASSWORD,
                      password=NEW_PASSWORD).status_code == 303  # fmt: skip
    assert lee.get("/tenants").status_code == 200


def test_the_audit_log_tells_what_was_done_and_denied_page_by_page(site: ConsoleSite) -> None:
    admin = site.client(Role.DISTRICT_ADMIN)
    for number in range(3):
        admin.submit("/tenants/oak/accounts", name=f"new{number}", role="viewer")
    token = site.token_of(Role.VIEWER, Permission.VIEW)
    api = site.client()
    url = "/api/v1/tenants/oak/apps/sis/pause"
    assert api.post(url, headers=bearer(token), json={}).status_code == 403
    page = admin.get("/tenants/oak/audit", headers={"accept": "application/json"}).json()
    denied = page["entries"][0]
    assert (denied["action"], denied["outcome"], denied["account"]) == (
        "pause_app", "denied", "viewer"
    )  # fmt: skip
    assert "add_member" in {entry["action"] for entry in page["entries"]}
    mine = "/tenants/oak/audit?account=DISTRICT_ADMIN&action=add_member&outcome=allowed"
    assert admin.get(mine).text.count("add member") == 3
    assert admin.get("/tenants/oak/audit?outcome=odd").status_code == 422
    headers = bearer(site.token_of(Role.DISTRICT_ADMIN))
    first = api.get("/api/v1/tenants/oak/audit?limit=2", headers=headers).json()
    rest = api.get(
        f"/api/v1/tenants/oak/audit?limit=500&before={first['before']}", headers=headers
    ).json()
    ids = [entry["id"] for entry in first["entries"] + rest["entries"]]
    assert ids == sorted(set(ids), reverse=True)
    assert rest["before"] is None
    assert admin.get("/audit").status_code == 403
    assert site.client(Role.ADMINISTRATOR).get("/audit").status_code == 200


def test_the_audit_log_names_roles_accounts_and_settings_and_no_secret(site: ConsoleSite) -> None:
    headers = bearer(site.token_of(Role.ADMINISTRATOR))
    api = site.client()
    oak = "/api/v1/tenants/oak"
    api.post(f"{oak}/accounts", json={"name": "kim", "role": "viewer"}, headers=headers)
    api.put(f"{oak}/accounts/kim/role", json={"role": "operator"}, headers=headers)
    api.delete("/api/v1/accounts/kim/role?tenant=oak", headers=headers)
    secret = {"http_token": "canary" * 8}
    api.patch(f"{oak}/apps/ls", json={"settings": secret}, headers=headers)
    api.patch(f"{oak}/apps/ls/rules", json={"rules": {"limits": None}}, headers=headers)
    wanted = {"name": "canary", "scopes": ["view"], "tenant": "oak", "days": 3}
    api.post("/api/v1/tokens", json=wanted, headers=headers)
    told = api.get("/api/v1/audit", headers=headers)
    details = {entry["action"]: entry["detail"] for entry in told.json()["entries"]}
    assert details["add_member"]["values"] == {"name": "kim", "role": "viewer"}
    assert details["give_member_role"]["values"] == {"role": "operator"}
    assert details["take_role"]["values"] == {"tenant": "oak"}
    assert details["change_app"] == {"given": ["settings.http_token"]}
    assert details["change_app_rules"] == {"given": ["rules.limits"]}
    assert details["create_token"]["values"] == {"scopes": ["view"], "tenant": "oak", "days": 3}
    assert "canary" not in told.text
    page = site.client(Role.ADMINISTRATOR).get("/audit").text
    assert "role operator" in page
    assert "settings.http_token" in page
    assert "canary" not in page


def test_a_page_that_is_denied_is_written_down(site: ConsoleSite) -> None:
    assert site.client(Role.VIEWER).get("/tenants/oak/apps/sis/settings/mapping").status_code == 403
    headers = bearer(site.token_of(Role.ADMINISTRATOR))
    entry = site.client().get("/api/v1/audit?outcome=denied", headers=headers).json()["entries"][0]
    assert entry["account"] == "viewer"
    assert entry["tenant"] == "oak"
    assert entry["target"] == "/tenants/oak/apps/sis/settings/mapping"
