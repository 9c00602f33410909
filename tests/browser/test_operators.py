"""Whoever runs the instance, in a browser: the way in, accounts, tokens, operators, timelines."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from connectors.district.generate import generate
from connectors.district.oneroster_files import write_oneroster
from console.accounts.links import first_administrator_link
from console.service import apps, jobs, tenants
from console.service.wish import Because
from scheduler.intake import Intake
from shared.broker.connect import RabbitBroker
from shared.broker.relay import Relay
from shared.db.engine import Database
from shared.db.gate import Gate
from shared.db.outbox import Outbox
from shared.domain.roles import Role
from shared.messages import (
    COMMANDS_EXCHANGE,
    REJECTED_QUEUE,
    RUN_NOW_KEY,
    RUN_NOW_QUEUE,
    Publication,
)
from tests.browser.watching import Trouble
from tests.console_site import ConsoleSite, embedded_settings
from tests.deployment import wait_until

NewContext = Callable[..., BrowserContext]
Axe = Callable[[Page], None]
Shot = Callable[[Page, str], Path]

NEW_PASSWORD = "lantern gravel otter"
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def migrated(_migrated_sqlite: Path) -> Path:
    """A database at the newest schema, to be copied."""
    return _migrated_sqlite


@contextmanager
def made_site(folder: Path, migrated: Path, **settings: object) -> Iterator[ConsoleSite]:
    shutil.copy(migrated, folder / "bellringer.db")
    database = Database(f"sqlite:///{folder / 'bellringer.db'}")
    yield ConsoleSite(
        database,
        embedded_settings(database, state_dir=folder / "state").model_copy(update=settings),
    )
    database.dispose()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[ConsoleSite]:
    """Two districts with an import and an export each; in one of them something is wrong."""
    folder = tmp_path_factory.mktemp("operators")
    with made_site(folder, migrated) as made:
        for tenant in ("oakfield", "pinehill"):
            wish = tenants.NewTenant(tenant=tenant, zone="America/New_York")
            made.desk.call(tenants.add_tenant, wish=wish)
            source = folder / tenant / "set.zip"
            if tenant == "oakfield":
                write_oneroster(generate(tenant, seed=3, students=20), source)
            for connector, name, values in (
                ("oneroster_csv", "sis", {"path": str(source), "quiet_s": 0}),
                ("lightspeed", "filter", {"path": str(folder / tenant / "out")}),
            ):
                new = apps.NewApp(connector=connector, name=name, settings=values)
                made.desk.call(apps.add_app, tenant=tenant, wish=new)
        made.desk.call(
            apps.pause_app, tenant="pinehill", app="filter", wish=Because(reason="exams")
        )
        made.add_account("viewer", (Role.VIEWER, "oakfield"), password=True)
        made.add_account("admin", (Role.DISTRICT_ADMIN, "oakfield"))
        made.add_account("root", (Role.ADMINISTRATOR, None))
        yield made


@pytest.fixture(scope="module")
def base_url(site: ConsoleSite) -> Iterator[str]:
    """Where it is served; one night has run."""
    with site.served() as url:
        for tenant in ("oakfield", "pinehill"):
            wish = jobs.RunNow(cascade=True)
            site.desk.call(jobs.run_app, tenant=tenant, app="sis", wish=wish)
        wait_until(lambda: not site.desk.call(jobs.list_all_jobs, state="unfinished"), 60)
        yield url


@pytest.fixture
def signed_in(site: ConsoleSite, base_url: str, new_context: NewContext) -> Callable[..., Page]:
    """Open a page as an account; options are Playwright's."""

    def open_page(name: str, path: str, **options: object) -> Page:
        context = new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.add_cookies(
            [{"name": "bellringer", "value": site.session_of(name), "url": base_url}]
        )
        page = context.new_page()
        page.goto(path)
        return page

    return open_page


def fits(page: Page) -> None:
    width = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1], f"the page is too wide: {width}"


def test_the_first_administrator_comes_in_goes_and_comes_back(
    tmp_path: Path, migrated: Path, new_context: NewContext, axe: Axe, shot: Shot,
    trouble: Trouble,
) -> None:  # fmt: skip
    with made_site(tmp_path, migrated) as site, site.served(with_workers=False) as url:
        link = first_administrator_link(site.database)
        page = new_context(base_url=url, viewport={"width": 1280, "height": 900}).new_page()
        page.goto(f"/setup/{link.secret}")
        axe(page)
        shot(page, "setup")
        page.get_by_label("Sign-in name").fill("root@example.org")
        page.get_by_label("Password").fill("password1234")
        trouble.allow("422")
        page.get_by_role("button", name="Make the account").click()
        expect(page.get_by_label("Password")).to_have_attribute("aria-invalid", "true")
        axe(page)
        page.get_by_label("Password").fill(NEW_PASSWORD)
        page.get_by_role("button", name="Make the account").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Districts")
        page.locator("summary", has_text="root@example.org").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(f"{url}/sign-in")
        axe(page)
        trouble.allow("422|429")
        # the first five are free, and then the wait doubles: in the end no hand is so slow
        for attempt in range(12):
            page.get_by_label("Sign-in name").fill("root@example.org")
            page.get_by_label("Password").fill(f"not this one {attempt}")
            page.get_by_role("button", name="Sign in").click()
            expect(page.locator(".notice-error")).to_be_visible()
            if page.get_by_text("too many attempts").is_visible():
                break
        expect(page.get_by_text("too many attempts")).to_be_visible()
        shot(page, "sign-in-throttled")
        axe(page)
        trouble.allow("404")
        page.goto(f"/setup/{link.secret}")
        expect(page.get_by_text("it was used")).to_be_visible()


def test_somebody_is_added_and_sets_their_own_password(
    signed_in: Callable[..., Page], new_context: NewContext, axe: Axe, shot: Shot
) -> None:
    admin = signed_in("admin", "/tenants/oakfield/accounts")
    axe(admin)
    shot(admin, "accounts")
    admin.get_by_label("Sign-in name").fill("pat@example.org")
    admin.get_by_label("Operator: runs syncs").check()
    admin.get_by_role("button", name="Add account").click()
    link = admin.locator("#link").text_content()
    shot(admin, "accounts-link")
    axe(admin)
    page = new_context(viewport={"width": 360, "height": 800}, color_scheme="dark").new_page()
    page.goto(str(link))
    shot(page, "welcome-360-dark")
    axe(page)
    fits(page)
    page.get_by_label("Password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page).to_have_url(re.compile("/tenants/oakfield"))
    admin.get_by_role("link", name="pat@example.org").click()
    shot(admin, "account-roles")
    axe(admin)
    admin.get_by_role("button", name="Disable").click()
    admin.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(admin.get_by_text("pat@example.org is disabled.")).to_be_visible()
    page.goto("/account")
    expect(page).to_have_url(re.compile("/sign-in"))


def test_a_token_is_shown_once_and_works(
    signed_in: Callable[..., Page], base_url: str, axe: Axe, shot: Shot
) -> None:
    page = signed_in("viewer", "/account")
    axe(page)
    expect(page.get_by_label("operate:")).to_have_count(0)
    page.get_by_label("Name", exact=True).fill("nightly report")
    page.get_by_role("button", name="Create token").click()
    token = str(page.locator("#token").text_content())
    shot(page, "account-token")
    axe(page)
    headers = {"Authorization": f"Bearer {token}"}
    asked = httpx.get(f"{base_url}/api/v1/tenants", headers=headers, trust_env=False)
    assert [one["tenant"] for one in asked.json()] == ["oakfield"]
    page.goto("/account")
    assert token not in page.content()
    page.get_by_role("button", name="Revoke nightly report").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("lets nobody in any more")).to_be_visible()
    asked = httpx.get(f"{base_url}/api/v1/tenants", headers=headers, trust_env=False)
    assert asked.status_code == 401


def test_a_viewer_is_offered_nothing_that_they_may_not(
    signed_in: Callable[..., Page], trouble: Trouble
) -> None:
    page = signed_in("viewer", "/tenants")
    nav = page.get_by_role("navigation", name="Pages")
    expect(nav.get_by_role("link", name="Operators")).to_have_count(0)
    trouble.allow("403")
    for path in (
        "/operators",
        "/accounts",
        "/tenants/oakfield/accounts",
        "/tenants/oakfield/audit",
    ):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_have_text("Not permitted")


def test_a_bar_of_the_timeline_leads_to_its_job(
    signed_in: Callable[..., Page], axe: Axe, shot: Shot
) -> None:
    page = signed_in("viewer", "/tenants/oakfield/timeline?zoom=1h")
    axe(page)
    shot(page, "timeline")
    dark = signed_in("viewer", "/tenants/oakfield/timeline?zoom=1h", color_scheme="dark",
                     viewport={"width": 360, "height": 800})  # fmt: skip
    fits(dark)
    axe(dark)
    shot(dark, "timeline-360-dark")
    page.get_by_role("link", name="3 h").click()
    expect(page).to_have_url(re.compile("zoom=3h"))
    page.get_by_text("The same as a table", exact=True).click()
    page.locator(".tl-job").first.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/tenants/oakfield/jobs/\d+"))


def test_what_needs_a_person_anywhere_leads_to_its_place(
    signed_in: Callable[..., Page], axe: Axe, shot: Shot
) -> None:
    page = signed_in("root", "/timeline?zoom=1h", color_scheme="dark")
    expect(page.get_by_role("link", name="pinehill", exact=True)).to_be_visible()
    axe(page)
    shot(page, "timeline-all")
    page.get_by_role("link", name="Operators").click()
    expect(page.get_by_text("The broker is embedded")).to_be_visible()
    expect(page.get_by_role("link", name="Is paused: exams")).to_be_visible()
    axe(page)
    shot(page, "operators-dark")
    page.get_by_role("link", name="The last run failed").click()
    expect(page).to_have_url(re.compile(r"/tenants/pinehill/jobs/\d+"))


def test_a_refused_run_now_is_mended_and_replayed(
    tmp_path: Path, migrated: Path, broker_url: str, management_url: str,
    new_context: NewContext, axe: Axe, shot: Shot, trouble: Trouble,
) -> None:  # fmt: skip
    real = {"broker_url": broker_url, "management_url": management_url}
    with (
        made_site(tmp_path, migrated, **real) as site,
        site.served(with_workers=False) as url,
        taking_run_nows(site, broker_url) as broker,
    ):
        site.desk.call(tenants.add_tenant, wish=tenants.NewTenant(tenant="oakfield"))
        new = apps.NewApp(connector="oneroster_csv", name="sis", settings={"path": str(tmp_path)})
        site.desk.call(apps.add_app, tenant="oakfield", wish=new)
        site.add_account("root", (Role.ADMINISTRATOR, None))
        broker.publisher.publish(
            [
                Publication(exchange=COMMANDS_EXCHANGE, routing_key=RUN_NOW_KEY, message_id="ops-7",
                            body=b'{"app": "oakfield/sos"}')
            ]
        )  # fmt: skip
        context = new_context(base_url=url, viewport={"width": 1280, "height": 900})
        context.add_cookies([{"name": "bellringer", "value": site.session_of("root"), "url": url}])
        page = context.new_page()

        def is_there() -> bool:
            page.goto("/operators/rejected")
            return page.get_by_label("Message").count() == 1

        wait_until(is_there, 30)
        axe(page)
        shot(page, "rejected")
        trouble.allow("422")
        page.get_by_role("button", name="Replay").click()
        expect(page.get_by_label("Message")).to_have_attribute("aria-invalid", "true")
        shot(page, "rejected-refused")
        axe(page)
        page.get_by_label("Message").fill('{"app": "oakfield/sis"}')
        page.get_by_role("button", name="Replay").click()
        expect(page.get_by_text("was published again")).to_be_visible()
        expect(page.get_by_text("None was refused")).to_be_visible()
        wait_until(lambda: bool(site.desk.call(jobs.list_all_jobs)), 30)
        page.goto("/operators")
        expect(page.get_by_role("table", name="Queues")).to_contain_text("bellringer.run_now")
        shot(page, "operators-rabbitmq")
        axe(page)
        # its stream would see the server end
        page.close()


@contextmanager
def taking_run_nows(site: ConsoleSite, broker_url: str) -> Iterator[RabbitBroker]:
    """Take run-nows as a scheduler does."""
    broker = RabbitBroker(broker_url)
    relay = Relay(broker.publisher, Outbox(site.database))
    intake = Intake(Gate(site.database), relay, broker.reply)
    consumer = broker.consumer(
        RUN_NOW_QUEUE, intake.handle, prefetch=10, rejected_to=REJECTED_QUEUE
    )
    stop = threading.Event()
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    yield broker
    stop.set()
    thread.join(15)
    assert not thread.is_alive()
    broker.close()
