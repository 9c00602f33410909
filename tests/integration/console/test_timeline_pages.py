"""The timeline's pages: a picture, the same as a table and as JSON, and one's own districts alone."""

from __future__ import annotations

import pytest

from console.service import jobs
from shared.domain.roles import Role
from tests.console_site import ConsoleSite

pytestmark = pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)


def test_a_bar_leads_to_its_job(site: ConsoleSite) -> None:
    asked = site.desk.call(jobs.run_app, tenant="oak", app="sis", wish=jobs.RunNow())
    viewer = site.client(Role.VIEWER)
    page = viewer.get("/tenants/oak/timeline?zoom=1h")
    assert page.status_code == 200
    assert f'href="/tenants/oak/jobs/{asked["id"]}"' in page.text
    assert 'sse-connect="/tenants/oak/live?since=' in page.text
    told = viewer.get("/tenants/oak/timeline", headers={"accept": "application/json"}).json()
    assert [job["id"] for job in told["timeline"]["jobs"]] == [asked["id"]]
    past = viewer.get("/tenants/oak/timeline?zoom=7d&since=2020-01-01T00:00:00Z")
    assert "No jobs" in past.text
    assert "sse-connect" not in past.text, "the past does not change"
    for query in ("zoom=1y", "since=yesterday"):
        assert viewer.get(f"/tenants/oak/timeline?{query}").status_code == 422, query


def test_the_overview_has_ones_own_districts_alone(site: ConsoleSite) -> None:
    for name, theirs, others in (
        (Role.VIEWER, ["oak"], ["elm"]),
        ("stranger", ["elm"], ["oak"]),
        (Role.ADMINISTRATOR, ["elm", "oak"], []),
        ("nobody", [], ["elm", "oak"]),
    ):
        text = site.client(name).get("/timeline").text
        for tenant in theirs:
            assert f"/tenants/{tenant}/timeline" in text, (name, tenant)
        for tenant in others:
            assert f"/tenants/{tenant}/" not in text, (name, tenant)
