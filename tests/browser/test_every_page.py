"""A tour through the table of pages: whatever is added to it is visited here, or this fails.

On each page axe-core finds nothing, by day and by night; it fits 360 pixels; and its picture is
kept, to be looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page
from sqlalchemy import func, select

from console.accounts.caller import owner
from console.accounts.links import set_password_link
from console.service import schedules
from console.web.page import Page as Row
from console.web.pages import every_page
from shared.db.hub_tables import HUB
from shared.db.review_tables import approvals, conflicts
from shared.domain.records import Kind
from shared.domain.roles import Role
from shared.domain.states import Mode
from tests.browser.watching import Trouble
from tests.console_site import ConsoleSite
from tests.integration.console.reviewed import Made, make, open_at, site_of

pytestmark = pytest.mark.timeout(600)

#: Paths whose answer is a file.
FILES = ("/tenants/{tenant}/apps/{app}/errors.csv", "/tenants/{tenant}/jobs/{job}/errors.csv")
#: There as long as there is no administrator: it has tests of its own.
BEFORE = ("/setup/{secret}",)
#: How wide a telephone is.
NARROW = 360


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("toured"))


@pytest.fixture(scope="module")
def site(made: Made) -> ConsoleSite:
    """A district that has something to show on every page."""
    found = site_of(open_at(made.folder), made.folder)
    daily = schedules.NewSchedule(frequency="daily", at=("02:00",), until="2099-06-30")
    found.desk.call(schedules.set_schedule, tenant="oak", app="sis", mode=Mode.FULL, wish=daily)
    found.add_account("boss", (Role.ADMINISTRATOR, None), password=True)
    found.token_of("boss")
    return found


@pytest.fixture(scope="module")
def base_url(site: ConsoleSite) -> Iterator[str]:
    with site.served(with_workers=False) as url:
        yield url
    site.database.dispose()


@pytest.fixture(scope="module")
def places(site: ConsoleSite, made: Made) -> dict[str, str]:
    """What stands in the place of each name of a path; some differ by path."""
    with site.database.read() as connection:
        users = HUB[Kind.USERS]
        oak = users.c.tenant_id == site.tenant_id("oak")
        user = connection.execute(select(users.c.sourced_id).where(oak)).scalars().first()
        approval = connection.execute(select(approvals.c.id)).scalars().first()
        conflict = connection.execute(select(conflicts.c.id)).scalars().first()
        alike = func.lower(users.c.email) == "one@example.org"
        pair = connection.execute(select(users.c.sourced_id).where(alike)).scalars().all()
    link = set_password_link(site.database, owner(), "stranger")
    return {
        "tenant": "oak", "app": "sis", "job": str(made.second), "approval": str(approval),
        "conflict": str(conflict), "kind": "users", "record": quote(str(user), safe=""),
        "account": "viewer", "connector": "skyward", "mode": "full", "secret": link.secret,
        "first": quote(pair[0], safe=""), "second": quote(pair[1], safe=""),
    }  # fmt: skip


def address(row: Row, places: dict[str, str]) -> str:
    """Return a page's address in the district that is toured."""
    here = dict(places)
    if "conflicts" in row.path or "duplicates" in row.path:
        here["tenant"] = "district"
    path = re.sub(r"{(\w+)(:\w+)?}", lambda name: here[name[1]], row.path)
    if row.path.endswith("/pair"):
        path += f"?one={here['first']}&other={here['second']}"
    if row.path.endswith("/why"):
        path += "?field=givenName"
    return path


def toured() -> list[Row]:
    return [row for row in every_page() if row.is_safe and row.path not in (*FILES, *BEFORE)]


def test_every_page_is_for_everybody(
    page: Page,
    site: ConsoleSite,
    base_url: str,
    places: dict[str, str],
    axe: Callable[[Page], None],
    shot: Callable[[Page, str], Path],
    trouble: Trouble,
) -> None:
    cookie = {"name": "bellringer", "value": site.session_of("boss"), "url": base_url}
    wrong: list[str] = []
    for row in toured():
        page.context.clear_cookies()
        if row.path != "/sign-in":
            page.context.add_cookies([cookie])
        where = address(row, places)
        answer = page.goto(where)
        if answer is None or answer.status != 200:
            wrong.append(f"{row.path}: {answer.status if answer else 'no answer'} at {where}")
            continue
        name = re.sub(r"[^a-z0-9]+", "-", f"page{row.path}".lower()).strip("-")
        wrong += [f"{row.path}: {told}" for told in _look(page, name, axe, shot)]
    assert not wrong, "\n".join(wrong)
    assert not trouble.left()


def test_every_page_is_data_too(site: ConsoleSite, places: dict[str, str]) -> None:
    client = site.client("boss")
    for row in toured():
        if row.path == "/sign-in":
            continue
        where = address(row, places)
        told = client.get(where, headers={"accept": "application/json"})
        if told.status_code == 303:
            continue
        assert told.status_code == 200, f"{row.path}: {told.text[:300]}"
        assert isinstance(told.json(), dict), row.path
        for secret in ("argon2", "password_hash", "digest"):
            assert secret not in told.text, f"{row.path} tells a {secret}"


def _look(
    page: Page, name: str, axe: Callable[[Page], None], shot: Callable[[Page, str], Path]
) -> Iterator[str]:
    """Look at a page by day, by night and on a telephone; yield what is wrong with it."""
    assert page.title().endswith("Bellringer")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        try:
            axe(page)
        except AssertionError as error:
            yield f"{scheme}: {error}"
    page.set_viewport_size({"width": NARROW, "height": 800})
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > NARROW:
        yield f"{width} pixels wide on a telephone"
    shot(page, f"{name}-360")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})
    shot(page, name)
