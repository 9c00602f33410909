"""The timelines as operations: whose they show, and what they refuse."""

from __future__ import annotations

import pytest

from console.service import timelines
from console.web.rendering import environment
from shared.domain.roles import Role
from tests.console_site import ConsoleSite

pytestmark = pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)


def test_a_timeline_is_shown_in_its_tenants_zone_and_can_be_drawn(site: ConsoleSite) -> None:
    site.desk.call(timelines.show_timeline, tenant="oak", zoom="7d")
    client = site.client(Role.VIEWER)
    shown = client.get("/api/v1/tenants/oak/timeline?zoom=3h&since=2026-03-08T05:00:00Z").json()
    assert (shown["zone"], shown["zoom"]) == ("America/New_York", "3h")
    assert (shown["from"], shown["to"]) == ("2026-03-08T05:00:00.000Z", "2026-03-08T08:00:00.000Z")
    assert [app["app"] for app in shown["apps"]] == ["oak/sis", "oak/ls"]
    with site.database.read() as connection:
        now = site.database.now(connection)
    html = environment(lambda: now).get_template("_timeline.html").render(timeline=shown)
    assert "No jobs. Times are those of America/New_York; clocks go forward 1 h" in html


def test_the_timeline_of_all_shows_what_one_may_see(site: ConsoleSite) -> None:
    for name, seen in (
        (Role.VIEWER, ["oak"]),
        ("stranger", ["elm"]),
        ("nobody", []),
        (Role.ADMINISTRATOR, ["elm", "oak"]),
    ):
        shown = site.client(name).get("/api/v1/timeline?zone=Asia/Kathmandu").json()
        assert [tenant["tenant"] for tenant in shown["tenants"]] == seen
        assert (shown["zone"], shown["zoom"], shown["next"]) == ("Asia/Kathmandu", "12h", None)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/tenants/oak/timeline?zoom=2h", "zoom"),
        ("/tenants/oak/timeline?since=today", "since"),
        ("/timeline?zoom=7d", "zoom"),
        ("/timeline?zone=Mars", "zone"),
    ],
)
def test_what_is_asked_wrongly_is_named(site: ConsoleSite, path: str, field: str) -> None:
    refused = site.client(Role.ADMINISTRATOR).get(f"/api/v1{path}")
    assert refused.status_code in {400, 422}
    assert field in refused.text
