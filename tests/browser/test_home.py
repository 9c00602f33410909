"""The source document's first procedure in a browser: Home, an app, its next sync, Run Sync."""

from __future__ import annotations

import csv
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select, update

from connectors.district.generate import generate
from connectors.district.oneroster_files import write_oneroster
from console.service import apps, jobs, schedules, tenants
from shared.db import tables
from shared.db.engine import Database
from shared.domain.roles import Role
from shared.domain.states import Mode
from tests.console_site import ConsoleSite, embedded_settings
from workers import control

#: One after another: what the first does is what the next one finds.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, _migrated_sqlite: Path) -> Iterator[ConsoleSite]:
    """A district with an import app and two exports, of which one has ended its schedule."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copy(_migrated_sqlite, folder / "bellringer.db")
    database = Database(f"sqlite:///{folder / 'bellringer.db'}")
    made = ConsoleSite(database, embedded_settings(database, state_dir=folder / "state"))
    for tenant in ("oakfield", "pinehill"):
        wish = tenants.NewTenant(tenant=tenant, zone="America/New_York")
        made.desk.call(tenants.add_tenant, wish=wish)
    _write_set(folder / "set")
    _add(made, "oneroster_csv", "sis", folder / "set")
    _add(made, "lightspeed", "filter", folder / "out")
    _add(made, "clever_csv", "alerts", folder / "alerts")
    wanted = schedules.NewSchedule(frequency="daily", at=("02:00",), start="2025-01-01")
    for app in ("sis", "filter"):
        made.desk.call(
            schedules.set_schedule, tenant="oakfield", app=app, mode=Mode.FULL, wish=wanted
        )
    _end_schedule(made, "oakfield/filter")
    made.add_account("operator", (Role.OPERATOR, "oakfield"))
    made.add_account("viewer", (Role.VIEWER, "oakfield"))
    made.add_account("admin", (Role.ADMINISTRATOR, None))
    yield made
    database.dispose()


@pytest.fixture(scope="module")
def base_url(site: ConsoleSite) -> Iterator[str]:
    with site.served() as url:
        yield url


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Hold every read where it has told how far it is, until the event is set."""
    going_on = threading.Event()
    told = control.Control.progress

    def progress(self: control.Control, step: str, done: int, total: int | None = None) -> None:
        told(self, step, done, total)
        if step == "reading users":
            going_on.wait(60)
            told(self, step, done, total)

    monkeypatch.setattr(control.Control, "progress", progress)
    monkeypatch.setattr(control, "PROGRESS_S", 0.2)
    yield going_on
    going_on.set()


def _write_set(path: Path) -> None:
    """Write a generated district, of which one user lacks a name."""
    write_oneroster(generate("oakfield", seed=11, students=60), path)
    users = path / "users.csv"
    heading, first, *rest = users.read_text().splitlines()
    cells = first.split(",")
    cells[heading.split(",").index("familyName")] = ""
    cells[heading.split(",").index("givenName")] = "=2+3"
    users.write_text("\r\n".join([heading, ",".join(cells), *rest, ""]))


def _add(site: ConsoleSite, connector: str, name: str, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    new = apps.NewApp(connector=connector, name=name, settings={"path": str(folder)})
    site.desk.call(apps.add_app, tenant="oakfield", wish=new)


def _end_schedule(site: ConsoleSite, app: str) -> None:
    """Have an app's schedule ended long ago: none that has no run left can be set."""
    mine = tables.schedules.c.app_id == site.app_id(app)
    with site.database.write() as connection:
        row = connection.execute(select(tables.schedules).where(mine)).one()
        connection.execute(
            update(tables.schedules)
            .where(mine)
            .values(
                recurrence={**row.recurrence, "until": "2025-06-30"},
                next_run_at=None,
                next_wall=None,
                ended_at=site.database.now(connection),
            )
        )


def _sign_in(context: BrowserContext, site: ConsoleSite, name: str, url: str) -> None:
    context.add_cookies([{"name": "bellringer", "value": site.session_of(name), "url": url}])


def test_run_sync_from_home_is_seen_from_press_to_done(
    site: ConsoleSite,
    context: BrowserContext,
    page: Page,
    base_url: str,
    axe: Callable[[Page], None],
    shot: Callable[[Page, str], Path],
    held: threading.Event,
) -> None:
    _sign_in(context, site, "operator", base_url)
    # open Home
    page.goto("/")
    expect(page).to_have_url(f"{base_url}/tenants/oakfield")
    expect(page.get_by_role("heading", level=2)).to_have_text(["Import", "2-way", "Export"])
    expect(page.get_by_role("main")).to_contain_text("ended on 30 Jun 2025")
    axe(page)
    shot(page, "home-new")

    # choose an app, read when the next sync is
    page.get_by_role("link", name="sis", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("sis")
    upcoming = page.locator("section").filter(has=page.get_by_role("heading", name="Next sync"))
    expect(upcoming).to_contain_text("02:00 E")
    axe(page)

    # press Run Sync
    page.get_by_label("And everything after it").check()
    page.get_by_role("button", name="Run Sync").click()
    expect(page.get_by_role("status").first).to_contain_text("The sync of sis has been asked for")
    page.evaluate("window.isTheSamePage = true")
    now = page.locator("#now")
    expect(now).to_contain_text("Reading users")
    expect(now.get_by_role("progressbar")).to_have_count(1)
    axe(page)
    shot(page, "app-running")
    beside = context.new_page()
    beside.goto("/tenants/oakfield")
    expect(beside.get_by_role("link", name="Waits for sis (import), job 1")).to_have_count(2)
    axe(beside)
    shot(beside, "home-running")

    held.set()
    expect(now).to_contain_text("Last sync")
    expect(beside.get_by_role("main")).to_contain_text("393 sent")
    expect(now).to_contain_text("succeeded")
    expect(now).to_contain_text("added")
    expect(now).to_contain_text("in quarantine")
    expect(page.locator("#past tbody tr")).to_have_count(1)
    expect(page.locator("#past tbody tr")).to_contain_text("succeeded")
    assert page.evaluate("window.isTheSamePage") is True
    axe(page)
    shot(page, "app-done")


def test_home_tells_what_needs_attention_in_every_size_and_look(
    site: ConsoleSite,
    new_context: Callable[..., BrowserContext],
    base_url: str,
    axe: Callable[[Page], None],
    shot: Callable[[Page, str], Path],
) -> None:
    for name, width, scheme in (
        ("home", 1280, "light"),
        ("home-dark", 1280, "dark"),
        ("home-small", 360, "light"),
        ("home-wide", 2560, "light"),
    ):
        context = new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        _sign_in(context, site, "admin", base_url)
        page = context.new_page()
        page.goto("/tenants/oakfield")
        attention = page.locator("section").filter(
            has=page.get_by_role("heading", name="Needs attention")
        )
        expect(attention).to_contain_text("of the last read are in quarantine")
        if width != 2560:
            axe(page)
        shot(page, name)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.goto("/tenants/oakfield/apps/sis")
        if width != 2560:
            axe(page)
        shot(page, name.replace("home", "app"))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_errors_are_listed_and_downloaded_as_csv(
    site: ConsoleSite,
    context: BrowserContext,
    page: Page,
    base_url: str,
    axe: Callable[[Page], None],
    shot: Callable[[Page, str], Path],
) -> None:
    _sign_in(context, site, "viewer", base_url)
    page.goto("/tenants/oakfield/apps/sis")
    page.get_by_role("link", name="Errors").click()
    expect(page.get_by_role("cell", name="familyName")).to_be_visible()
    axe(page)
    shot(page, "errors")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download CSV").click()
    with Path(saved.value.path()).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    (left_out,) = (row for row in rows if row["kind"] == "users")
    assert left_out["what"] == "left_out"
    assert left_out["field"] == "familyName"
    assert left_out["givenName"] == "'=2+3"


def test_an_app_is_paused_with_a_reason_and_resumed(
    site: ConsoleSite,
    context: BrowserContext,
    page: Page,
    base_url: str,
    axe: Callable[[Page], None],
) -> None:
    _sign_in(context, site, "operator", base_url)
    page.goto("/tenants/oakfield/apps/alerts")
    page.get_by_label("Reason").fill("The vendor moves")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#now")).to_contain_text("none while it is paused")
    expect(page.get_by_role("main")).to_contain_text("The vendor moves")
    axe(page)
    page.goto("/tenants/oakfield")
    expect(page.get_by_role("main")).to_contain_text("Paused: The vendor moves")
    page.get_by_role("link", name="Paused: The vendor moves").first.click()
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#now")).to_contain_text("no schedule")


def test_what_is_swapped_keeps_the_focus(
    site: ConsoleSite, context: BrowserContext, page: Page, base_url: str
) -> None:
    _sign_in(context, site, "operator", base_url)
    page.goto("/tenants/oakfield")
    page.locator("#run-alerts").focus()
    card = page.get_by_role("listitem").filter(has=page.locator("#open-filter"))
    before = card.get_by_role("link", name="succeeded").get_attribute("href")
    site.desk.call(jobs.run_app, tenant="oakfield", app="filter", wish=jobs.RunNow())
    last = card.get_by_role("link", name="succeeded")
    expect(last).not_to_have_attribute("href", str(before))
    assert page.evaluate("document.activeElement.id") == "run-alerts"
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{base_url}/tenants/oakfield")
    expect(page.get_by_role("status").first).to_contain_text("The sync of alerts")


def test_districts_and_jobs_are_listed_and_an_app_is_removed_after_a_question(
    site: ConsoleSite,
    context: BrowserContext,
    page: Page,
    base_url: str,
    axe: Callable[[Page], None],
    shot: Callable[[Page, str], Path],
) -> None:
    _sign_in(context, site, "admin", base_url)
    page.goto("/")
    expect(page.locator("tbody tr")).to_have_count(2)
    axe(page)
    shot(page, "districts")
    page.get_by_label("Name begins with").fill("oak")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="oakfield").click()
    page.get_by_role("link", name="Jobs").click()
    page.get_by_label("App", exact=True).select_option("sis")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    axe(page)
    shot(page, "jobs")
    page.goto("/tenants/oakfield/apps/alerts")
    page.get_by_role("link", name="Remove").click()
    axe(page)
    shot(page, "app-remove")
    page.get_by_role("button", name="Remove alerts").click()
    expect(page.get_by_role("status").first).to_contain_text("alerts is removed")
    expect(page.get_by_role("link", name="alerts", exact=True)).to_have_count(0)
    page.goto("/tenants/pinehill")
    expect(page.get_by_role("heading", name="No app yet")).to_be_visible()
    axe(page)
    shot(page, "home-empty")
