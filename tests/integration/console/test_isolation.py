"""Nothing of one district is reached below another's name, whoever asks and by whatever route."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from sqlalchemy import func, select

from console.service import apps
from console.service.catalog import catalog
from console.web.pages import every_page
from console.web.routing import API
from shared.db.hub_tables import HUB
from shared.db.review_tables import approvals, conflicts
from shared.db.tables import job_events
from shared.domain.records import Kind
from shared.domain.roles import Role
from tests.console_site import ConsoleSite
from tests.integration.console.reviewed import make, open_at, site_of

#: Names in a path that are ids of something within a tenant.
OWNED = {"job", "approval", "conflict", "record", "app", "account", "token"}
#: Pages that take a name to make something of it, or to look whether there is something.
SAFE = {"GET", "HEAD"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> ConsoleSite:
    """Oak has jobs, approvals and people, another tenant has conflicts, and elm has one app."""
    made = make(tmp_path_factory.mktemp("isolated"))
    found = site_of(open_at(made.folder), made.folder)
    out = str(made.folder / "elm")
    wish = apps.NewApp(connector="lightspeed", name="own", settings={"path": out})
    found.desk.call(apps.add_app, tenant="elm", wish=wish)
    found.add_account("boss", (Role.ADMINISTRATOR, None))
    found.add_account("theirs", (Role.VIEWER, "oak"))
    return found


@pytest.fixture(scope="module")
def others(site: ConsoleSite) -> dict[str, str]:
    """Ids of what is not elm's."""
    users = HUB[Kind.USERS].c
    with site.database.read() as connection:
        one = {
            "job": connection.execute(select(func.max(job_events.c.job_id))).scalar_one(),
            "approval": connection.execute(select(func.max(approvals.c.id))).scalar_one(),
            "conflict": connection.execute(select(func.max(conflicts.c.id))).scalar_one(),
            "record": connection.execute(
                select(func.max(users.sourced_id)).where(users.tenant_id == site.tenant_id("oak"))
            ).scalar_one(),
        }
    return {
        **{name: quote(str(value), safe="") for name, value in one.items()},
        "app": "sis", "account": "theirs", "token": "1", "kind": "users", "mode": "full",
        "connector": "lightspeed", "tenant": "elm",
    }  # fmt: skip


def owned(path: str) -> bool:
    names = set(re.findall(r"{(\w+)", path))
    return "tenant" in names and bool(names & OWNED)


def test_a_page_finds_nothing_of_another_tenant(site: ConsoleSite, others: dict[str, str]) -> None:
    client = site.client("boss")
    token = client.csrf("/tenants")
    found = [page for page in every_page() if owned(page.path)]
    assert len(found) > 30
    for page in found:
        where = re.sub(r"{(\w+)(:\w+)?}", lambda name: others[name[1]], page.path)
        data = None if page.is_safe else {"csrf_token": token}
        answer = client.request(page.method, where, data=data)
        wanted = {404} if page.is_safe else {404, 422}
        assert answer.status_code in wanted, f"{page.method} {page.path}: {answer.status_code}"
        assert others["record"] not in answer.text or "record" in page.path, page.path


def test_an_operation_finds_nothing_of_another_tenant(
    site: ConsoleSite, others: dict[str, str]
) -> None:
    client, token = site.client(), site.token_of("boss")
    headers = {"authorization": f"Bearer {token}"}
    found = [one for one in catalog() if owned(one.path)]
    assert len(found) > 30
    for one in found:
        where = API + re.sub(r"{(\w+)(:\w+)?}", lambda name: others[name[1]], one.path)
        body = {} if one.body else None
        answer = client.request(one.method, where, headers=headers, json=body)
        wanted = {404, 422} if one.body or one.method in SAFE else {404}
        told = f"{one.method} {one.path}: {answer.status_code} {answer.text[:200]}"
        assert answer.status_code in wanted, told
        if answer.status_code == 422:
            assert "required" in answer.text.lower(), told


def test_who_sees_one_tenant_is_told_nothing_of_others(site: ConsoleSite) -> None:
    site.add_account("elms", (Role.DISTRICT_ADMIN, "elm"))
    client, token = site.client(), site.token_of("elms")
    headers = {"authorization": f"Bearer {token}"}
    for one in catalog():
        if one.method in SAFE and "{" not in one.path:
            told = client.get(API + one.path, headers=headers)
            assert '"oak' not in told.text, one.path
            assert '"district' not in told.text, one.path
    browser = site.client("elms")
    for page in every_page():
        if page.is_safe and "{" not in page.path:
            told = browser.get(page.path)
            assert "/tenants/oak" not in told.text, page.path
