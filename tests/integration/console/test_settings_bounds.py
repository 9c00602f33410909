"""A district's administrators neither reach the machine's files nor have secrets sent elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from console.service import apps
from shared.domain.roles import Role
from tests.console_site import ConsoleSite

pytestmark = pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)
APPS = "/api/v1/tenants/oak/apps"
SFTP: dict[str, Any] = {
    "sftp_host": "files.example",
    "sftp_user": "us",
    "sftp_host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
    "sftp_password": "canary-password",
}


def ask(site: ConsoleSite, role: Role, method: str, path: str, body: dict[str, Any]):
    headers = {"authorization": f"Bearer {site.token_of(role)}"}
    return site.client().request(method, path, json=body, headers=headers)


def outside(folder: Path) -> list[str]:
    link = folder / "oak" / "link"
    link.symlink_to(folder / "elm")
    return [
        "/etc", "/etc/passwd", f"{folder}", f"{folder}/oak", f"{folder}/elm/sis",
        f"{folder}/oak/../elm/sis", f"{folder}/oakley/x", f"{link}/sis", f"{link}",
    ]  # fmt: skip


def test_a_path_stays_in_the_tenants_folder(site: ConsoleSite, tmp_path: Path) -> None:
    for path in outside(tmp_path):
        settings = {"settings": {"path": path}}
        new = {"connector": "oneroster_csv", "name": "more", **settings}
        for method, where, body in (
            ("POST", APPS, new),
            ("POST", "/api/v1/tenants/oak/check-app", new),
            ("PATCH", f"{APPS}/sis", settings),
            ("POST", f"{APPS}/sis/check-settings", settings),
        ):
            told = ask(site, Role.DISTRICT_ADMIN, method, where, body)
            assert told.status_code == 422, (where, path, told.text)
            assert told.json()["field"] == "--set path"
            assert "outside" in told.json()["problem"]
    inside = {"settings": {"path": str(tmp_path / "oak" / "other")}}
    assert ask(site, Role.DISTRICT_ADMIN, "PATCH", f"{APPS}/sis", inside).status_code == 200


def test_what_an_administrator_has_set_stays_beside_other_changes(site: ConsoleSite) -> None:
    set_by = {"settings": {"path": "/srv/anywhere"}}
    assert ask(site, Role.ADMINISTRATOR, "PATCH", f"{APPS}/sis", set_by).status_code == 200
    other = {"settings": {"quiet_s": 2}}
    assert ask(site, Role.DISTRICT_ADMIN, "PATCH", f"{APPS}/sis", other).status_code == 200


def test_without_folders_a_district_names_no_path(site: ConsoleSite) -> None:
    # pydantic's settings are not frozen; the application holds this very object
    site.settings.tenant_folders = None
    answer = ask(site, Role.DISTRICT_ADMIN, "PATCH", f"{APPS}/sis", {"settings": {"path": "/x"}})
    assert answer.status_code == 422
    answer = ask(site, Role.ADMINISTRATOR, "PATCH", f"{APPS}/sis", {"settings": {"path": "/x"}})
    assert answer.status_code == 200


@pytest.mark.parametrize("role", [Role.DISTRICT_ADMIN, Role.ADMINISTRATOR])
def test_a_stored_secret_goes_to_no_other_host(site: ConsoleSite, role: Role) -> None:
    for connector, name, settings, moved, secret in (
        ("oneroster_csv", "by-sftp", SFTP, {"sftp_host": "evil.example"}, "sftp_password"),
        (
            "oneroster_rest",
            "by-rest",
            {"url": "https://sis.example/a", "client_id": "us", "client_secret": "canary-secret",
             "token_url": "https://sis.example/token"},
            {"token_url": "https://evil.example/token"},
            "client_secret",
        ),
    ):  # fmt: skip
        new = apps.NewApp(connector=connector, name=name, settings=settings)
        site.desk.call(apps.add_app, tenant="oak", wish=new)
        for method, where in (("PATCH", ""), ("POST", "/check-settings")):
            told = ask(site, role, method, f"{APPS}/{name}{where}", {"settings": moved})
            assert told.status_code == 422, told.text
            assert told.json()["field"] == f"--set {secret}"
            assert "canary" not in told.text
        again = {"settings": {**moved, secret: settings[secret]}}
        assert ask(site, role, "PATCH", f"{APPS}/{name}", again).status_code == 200
