"""Expressions tried out before they are a rule, and the schools to choose from."""

from __future__ import annotations

import pytest

from shared.errors import ConfigurationError
from shared.roster.school_lists import app_orgs, hub_orgs
from shared.roster.trial import try_out
from tests.integration.roster.district import Hub, roster


def test_an_expression_is_tried_out_on_a_record_of_the_app(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=2))
    rules = {
        "users.email": "username.upperAscii()",
        "users.grades": "username",
        "courses.title": "title + '!'",
    }
    with hub.database.read() as connection:
        email, grades, title = try_out(connection, app, rules)
    assert (email.external_id, email.after) == ("user-1", "USER1")
    assert email.read == {"username": "user1"}
    assert email.problem is None
    assert grades.after is None
    assert "a list of text" in str(grades.problem)
    assert title.after == f"{title.before}!"


def test_an_app_that_has_brought_nothing_has_no_record_to_try(hub: Hub) -> None:
    app = hub.app(1)
    with hub.database.read() as connection:
        (tried,) = try_out(connection, app, {"users.email": "username"})
        assert "brought no record" in str(tried.problem)
        for rule, text in (("users.email", "nobody()"), ("users.shoe", "username")):
            with pytest.raises(ConfigurationError, match=rule):
                try_out(connection, app, {rule: text})


def test_schools_are_listed_with_their_people(hub: Hub) -> None:
    app = hub.app(1)
    hub.sync(app, roster(users=3))
    with hub.database.read() as connection:
        own = app_orgs(connection, hub.tenant_id, app)
        of_hub = hub_orgs(connection, hub.tenant_id)
        nobodys = hub_orgs(connection, hub.tenant_id + 1)
    assert [one.name for one in own] == [one.name for one in of_hub]
    assert {one.people for one in own} == {one.people for one in of_hub}
    assert own[0].hub_name == own[0].name
    assert nobodys == []
