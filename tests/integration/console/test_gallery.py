"""The gallery over HTTP: what is offered, and an activation that can be left and taken up again."""

from __future__ import annotations

import pytest

from connectors import registry
from console.service import apps, schedules, setup
from shared.domain.roles import Role
from shared.domain.states import Mode
from shared.errors import ConfigurationError
from tests.console_site import Browser, ConsoleSite

GALLERY = "/tenants/oak/gallery"
JSON = {"accept": "application/json"}

pytestmark = pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)


@pytest.fixture
def client(site: ConsoleSite) -> Browser:
    return site.client(Role.DISTRICT_ADMIN)


def test_every_connector_is_offered_in_its_tier(client: Browser) -> None:
    shown = client.get(GALLERY, headers=JSON).json()
    offered = {one["name"]: one for tier in shown["tiers"] for one in tier["connectors"]}
    assert sorted(offered) == registry.names()
    assert offered["oneroster_csv"]["apps"] == ["sis"]
    assert offered["oneroster_csv"]["transports"] == ["sftp", "folder"]
    for name in offered:
        assert client.get(f"{GALLERY}/{name}").status_code == 200, name
    assert client.get(f"{GALLERY}/nothing").status_code == 422


def test_a_broken_connector_is_told_with_its_reason(
    client: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = registry.installed()
    broken = ConfigurationError("connector", "acme of package acme cannot be loaded", "Correct it.")
    monkeypatch.setattr(registry, "installed", lambda: (found, {"acme": broken}))
    page = client.get(GALLERY)
    assert "acme of package acme cannot be loaded" in page.text
    assert "Activate" in page.text


def test_what_is_wrong_with_a_new_app_stands_at_its_field(client: Browser, tmp_path) -> None:
    (tmp_path / "oak" / "set").mkdir()
    path = str(tmp_path / "oak" / "set")
    form = client.get(f"{GALLERY}/oneroster_csv", headers=JSON).json()
    assert form["app_name"] == "oneroster-csv"
    data = {"csrf_token": client.csrf("/tenants"), "action": "save"}
    taken = client.post(
        f"{GALLERY}/oneroster_csv", data={**data, "app_name": "sis", "path": path}, headers=JSON
    )
    assert taken.status_code == 422
    assert list(taken.json()["problems"]) == ["app_name"]
    wrong = client.post(
        f"{GALLERY}/oneroster_csv", data={**data, "app_name": "hr", "path": "x"}, headers=JSON
    )
    assert list(wrong.json()["problems"]) == ["path"]
    secret = {"app_name": "ps", "client_secret": "a canary", "client_id": "a", "url": "no address"}
    refused = client.submit(f"{GALLERY}/powerschool", **secret, action="save")
    assert refused.status_code == 422
    assert "a canary" not in refused.text


def test_an_activation_goes_on_where_it_was_left(
    site: ConsoleSite, client: Browser, tmp_path
) -> None:
    (tmp_path / "oak" / "set").mkdir()
    fields = {"app_name": "hr", "path": str(tmp_path / "oak" / "set"), "action": "save"}
    added = client.submit(f"{GALLERY}/oneroster_csv", **fields)
    base = "/tenants/oak/apps/hr/setup"
    assert added.headers["location"] == base
    assert client.get(base).headers["location"] == f"{base}/schools"
    schools = {"scope": "some", "others": "120", "names": "", "action": "save"}
    assert client.submit(f"{base}/schools", **schools).headers["location"] == f"{base}/preview"
    assert client.get(base).headers["location"] == f"{base}/preview"
    assert client.submit(f"{base}/preview").status_code == 303
    assert "job 1" in client.get(f"{base}/preview").text
    # skipping steps is allowed, and what was done by commands counts
    wish = schedules.NewSchedule(frequency="daily", at=("02:00",))
    site.desk.call(schedules.set_schedule, tenant="oak", app="hr", mode=Mode.FULL, wish=wish)
    found = site.desk.call(setup.show_setup, tenant="oak", app="hr")
    done = [one["name"] for one in found["steps"] if one["is_done"]]
    assert done == ["connection", "schools", "schedule"]
    assert "hr is being set up" in client.get("/tenants/oak/apps/hr/settings/limits").text
    assert client.get("/tenants/oak/apps/hr/setup/schedule").status_code == 303
    # it is an app like any other: it can be removed half-way
    site.desk.call(apps.remove_app, tenant="oak", app="hr")
    assert client.get(base).status_code == 404
