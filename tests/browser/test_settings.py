"""The source document's second procedure in a browser, and the activation of an app.

The procedure: open Settings > Schedule, choose Sync Schedule (or Full / Incremental for
PowerSchool), set frequency and time, optionally an end date, Save.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import update

from connectors.district.generate import generate
from connectors.district.oneroster_files import write_oneroster
from console.service import apps, rules, schedules, tenants
from shared.db import tables
from shared.db.engine import Database
from shared.domain.roles import Role
from shared.domain.states import Mode
from tests.browser.watching import Trouble
from tests.console_site import ConsoleSite, embedded_settings

Axe = Callable[[Page], None]
Shot = Callable[[Page, str], Path]

APPS = "/tenants/oakfield/apps"

#: One after another: the first test's app is the next one's upstream.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("settings")


@pytest.fixture(scope="module")
def site(folder: Path, _migrated_sqlite: Path) -> Iterator[ConsoleSite]:
    """A district with an import, PowerSchool and an export, none of them scheduled."""
    shutil.copy(_migrated_sqlite, folder / "bellringer.db")
    database = Database(f"sqlite:///{folder / 'bellringer.db'}")
    settings = embedded_settings(database, state_dir=folder / "state", tenant_folders=folder)
    made = ConsoleSite(database, settings)
    wish = tenants.NewTenant(tenant="oakfield", zone="America/New_York")
    made.desk.call(tenants.add_tenant, wish=wish)
    write_oneroster(generate("oakfield", seed=11, students=60), folder / "oakfield" / "set")
    (folder / "oakfield" / "out").mkdir(parents=True)
    powerschool = {"url": "https://ps.oakfield.example", "client_id": "a", "client_secret": "b"}
    add(made, "facts", "facts", api_key="k", subscription_key="s")
    add(made, "powerschool", "powerschool", **powerschool)
    add(made, "lightspeed", "filter", path=str(folder / "oakfield" / "out"))
    made.add_account("admin", (Role.DISTRICT_ADMIN, "oakfield"))
    yield made
    database.dispose()


@pytest.fixture(scope="module")
def base_url(site: ConsoleSite) -> Iterator[str]:
    with site.served() as url:
        yield url


@pytest.fixture
def context(
    site: ConsoleSite, base_url: str, new_context: Callable[..., BrowserContext]
) -> BrowserContext:
    return signed_in(site, base_url, new_context(viewport={"width": 1280, "height": 900}))


@pytest.fixture(autouse=True)
def _leaving(trouble: Trouble) -> None:
    """Let pass that a preview which is under way ends when the page is left by Save."""
    trouble.allow("htmx:sendAbort|htmx:afterRequest|ERR_ABORTED")


def signed_in(site: ConsoleSite, base_url: str, context: BrowserContext) -> BrowserContext:
    cookie = {"name": "bellringer", "value": site.session_of("admin"), "url": base_url}
    context.add_cookies([cookie])
    return context


def add(site: ConsoleSite, connector: str, name: str, **settings: str) -> None:
    wish = apps.NewApp(connector=connector, name=name, settings=settings)
    site.desk.call(apps.add_app, tenant="oakfield", wish=wish)


def recurrence(site: ConsoleSite, app: str, mode: str = "full") -> dict[str, Any]:
    rows = site.desk.call(schedules.show_schedules, tenant="oakfield", app=app)
    return next(row["recurrence"] for row in rows if row["mode"] == mode)


def test_a_plain_app_gets_its_sync_schedule(
    site: ConsoleSite, page: Page, axe: Axe, shot: Shot
) -> None:
    page.goto(f"{APPS}/facts/settings/connection")
    page.get_by_role("link", name="Schedule", exact=True).click()
    axe(page)
    page.get_by_role("link", name="Set Sync Schedule").click()
    page.get_by_role("radio", name="Weekly").check()
    page.get_by_role("checkbox", name="Monday").check()
    page.get_by_role("checkbox", name="Friday").check()
    page.get_by_label("Time", exact=True).fill("02:00")
    page.get_by_label("End date").fill("2040-06-30")
    # the next runs follow what is typed
    expect(page.locator("#preview li").first).to_contain_text(", 02:00")
    axe(page)
    shot(page, "settings-schedule-light")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The Sync Schedule is saved.")).to_be_visible()
    assert recurrence(site, "facts") == {
        "zone": "America/New_York", "frequency": "weekly", "times": ["02:00"],
        "days": ["mon", "fri"], "until": "2040-06-30",
    }  # fmt: skip
    # the first schedule of an app offers the next app, in the order of the tiers
    expect(page.get_by_role("link", name="schedule powerschool")).to_be_visible()
    axe(page)
    shot(page, "settings-schedules-light")


def test_powerschool_gets_a_full_and_an_incremental_one(
    site: ConsoleSite, page: Page, axe: Axe, shot: Shot
) -> None:
    page.goto(f"{APPS}/facts/settings/schedule")
    page.get_by_role("link", name="schedule powerschool").click()
    page.get_by_role("link", name="Set Full Sync Schedule").click()
    page.get_by_role("radio", name="Weekly").check()
    page.get_by_role("checkbox", name="Monday").check()
    page.get_by_label("Time", exact=True).fill("02:00")
    told = "facts (import) is due at 02:00 too: this app will start when it has ended."
    expect(page.get_by_text(told)).to_be_visible()
    shot(page, "settings-schedule-waits")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Set Incremental Sync Schedule").click()
    page.get_by_role("radio", name="Cron expression").check()
    page.get_by_role("textbox", name="Cron expression").fill("15 7-17 * * 1-5")
    axe(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The Incremental Sync Schedule is saved.")).to_be_visible()
    assert recurrence(site, "powerschool")["days"] == ["mon"]
    assert recurrence(site, "powerschool", "incremental")["cron"] == "15 7-17 * * 1-5"


def test_clocks_that_are_changed_are_marked(page: Page, axe: Axe, shot: Shot) -> None:
    page.goto(f"{APPS}/filter/settings/schedule/full")
    page.get_by_label("Time", exact=True).fill("02:30")
    page.get_by_label("First date").fill("2031-03-08")
    expect(page.locator("#preview li").nth(1)).to_contain_text("clocks go forward")
    page.get_by_role("radio", name="Monthly").check()
    page.get_by_label("Days of the month").fill("31")
    expect(page.locator("#preview")).to_contain_text("short month")
    axe(page)
    shot(page, "settings-schedule-marked")


def test_without_scripts_a_button_shows_the_preview(
    site: ConsoleSite, base_url: str, new_context: Callable[..., BrowserContext], shot: Shot
) -> None:
    size = {"width": 360, "height": 800}
    context = new_context(viewport=size, java_script_enabled=False, color_scheme="dark")
    page = signed_in(site, base_url, context).new_page()
    page.goto(f"{APPS}/filter/settings/schedule/full")
    page.get_by_label("Time", exact=True).fill("01:30")
    page.get_by_label("First date").fill("2031-11-01")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview")).to_contain_text("clocks go back")
    expect(page.get_by_label("Time", exact=True)).to_have_value("01:30")
    shot(page, "settings-schedule-360-dark")


def test_the_schedule_is_set_by_the_keyboard_alone(site: ConsoleSite, page: Page) -> None:
    page.goto(f"{APPS}/filter/settings/schedule/full")
    page.get_by_role("link", name="Skip to the content").focus()
    page.keyboard.press("Enter")
    until_focused(page, "f-frequency")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Weekly")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    until_focused(page, "f-at")
    page.keyboard.type("0315AM")
    until_focused(page, "f-until")
    page.keyboard.type("06302040")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The Sync Schedule is saved.")).to_be_visible()
    found = recurrence(site, "filter")
    assert (found["days"], found["times"], found["until"]) == (["mon"], ["03:15"], "2040-06-30")


def until_focused(page: Page, field: str) -> None:
    """Press Tab until a field has the focus."""
    for _ in range(40):
        if page.evaluate("document.activeElement.id") == field:
            return
        page.keyboard.press("Tab")
    pytest.fail(f"Tab never comes to {field}")


def test_a_schedule_that_has_ended_says_when(
    site: ConsoleSite, page: Page, axe: Axe, shot: Shot
) -> None:
    wish = schedules.NewSchedule(frequency="daily", at=("02:00",), until="2040-06-30")
    site.desk.call(
        schedules.set_schedule, tenant="oakfield", app="filter", mode=Mode.FULL, wish=wish
    )
    with site.database.write() as connection:
        ended = {**wish.recurrence("America/New_York").to_json(), "until": "2026-06-30"}
        connection.execute(
            update(tables.schedules)
            .where(tables.schedules.c.app_id == site.app_id("oakfield/filter"))
            .values(
                recurrence=ended, next_run_at=None, next_wall=None,
                ended_at=site.database.now(connection),
            )
        )  # fmt: skip
    page.goto(f"{APPS}/filter/settings/schedule")
    expect(page.get_by_text("ended on 30 Jun 2026")).to_be_visible()
    axe(page)
    shot(page, "settings-schedule-ended")
    page.get_by_role("link", name="Change Sync Schedule").click()
    expect(page.get_by_text("there is no next sync")).to_be_visible()


def test_an_app_is_activated_from_the_gallery_to_its_schedule(
    site: ConsoleSite, folder: Path, page: Page, axe: Axe, shot: Shot
) -> None:
    page.goto("/tenants/oakfield/gallery")
    axe(page)
    shot(page, "gallery-light")
    page.get_by_role("link", name="Activate OneRoster CSV", exact=True).click()
    page.get_by_label("Name of the app").fill("sis")
    page.get_by_label(re.compile("^Path")).fill(str(folder / "oakfield" / "none"))
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#check")).to_contain_text("The test failed")
    page.get_by_label(re.compile("^Path")).fill(str(folder / "oakfield" / "set"))
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#check")).to_contain_text("The vendor answers")
    axe(page)
    shot(page, "gallery-connection")
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_role("button", name="Look up at the vendor").click()
    expect(page.get_by_role("group", name="Schools of sis")).to_be_visible()
    axe(page)
    shot(page, "gallery-schools")
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_role("button", name="Make a preview").click()
    # the page follows by itself
    go_on = page.get_by_role("link", name="Go on to the first sync")
    expect(go_on).to_be_visible(timeout=60_000)
    axe(page)
    shot(page, "gallery-preview")
    go_on.click()
    page.get_by_role("button", name="Run Sync").click()
    to_schedule = page.get_by_role("link", name="Go on to the schedule")
    expect(to_schedule).to_be_visible(timeout=60_000)
    axe(page)
    shot(page, "gallery-sync")
    to_schedule.click()
    page.get_by_role("link", name="Set Full Sync Schedule").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The Full Sync Schedule is saved.")).to_be_visible()
    assert recurrence(site, "sis")["times"] == ["02:00"]


def test_every_tab_is_accessible_and_fits_a_small_screen(
    site: ConsoleSite,
    base_url: str,
    axe: Axe,
    shot: Shot,
    new_context: Callable[..., BrowserContext],
) -> None:
    context = new_context(viewport={"width": 360, "height": 800}, color_scheme="dark")
    page = signed_in(site, base_url, context).new_page()
    site.desk.call(
        rules.change_app_rules, tenant="oakfield", app="filter",
        wish=rules.Rules(rules={"sends": {"users": "plain", "users.email": "hide"}}),
    )  # fmt: skip
    of_sis = ("connection", "schools", "mapping", "ownership", "matching", "limits", "filters")
    paths = {name: f"{APPS}/sis/settings/{name}" for name in of_sis}
    paths["privacy"] = f"{APPS}/filter/settings/privacy"
    paths["district"] = "/tenants/oakfield/settings"
    for name, path in paths.items():
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") == 360, f"{name} is too wide"
        axe(page)
        shot(page, f"settings-{name}-360-dark")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")
    for name in ("connection", "schools", "limits", "privacy", "district"):
        page.goto(paths[name])
        axe(page)
        shot(page, f"settings-{name}-light")


def test_a_mapping_is_tried_out_on_a_real_record(page: Page, axe: Axe, shot: Shot) -> None:
    page.goto(f"{APPS}/sis/settings/mapping")
    page.get_by_label("Field, row 1").select_option("users.email")
    page.get_by_label("Expression, row 1").fill("username + '@oakfield.example'")
    page.get_by_role("button", name="Try out").click()
    expect(page.locator("#trial ins")).to_contain_text("@oakfield.example")
    axe(page)
    shot(page, "settings-mapping-light")
