"""An app's settings over HTTP: connection, order, schools, mapping, privacy, limits."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from console.service import apps, rules
from shared.domain.roles import Role
from tests.console_site import Browser, ConsoleSite

SIS, LS = "/tenants/oak/apps/sis/settings", "/tenants/oak/apps/ls/settings"
JSON = {"accept": "application/json"}
HOST_KEY = (
    Ed25519PrivateKey.generate()
    .public_key()
    .public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    .decode()
)

pytestmark = pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)


@pytest.fixture
def client(site: ConsoleSite) -> Browser:
    return site.client(Role.DISTRICT_ADMIN)


def rules_of(site: ConsoleSite, app: str) -> dict[str, Any]:
    return site.desk.call(rules.show_app_rules, tenant="oak", app=app)


def post(client: Browser, path: str, /, **fields: object) -> dict[str, Any]:
    """Post a form as a program that asks for the page's data."""
    data = {"csrf_token": client.csrf("/tenants"), **fields}
    return client.post(path, data=data, headers=JSON).json()


def test_every_tab_of_either_app_is_shown(client: Browser) -> None:
    for base in (SIS, LS):
        answer = client.get(f"{base}/connection", headers=JSON).json()
        for tab in answer["tabs"]:
            page = client.get(tab["href"])
            assert page.status_code == 200, tab
            assert f'href="{tab["href"]}" aria-current="page"' in page.text
    # what an export has not says so
    assert "Nothing to set here" in client.get(f"{LS}/mapping").text
    assert client.get(SIS).headers["location"] == f"{SIS}/connection"


def test_secrets_are_written_and_never_shown(site: ConsoleSite, client: Browser, tmp_path) -> None:
    new = tmp_path / "oak" / "new"
    new.mkdir()
    answer = client.submit(f"{LS}/connection", path=str(new), http_token="", action="save")
    assert answer.status_code == 303
    config = site.desk.call(apps.show_app, tenant="oak", app="ls")["config"]
    assert config["path"] == str(new)
    sent = {"path": "", "sftp_host": "files.vendor.example", "sftp_user": "oak", "action": "save"}
    sent |= {"sftp_password": "a secret of the vendor's", "sftp_port": "22"}
    sent |= {"sftp_host_key": HOST_KEY}
    saved = client.submit(f"{LS}/connection", **sent)
    config = site.desk.call(apps.show_app, tenant="oak", app="ls")["config"]
    assert saved.status_code == 303, saved.text
    # a default that nobody has set is not stored
    assert "sftp_port" not in config
    assert config["sftp_password"] == "••••"
    page = client.get(f"{LS}/connection").text
    assert "A value is stored and never shown" in page
    assert "a secret of the vendor" not in page
    # left empty it is kept; ticked it is forgotten, and then it is missed
    again = {**sent, "sftp_password": ""}
    assert client.submit(f"{LS}/connection", **again).status_code == 303
    kept = site.desk.call(apps.show_app, tenant="oak", app="ls")["config"]
    assert kept["sftp_password"] == "••••"
    assert client.submit(f"{LS}/connection", **again, forget="sftp_password").status_code == 422


def test_what_is_wrong_stands_at_its_setting(client: Browser) -> None:
    answer = client.submit(f"{SIS}/connection", path="relative/x.zip", action="save")
    assert answer.status_code == 422
    told = post(client, f"{SIS}/connection", path="relative/x.zip", action="save")
    assert list(told["problems"]) == ["path"]
    assert told["values"]["path"] == "relative/x.zip"
    assert 'href="#f-path"' in answer.text


def test_a_connection_is_tested_with_what_is_not_saved(
    site: ConsoleSite, client: Browser, tmp_path
) -> None:
    before = site.desk.call(apps.show_app, tenant="oak", app="ls")["config"]
    other = tmp_path / "oak" / "other"
    other.mkdir()
    good = client.submit(f"{LS}/connection", path=str(other), action="check")
    assert good.status_code == 200
    assert "The vendor answers" in good.text
    bad = post(client, f"{SIS}/connection", path=str(tmp_path / "oak" / "none.zip"), action="check")
    assert bad["check"]["is_well"] is False
    assert site.desk.call(apps.show_app, tenant="oak", app="ls")["config"] == before


def test_the_order_of_apps(site: ConsoleSite, client: Browser, tmp_path) -> None:
    settings = {"path": str(tmp_path)}
    wish = apps.NewApp(connector="oneroster_csv", name="hr", settings=settings)
    site.desk.call(apps.add_app, tenant="oak", wish=wish)
    saved = client.submit(f"{SIS}/order", after="hr", upstream_failed="skip")
    assert saved.status_code == 303
    shown = site.desk.call(apps.show_app, tenant="oak", app="sis")
    assert (shown["after"], shown["upstream_failed"]) == ("hr", "skip")
    circle = post(client, "/tenants/oak/apps/hr/settings/order", after="sis", upstream_failed="run")
    assert "wait for each other" in circle["order_problems"]["after"]
    assert client.submit(f"{SIS}/order", after="", upstream_failed="x").status_code == 422


def test_schools_and_filters_do_not_undo_each_other(site: ConsoleSite, client: Browser) -> None:
    fields = {"scope": "some", "others": "120\n125", "names": "", "action": "save"}
    assert client.submit(f"{SIS}/schools", **fields).status_code == 303
    assert client.submit(f"{SIS}/filters", grades="09, 10", roles=["student"]).status_code == 303
    found = rules_of(site, "sis")["filters"]
    assert {name: sorted(value) for name, value in found.items()} == {
        "schools": ["120", "125"], "grades": ["09", "10"], "roles": ["student"],
    }  # fmt: skip
    assert client.submit(f"{SIS}/schools", **{**fields, "scope": "all"}).status_code == 303
    assert rules_of(site, "sis")["filters"]["schools"] == []
    assert rules_of(site, "sis")["filters"]["roles"] == ["student"]


def test_wrong_schools_are_named(client: Browser) -> None:
    none = post(client, f"{SIS}/schools", scope="some", others="", names="")
    assert list(none["problems"]) == ["schools"]
    unknown = post(client, f"{SIS}/schools", scope="all", others="", names="LHS = Lincoln")
    assert "Lincoln" in unknown["problems"]["names"]
    half = post(client, f"{SIS}/schools", scope="all", others="", names="LHS")
    assert "names no two schools" in half["problems"]["names"]
    export = post(client, f"{LS}/schools", scope="some", others="Lincoln")
    assert "Lincoln" in export["problems"]["schools"]


def test_a_vendor_that_does_not_tell_its_schools_says_why(client: Browser) -> None:
    told = post(client, f"{SIS}/schools", scope="all", others="", names="", action="look-up")
    assert told["look_up_problem"]
    assert told["options"] == []


def test_mapping_names_the_row_that_is_wrong(site: ConsoleSite, client: Browser) -> None:
    rows = {"rule": ["users.email", "users.phone", ""], "expression": ["username", "nobody()", ""]}
    refused = client.submit(f"{SIS}/mapping", **rows, action="save")
    assert refused.status_code == 422
    assert 'href="#f-expression-1"' in refused.text
    rows["expression"][1] = "sms"
    assert client.submit(f"{SIS}/mapping", **rows, action="save").status_code == 303
    wanted = {"users.email": "username", "users.phone": "sms"}
    assert rules_of(site, "sis")["attributes"] == wanted
    tried = client.submit(f"{SIS}/mapping", **rows, action="try")
    assert "no record of users yet" in tried.text
    rows["expression"] = ["", "", ""]
    assert client.submit(f"{SIS}/mapping", **rows, action="save").status_code == 303
    assert rules_of(site, "sis")["attributes"] == {}


def test_ownership_and_matching(site: ConsoleSite, client: Browser) -> None:
    rows = {"rule": ["users.email", "users"], "worth": ["fill", "owner"]}
    assert client.submit(f"{SIS}/ownership", **rows).status_code == 303
    assert rules_of(site, "sis")["fields"] == {"users.email": "fill", "users": "owner"}
    wrong = post(client, f"{SIS}/ownership", rule=["users"], worth=["fill"])
    assert len(wrong["problems"]) == 1
    fields = {"matching": ["email", "sis_id", ""], "domains": "oakfield.example"}
    assert client.submit(f"{SIS}/matching", **fields).status_code == 303
    assert rules_of(site, "sis")["matching"] == ["email", "sis_id"]
    assert rules_of(site, "sis")["verified_email_domains"] == ["oakfield.example"]


def test_limits(site: ConsoleSite, client: Browser) -> None:
    fields = {
        "percent": "5", "at_least": "20", "approval_days": "14", "grace_days": "90",
        "kind": ["users", "orgs"], "kind_percent": ["30", ""], "kind_at_least": ["", ""],
    }  # fmt: skip
    assert client.submit(f"{SIS}/limits", **fields).status_code == 303
    found = rules_of(site, "sis")
    assert found["limit"] == {"percent": 5.0, "at_least": 20}
    assert found["limits"] == {"users": {"percent": 30.0, "at_least": 5}}
    assert (found["approval_days"], found["grace_days"]) == (14, 90)
    page = client.get(f"{SIS}/limits").text
    assert 'value="30"' in page
    wrong = post(client, f"{SIS}/limits", **{**fields, "approval_days": "400"})
    assert list(wrong["problems"]) == ["approval_days"]
    wrong = post(client, f"{SIS}/limits", **{**fields, "kind_percent": ["130", ""]})
    assert list(wrong["problems"]) == ["percent-users"]


def test_privacy_sends_what_is_chosen_and_no_more(site: ConsoleSite, client: Browser) -> None:
    shown = client.get(f"{LS}/privacy", headers=JSON).json()
    assert {one["kind"] for one in shown["kinds"]} >= {"orgs", "users"}
    rows = {
        "scope": "some",
        "rule": ["orgs", "users.sourcedId", "users.givenName", "users.familyName", "users.email"],
        "mask": ["plain", "hash", "initial", "constant:", ""],
        "text": ["", "", "", "Student", ""],
    }
    assert client.submit(f"{LS}/privacy", **rows).status_code == 303
    assert rules_of(site, "ls")["sends"] == {
        "orgs": "plain", "users.sourcedId": "hash", "users.givenName": "initial",
        "users.familyName": "constant:Student",
    }  # fmt: skip
    again = client.get(f"{LS}/privacy").text
    assert 'value="Student"' in again
    wrong = post(
        client, f"{LS}/privacy", scope="some",
        rule=["users.sourcedId"], mask=["initial"], text=[""],
    )  # fmt: skip
    assert list(wrong["problems"]) == ["users.sourcedId"]
    nothing = post(client, f"{LS}/privacy", scope="some", rule=["orgs"], mask=["hide"], text=[""])
    assert list(nothing["problems"]) == ["scope"]
    assert client.submit(f"{LS}/privacy", **{**rows, "scope": "all"}).status_code == 303
    assert rules_of(site, "ls")["sends"] == {}


def test_the_districts_own_rules(site: ConsoleSite, client: Browser) -> None:
    page = "/tenants/oak/settings"
    rows = {
        "kind": ["users", ""], "field": ["email", ""], "reason": ["not one of ours", ""],
        "expression": ["email.endsWith('@oakfield.example')", ""],
        "unique": ["users.username", "users.email", ""],
    }  # fmt: skip
    assert client.submit(page, **rows).status_code == 303
    found = site.desk.call(rules.show_tenant_rules, tenant="oak")
    assert [one["reason"] for one in found["quality"]] == ["not one of ours"]
    assert sorted(found["unique"]) == ["users.email", "users.username"]
    wrong = {**rows, "expression": ["nobody(", ""]}
    assert list(post(client, page, **wrong)["problems"]) == ["expression-0"]
    assert list(post(client, page, **{**rows, "kind": ["pets", ""]})["problems"]) == ["kind-0"]
    none = {name: [""] for name in rows}
    assert client.submit(page, **none).status_code == 303
    found = site.desk.call(rules.show_tenant_rules, tenant="oak")
    assert found == {"quality": [], "unique": []}
