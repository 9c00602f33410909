"""Values that PostgreSQL cannot hold are refused, as what is wrong with a request."""

from __future__ import annotations

import pytest

from shared.domain.roles import Role
from tests.console_site import ConsoleSite

pytestmark = pytest.mark.parametrize("any_database_url", ["postgresql"], indirect=True)


def test_a_text_that_cannot_be_stored_is_refused(site: ConsoleSite) -> None:
    client = site.client(Role.VIEWER)
    for path in (
        "roster/users?search=%00",
        "roster/users?school=%00",
        "roster/users/%00",
        "review/duplicates/pair?one=%00&other=a",
    ):
        assert client.get(f"/tenants/oak/{path}").status_code in (404, 422), path
    told = client.get("/api/v1/tenants/oak/roster/users?search=%00")
    assert told.json()["status"] == 422
    assert "\x00" not in told.text
