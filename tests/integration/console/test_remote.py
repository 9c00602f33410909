"""Commands against a server: the same words, the same answers, over the REST API."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from console.cli.main import run
from console.cli.session import open_session
from console.remote import RemoteDesk
from console.service import apps, tenants
from shared.domain.roles import Permission, Role
from shared.errors import ConfigurationError, ForbiddenError, NotFoundError, UnauthenticatedError
from tests.console_site import ConsoleSite

pytestmark = pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)

#: Commands that only look, as they are typed.
LOOKS = (
    ("tenants", "list"),
    ("apps", "list"),
    ("apps", "list", "oak"),
    ("apps", "show", "oak/sis"),
    ("schedules", "list"),
    ("schedules", "show", "oak/sis"),
    ("jobs", "list"),
    ("jobs", "list", "--tenant", "oak"),
    ("why", "oak/sis"),
    ("rules", "show", "oak"),
    ("rules", "show", "oak/sis"),
    ("connectors", "list"),
    ("connectors", "show", "powerschool"),
    ("quarantine", "list"),
    ("quarantine", "list", "oak", "--app", "oak/sis", "--kind", "users"),
    ("accounts", "list"),
    ("accounts", "list", "--tenant", "oak"),
    ("doctor",),
    ("approvals", "list", "oak"),
    ("approvals", "list"),
    ("conflicts", "list"),
    ("conflicts", "list", "--app", "oak/sis"),
    ("duplicates", "list", "oak"),
    ("roster", "list", "oak", "users"),
)
WRONG = (
    ("apps", "show", "oak/nobody"),
    ("apps", "list", "nowhere"),
    ("jobs", "show", "999"),
    ("jobs", "list", "--state", "odd"),
    ("quarantine", "list", "--job", "9"),
    ("quarantine", "list", "nowhere"),
    ("schedules", "set", "oak/sis", "--frequency", "hourly", "--at", "02:00"),
    ("rules", "set", "oak/sis", "approval_days=400"),
    ("rules", "set", "oak/ls", 'attributes={"users.email": "username"}'),
    ("connectors", "show", "nothing"),
    ("approvals", "show", "999"),
    ("conflicts", "resolve", "999", "--take", "hub"),
    ("roster", "show", "oak", "users", "username=nobody"),
    ("roster", "list", "oak", "odd"),
    ("disclosures", "oak", "nobody"),
)


@pytest.fixture
def server(site: ConsoleSite) -> Iterator[str]:
    with site.served(with_workers=False) as url:
        yield url


@pytest.fixture
def command(site: ConsoleSite, server: str, monkeypatch, capsys):
    """Run a command, here on the database or there over the server; return code, output, errors."""

    def run_it(*words: str, remotely: bool) -> tuple[int, str, str]:
        for name in ("BELLRINGER_SERVER_URL", "BELLRINGER_API_TOKEN", "BELLRINGER_DATABASE_URL"):
            monkeypatch.delenv(name, raising=False)
        if remotely:
            monkeypatch.setenv("BELLRINGER_SERVER_URL", server)
            monkeypatch.setenv("BELLRINGER_API_TOKEN", site.token_of(Role.ADMINISTRATOR))
        else:
            url = site.database.url.render_as_string(hide_password=False)
            monkeypatch.setenv("BELLRINGER_DATABASE_URL", url)
        code = run([*words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run_it


def test_a_server_answers_as_the_database_does(command) -> None:
    for words in LOOKS:
        for form in ((), ("--json",)):
            here = command(*words, *form, remotely=False)
            assert here[0] == 0, words
            assert command(*words, *form, remotely=True) == here, words


def test_a_server_refuses_in_the_same_words(command) -> None:
    for words in WRONG:
        here = command(*words, remotely=False)
        assert here[0] == 2, words
        assert here[2].startswith("error: "), words
        assert command(*words, remotely=True) == here, words


def test_what_is_done_there_is_done(command, site: ConsoleSite) -> None:
    code, out, _ = command(
        "run-now", "oak/sis", "--cascade", "--by", "a test", "--json", remotely=True
    )
    told = json.loads(out)
    assert code == 0
    assert [job["app"] for job in told["cascaded"]] == ["oak/ls"]
    assert told["asked_by"] == "administrator for a test"
    code, out, _ = command("jobs", "cancel", str(told["id"]), "--json", remotely=True)
    assert (code, json.loads(out)["state"]) == (0, "cancelled")
    _, out, _ = command("jobs", "show", str(told["id"]), "--json", remotely=False)
    actors = {event["actor"] for event in json.loads(out)["events"]}
    assert actors == {"api"}
    code, _, _ = command("apps", "pause", "oak/sis", "--reason", "a test", remotely=True)
    _, out, _ = command("apps", "show", "oak/sis", "--json", remotely=False)
    assert json.loads(out)["paused_reason"] == "a test"
    code, _, _ = command("apps", "rename", "oak/sis", "people", remotely=True)
    _, out, _ = command("apps", "show", "oak/people", "--json", remotely=False)
    assert json.loads(out)["app"] == "oak/people"


def test_a_command_that_needs_the_database_says_so(server: str, monkeypatch) -> None:
    monkeypatch.setenv("BELLRINGER_SERVER_URL", server)
    with pytest.raises(ConfigurationError, match="BELLRINGER_SERVER_URL"), open_session():
        pass


def test_what_a_token_may_not_is_refused_there(site: ConsoleSite, server: str) -> None:
    token = SecretStr(site.token_of(Role.DISTRICT_ADMIN, Permission.VIEW))
    with RemoteDesk(server, token) as desk:
        assert [one["tenant"] for one in desk.call(tenants.list_tenants)] == ["oak"]
        with pytest.raises(ForbiddenError, match="configure"):
            desk.call(apps.remove_app, tenant="oak", app="sis")
        with pytest.raises(NotFoundError, match="elm"):
            desk.call(apps.list_apps, tenant="elm")
    with (
        RemoteDesk(server, SecretStr("blr_wrong")) as desk,
        pytest.raises(UnauthenticatedError, match="token"),
    ):
        desk.call(tenants.list_tenants)


@pytest.mark.parametrize(
    ("url", "told"), [("ftp://x", "no address"), ("http://example.org", "in the clear")]
)
def test_an_address_that_would_tell_the_token_is_refused(
    any_database_url: str, url: str, told: str
) -> None:
    del any_database_url  # each test of this file is asked once
    with pytest.raises(ConfigurationError, match=told):
        RemoteDesk(url, SecretStr("blr_x"))
