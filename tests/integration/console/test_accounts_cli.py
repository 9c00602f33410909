"""`bellringer accounts`, `tokens` and `audit`, by whoever owns the database."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from console.cli.main import run
from shared.domain.roles import Role
from tests.console_site import Browser, ConsoleSite

pytestmark = pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)

Command = Callable[..., Any]


@pytest.fixture
def command(site: ConsoleSite, monkeypatch, capsys) -> Command:
    """Run a command on the site's database; return its JSON, or the line of its refusal."""
    url = site.database.url.render_as_string(hide_password=False)
    monkeypatch.setenv("BELLRINGER_DATABASE_URL", url)
    monkeypatch.setenv("BELLRINGER_CONSOLE_URL", "https://console.example.org/")

    def run_it(*words: str, code: int = 0) -> Any:
        ended = run([*words, "--json"])
        out, err = capsys.readouterr()
        assert ended == code, (words, out, err)
        return err if code else json.loads(out)

    return run_it


def test_an_account_from_its_link_to_its_end(site: ConsoleSite, command: Command) -> None:
    made = command("accounts", "add", "Kim", "--role", "operator", "--tenant", "oak")
    assert made["roles"] == [{"role": "operator", "tenant": "oak"}]
    link = made["link"]["link"]
    assert link.startswith("https://console.example.org/welcome/")
    renewed = command("accounts", "link", "kim")["link"]
    assert renewed != link
    browser = Browser(site.app, follow_redirects=False)
    old, new = (one.removeprefix("https://console.example.org") for one in (link, renewed))
    assert browser.get(old).status_code == 404
    entered = browser.post(new, data={"password": "lantern gravel otter"})
    assert entered.status_code == 303
    assert command("accounts", "grant", "kim", "--role", "administrator")["roles"][-1] == {
        "role": "administrator", "tenant": None
    }  # fmt: skip
    assert len(command("accounts", "revoke", "kim", "--tenant", "oak")["roles"]) == 1
    assert "last administrator" in command("accounts", "disable", "kim", code=2)
    command("accounts", "grant", "viewer", "--role", "viewer")
    assert command("accounts", "disable", "viewer", "--tenant", "oak")["is_disabled"]
    assert not command("accounts", "enable", "viewer", "--tenant", "oak")["is_disabled"]
    listed = {one["name"] for one in command("accounts", "list")}
    assert {"kim", "stranger", *map(str, Role)} == listed - {"nobody"}
    assert "stranger" not in {one["name"] for one in command("accounts", "list", "--tenant", "oak")}


def test_what_is_wrong_names_the_option(command: Command) -> None:
    for words, told in (
        (("accounts", "add", "kim", "--role", "emperor"), "--role"),
        (("accounts", "add", "k m", "--role", "viewer"), "name"),
        (("accounts", "add", "kim", "--role", "viewer", "--tenant", "nowhere"), "nowhere"),
        (("accounts", "add", "viewer", "--role", "viewer", "--tenant", "oak"), "taken"),
        (("accounts", "add", "kim", "--role", "administrator", "--tenant", "oak"), "no tenant"),
        (("accounts", "link", "kim"), "none of this name"),
        (("accounts", "disable", "stranger", "--tenant", "oak"), "none of this name"),
        (("tokens", "create", "x", "--scope", "view"), "account"),
        (("tokens", "create", "x", "--scope", "rule", "--account", "viewer"), "--scope"),
        (("tokens", "revoke", "7"), "token"),
    ):
        assert told in command(*words, code=2), words


def test_a_token_is_printed_once_and_revoked(site: ConsoleSite, command: Command) -> None:
    made = command("tokens", "create", "nightly", "--scope", "view", "--scope", "operate",
                   "--account", "operator", "--tenant", "oak", "--days", "7")  # fmt: skip
    headers = {"authorization": f"Bearer {made['token']}"}
    assert site.client().get("/api/v1/tenants/oak", headers=headers).status_code == 200
    for listed in (command("tokens", "list"), command("tokens", "list", "--tenant", "oak")):
        assert [one["name"] for one in listed] == ["nightly"]
        assert made["token"] not in json.dumps(listed)
    assert command("tokens", "list", "--tenant", "elm") == []
    assert command("tokens", "revoke", str(made["id"]))["revoked"]
    assert site.client().get("/api/v1/tenants/oak", headers=headers).status_code == 401
    log = command("audit", "--action", "create_token")
    assert [one["via"] for one in log["entries"]] == ["cli"]
    assert command("audit", "--tenant", "elm", "--account", "nobody")["entries"] == []
