"""A console with two districts, and somebody of each role in the first."""

from __future__ import annotations

import pytest

from console.service import apps, tenants
from shared.db.engine import Database
from shared.domain.roles import Role
from tests.console_site import ConsoleSite, embedded_settings


@pytest.fixture
def site(database: Database, tmp_path) -> ConsoleSite:
    """Two tenants with an import app and an export app each; accounts named by their roles."""
    made = ConsoleSite(
        database, embedded_settings(database, state_dir=tmp_path / "state", tenant_folders=tmp_path)
    )
    for tenant in ("oak", "elm"):
        wish = tenants.NewTenant(tenant=tenant, zone="America/New_York")
        made.desk.call(tenants.add_tenant, wish=wish)
        for connector, name, setting in (
            ("oneroster_csv", "sis", "path"),
            ("lightspeed", "ls", "path"),
        ):
            folder = tmp_path / tenant / name
            folder.mkdir(parents=True)
            new = apps.NewApp(connector=connector, name=name, settings={setting: str(folder)})
            made.desk.call(apps.add_app, tenant=tenant, wish=new)
    for role in (Role.VIEWER, Role.OPERATOR, Role.DISTRICT_ADMIN):
        made.add_account(role, (role, "oak"))
    made.add_account(Role.ADMINISTRATOR, (Role.ADMINISTRATOR, None))
    made.add_account("stranger", (Role.DISTRICT_ADMIN, "elm"))
    made.add_account("nobody")
    return made
