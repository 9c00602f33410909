"""Takes the pictures of README and docs: the demo's districts, some weeks later, in Chromium.

    python -m tests.browser.pictures FOLDER

Everything in them is generated: districts, schools and people.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from connectors.simulator.server import SimulatorServer
from console.demo.districts import DISTRICTS
from console.demo.stage import Stage
from console.embedded import Embedded
from console.service import approvals, jobs, roster
from shared.db.engine import open_database
from shared.db.migrate import upgrade
from shared.domain.roles import Role
from shared.settings import load_settings
from tests.browser.conftest import _ARGUMENTS as ARGUMENTS
from tests.browser.conftest import ROOT
from tests.console_site import ConsoleSite

#: Days after the first on which the districts are synced; by the last one some have left.
DAYS = (0, 1, 26)
STUDENTS = 300
DISTRICT = DISTRICTS[0].name
SIZE = {"width": 1440, "height": 900}


def main(folder: Path) -> None:
    """Run the districts, serve the console, and take each picture by day, some by night."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        settings = load_settings(
            state_dir=Path(made) / "state", database_url=None, broker_url=None, secret_key=None,
            private_networks="127.0.0.0/8", tick_s=0.2, sweep_s=1,
        )  # fmt: skip
        database = open_database(settings)
        upgrade(database)
        with SimulatorServer([one.made(STUDENTS) for one in DISTRICTS]) as server:
            stage = Stage(settings, database, server, Path(made))
            stage.set_up()
            with Embedded(settings, database) as embedded:
                for day in DAYS:
                    if day:
                        stage.turn(day, STUDENTS)
                    stage.run(embedded, lambda _: None)
            site = ConsoleSite(database, settings)
            site.add_account("it-staff", (Role.DISTRICT_ADMIN, DISTRICT))
            with site.served(with_workers=False) as url:
                _take(site, url, folder)
        database.dispose()


def _take(site: ConsoleSite, url: str, folder: Path) -> None:
    base = f"/tenants/{DISTRICT}"
    places = {
        "home": base,
        "app": f"{base}/apps/skyward",
        "schedule": f"{base}/apps/powerschool/settings/schedule/full",
        "timeline": f"{base}/timeline?zoom=1h",
        "job": f"{base}/jobs/{_last_job(site)}",
        "approval": _approval(site, base),
        "record": _record(site, base),
        "gallery": f"{base}/gallery",
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=ARGUMENTS)
        context = browser.new_context(base_url=url, viewport=SIZE, reduced_motion="reduce")
        cookie = {"name": "bellringer", "value": site.session_of("it-staff"), "url": url}
        context.add_cookies([cookie])
        page = context.new_page()
        for name, where in places.items():
            page.emulate_media(color_scheme="light")
            page.goto(where)
            _picture(page, folder / f"{name}.png")
            if name in ("home", "timeline"):
                page.emulate_media(color_scheme="dark")
                _picture(page, folder / f"{name}-dark.png")
        browser.close()


def _picture(page: Page, path: Path) -> None:
    page.wait_for_load_state("load")
    page.screenshot(path=path)
    print(f"{path}: {path.stat().st_size // 1024} KiB")  # noqa: T201


def _last_job(site: ConsoleSite) -> int:
    found = site.desk.call(jobs.list_jobs, tenant=DISTRICT, app="skyward", limit=1)
    return int(found[0]["id"])


def _approval(site: ConsoleSite, base: str) -> str:
    found = site.desk.call(approvals.list_approvals, tenant=DISTRICT, state="pending")
    first = found["approvals"][0]["id"] if found["approvals"] else None
    return f"{base}/review/approvals" + (f"/{first}" if first else "")


def _record(site: ConsoleSite, base: str) -> str:
    found = site.desk.call(roster.list_roster, tenant=DISTRICT, kind="users", limit=30)
    return f"{base}/roster/users/{found['records'][20]['sourcedId']}"


def _chromium() -> str:
    command = [sys.executable, str(ROOT / "deploy" / "services"), "browser"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
