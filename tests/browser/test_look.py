"""What all pages are made of, in a browser: both themes, three widths, with and without scripts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser import accessibility
from tests.browser.style_guide import application
from tests.browser.watching import Trouble

NewContext = Callable[..., BrowserContext]
Axe = Callable[[Page], None]
Shot = Callable[[Page, str], Path]

WIDTHS = {360: 800, 1280: 900, 2560: 1300}


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    """Where the style guide is served."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(application(), log_config=None, lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.parametrize(("width", "theme"), [(360, "light"), (1280, "dark"), (2560, "light")])
def test_the_style_guide_is_accessible_and_fits(
    width: int, theme: str, new_context: NewContext, axe: Axe, shot: Shot
) -> None:
    context = new_context(viewport={"width": width, "height": WIDTHS[width]}, color_scheme=theme)
    page = context.new_page()
    page.goto("/")
    shot(page, f"style-guide-{width}-{theme}")
    assert page.evaluate("document.documentElement.scrollWidth") == width, "the page is too wide"
    axe(page)


def test_a_chosen_theme_overrules_the_system(new_context: NewContext) -> None:
    page = new_context(color_scheme="light").new_page()
    page.goto("/dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    chosen = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    page.goto("/")
    assert page.evaluate(ground) == chosen


def test_a_theme_is_chosen_in_the_menu_and_kept_for_the_server(page: Page, axe: Axe) -> None:
    page.goto("/")
    page.get_by_text("operator1").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    assert [one["value"] for one in page.context.cookies() if one["name"] == "theme"] == ["dark"]
    axe(page)
    page.get_by_role("button", name="System").click()
    assert not page.context.cookies()


def test_a_page_for_nobody_is_accessible(page: Page, axe: Axe, shot: Shot) -> None:
    page.goto("/alone")
    axe(page)
    shot(page, "style-guide-alone")


def test_the_keyboard_skips_to_the_content_and_closes_a_menu(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    menu = page.locator("summary", has_text="operator1")
    menu.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(menu).to_be_focused()


def test_what_cannot_be_taken_back_is_asked_first(page: Page, axe: Axe) -> None:
    page.goto("/")
    posted: list[str | None] = []
    page.route(
        "**/undo", lambda route: (posted.append(route.request.post_data), route.abort("aborted"))
    )
    page.get_by_role("button", name="Undo").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Take this run back?")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    axe(page)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert posted == []
    page.get_by_role("button", name="Undo").click()
    with page.expect_request("**/undo"):
        dialog.get_by_role("button", name="Undo").click()
    assert posted == ["csrf_token=t0ken"]


def test_a_token_is_copied(new_context: NewContext) -> None:
    context = new_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto("/")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_attached()
    assert page.evaluate("navigator.clipboard.readText()") == "blr_2f9f1c0a7e5d4b3c8a6f"


def test_only_a_table_that_does_not_fit_stops_the_tab_key(new_context: NewContext) -> None:
    page = new_context(viewport={"width": 2560, "height": 1300}).new_page()
    page.goto("/")
    jobs = page.get_by_role("region", name="Jobs")
    expect(jobs).not_to_have_attribute("tabindex", "0")
    page.set_viewport_size({"width": 360, "height": 800})
    expect(jobs).to_have_attribute("tabindex", "0")


def test_without_scripts_nothing_is_offered_that_needs_them(new_context: NewContext) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto("/")
    expect(page.get_by_role("button", name="Copy")).to_be_hidden()
    page.get_by_text("operator1").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_an_update_comes_by_itself_and_is_read_aloud(page: Page) -> None:
    page.goto("/live?stream")
    expect(page.locator("#part")).to_have_text("Updated by GET with no token")
    expect(page.locator("#live")).to_have_text("Updated by GET with no token")


def test_what_htmx_posts_is_asked_first_and_carries_the_token(page: Page) -> None:
    page.goto("/live")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("dialog")).to_contain_text("Really?")
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.locator("#part")).to_have_text("Updated by POST with t0ken")


def test_a_form_that_is_refused_comes_back_and_an_error_is_told(
    page: Page, trouble: Trouble, axe: Axe
) -> None:
    trouble.allow(r"status of (422|500)|status code (422|500)|Response Status Error Code (422|500)")
    page.goto("/live")
    page.get_by_role("button", name="Fail").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The server refused (500)")
    expect(page.locator("#part")).to_have_text("Nothing yet")
    axe(page)
    page.get_by_role("button", name="Refuse").click()
    expect(page.locator("#part")).to_have_text("Refused: choose a day")
    expect(alert).to_have_text("")


def test_axe_finds_what_is_wrong(page: Page) -> None:
    page.goto("/bad")
    found = accessibility.violations(page)
    assert {one.split(" ")[0] for one in found} >= {"image-alt", "label"}
    with pytest.raises(AssertionError, match=r"image-alt \(critical\).*\n.*img"):
        accessibility.check(page)


def test_what_goes_wrong_in_a_page_fails_its_test(page: Page, trouble: Trouble) -> None:
    page.goto("/alone")
    for script, told in (
        ("console.error('so it says')", "console: so it says"),
        ("setTimeout(() => { throw new Error('uncaught') })", "exception: .*uncaught"),
        (
            "document.body.insertAdjacentHTML('beforeend', '<i style=color:red>x</i>')",
            "inline style",
        ),
        ("fetch('/static/nothing.css')", "404"),
        ("fetch('http://127.0.0.1:1/').catch(() => 0)", "Content Security Policy"),
    ):
        is_thrown = "throw" in script
        with page.context.expect_event("weberror" if is_thrown else "console"):
            page.evaluate(script)
        assert trouble.left(), script
        trouble.allow(told)
        assert trouble.left() == []
