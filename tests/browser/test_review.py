"""What waits for a person, and the roster, in a browser: decided, taken back, looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from shared.domain.roles import Role
from tests.console_site import ConsoleSite
from tests.integration.console.reviewed import Made, copied, make

Axe = Callable[[Page], None]
Shot = Callable[[Page, str], Path]
Look = Callable[[str], None]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("reviewed"))


@pytest.fixture(scope="module")
def site(made: Made, tmp_path_factory: pytest.TempPathFactory) -> ConsoleSite:
    return copied(made, tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def base_url(site: ConsoleSite) -> Iterator[str]:
    with site.served() as url:
        yield url
    site.database.dispose()


@pytest.fixture
def visitor(context: BrowserContext, site: ConsoleSite, base_url: str) -> Page:
    """A page of somebody who reviews, and may set rules."""
    session = site.session_of(Role.DISTRICT_ADMIN)
    context.add_cookies([{"name": "bellringer", "value": session, "url": base_url}])
    return context.new_page()


@pytest.fixture
def look(visitor: Page, axe: Axe, shot: Shot) -> Look:
    """See that the page is accessible and fits; keep pictures in both themes, and of a phone."""

    def take(name: str) -> None:
        axe(visitor)
        shot(visitor, name)
        visitor.emulate_media(color_scheme="dark")
        shot(visitor, f"{name}-dark")
        visitor.emulate_media(color_scheme="light")
        visitor.set_viewport_size({"width": 360, "height": 800})
        shot(visitor, f"{name}-360")
        assert visitor.evaluate("document.documentElement.scrollWidth") == 360, "it is too wide"
        visitor.set_viewport_size({"width": 1280, "height": 900})

    return take


def test_removals_are_approved_by_school_and_done(visitor: Page, look: Look) -> None:
    visitor.goto("/tenants/oak/review")
    look("review")
    visitor.get_by_role("link", name="Look at them").click()
    look("approvals")
    people = visitor.get_by_role("row").filter(has_text="users").filter(has_text="Remove").first
    people.get_by_role("checkbox").check()
    link = people.get_by_role("link").first
    address = link.get_attribute("href")
    assert address is not None
    visitor.get_by_role("button", name="Approve what is ticked").click()
    visitor.locator("#confirm-yes").click()
    expect(visitor.get_by_text("Approved. Job")).to_be_visible()
    visitor.goto(address)
    # the page follows the job by itself
    expect(visitor.locator(".badge-succeeded")).to_be_visible()
    expect(visitor.get_by_text("done", exact=True).first).to_be_visible()
    look("approval-done")
    visitor.locator("th a").first.click()
    expect(visitor.locator(".lead .tag", has_text="removed")).to_be_visible()


def test_a_plan_is_read_and_filtered(visitor: Page, made: Made, look: Look) -> None:
    visitor.goto(f"/tenants/oak/jobs/{made.plan}")
    look("plan")
    visitor.get_by_label("What happens").select_option("held")
    visitor.get_by_role("button", name="Filter").click()
    expect(visitor.get_by_role("cell", name="waits for a person").first).to_be_visible()


def test_a_conflict_is_resolved(visitor: Page, look: Look) -> None:
    visitor.goto("/tenants/district/review/conflicts")
    look("conflicts")
    visitor.get_by_role("table").get_by_role("link").first.click()
    look("conflict")
    visitor.get_by_label("'s: mine@example.org").check()
    visitor.get_by_role("button", name="Resolve").click()
    expect(visitor.get_by_text("is resolved")).to_be_visible()
    expect(visitor.get_by_text("There is no open conflict")).to_be_visible()


def test_two_users_are_told_apart(visitor: Page, look: Look) -> None:
    visitor.goto("/tenants/district/review/duplicates")
    look("duplicates")
    visitor.get_by_role("link", name="Compare").first.click()
    look("pair")
    visitor.get_by_role("button", name="Not the same person").click()
    expect(visitor.get_by_text("listed no more")).to_be_visible()
    visitor.goto("/tenants/district/review/quarantine")
    look("quarantine")


def test_a_person_is_found_read_and_seen_as_they_were(visitor: Page, look: Look) -> None:
    visitor.goto("/tenants/oak/roster")
    look("roster")
    name = visitor.get_by_role("rowheader").first.inner_text()
    visitor.get_by_label("The beginning of a name").fill(name.partition(",")[0].lower())
    visitor.get_by_role("button", name="Search").click()
    visitor.get_by_role("link", name=name).first.click()
    expect(visitor.get_by_role("heading", name="Fields, and where each comes from")).to_be_visible()
    expect(visitor.get_by_role("row", name="familyName")).to_contain_text("sis")
    look("record")
    visitor.get_by_role("link", name="Why familyName is so").click()
    expect(visitor.get_by_text("decisive")).to_be_visible()
    look("why-value")
    visitor.go_back()
    visitor.get_by_label("As of").fill("2099-01-01")
    visitor.get_by_role("button", name="Show it as it was").click()
    expect(visitor.get_by_text("as it was at")).to_be_visible()


def test_an_undo_says_what_it_cannot_undo(visitor: Page, made: Made, look: Look) -> None:
    # the last one: it takes the whole roster away
    visitor.goto(f"/tenants/oak/jobs/{made.first}")
    look("job")
    visitor.get_by_role("link", name="Undo").click()
    expect(visitor.get_by_role("heading", name="What cannot be undone")).to_be_visible()
    look("undo")
    visitor.get_by_role("button", name=f"Undo job {made.first}").click()
    expect(visitor.get_by_text("records are as they were before job")).to_be_visible()
