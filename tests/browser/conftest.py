"""Chromium for tests: one for all of this folder, and cookies of its own for every test.

A test takes `page` (or `new_context`, for another size or theme), `axe` and `shot`. Addresses are
relative to the fixture `base_url`, which a module or the console's own fixture gives. Whatever goes
wrong in the browser fails the test; `trouble.allow(…)` lets pass what the test provokes.

The browser is of the package, not of the session: while Playwright runs in a thread, asyncio has a
loop there, and tests elsewhere could start none.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser import accessibility
from tests.browser.watching import Trouble

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / ".cache" / "screenshots"

_EX_UNAVAILABLE = 69
#: The first test waits for apt where Chromium is missing.
_FIRST_START_S = 900
#: Milliseconds that a page may take for anything: far more than it needs on a busy machine.
_PATIENCE_MS = 30_000
#: No sandbox, since CI is root in a container; and nothing that Chromium does by itself online.
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the first test that takes a browser wait while it is installed."""
    asking = (item for item in items if "browser" in getattr(item, "fixturenames", ()))
    first = next(asking, None)
    if first is not None and first.get_closest_marker("timeout") is None:
        first.add_marker(pytest.mark.timeout(_FIRST_START_S))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The one Chromium."""
    path = _chromium()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        try:
            yield launched
        finally:
            launched.close()


@pytest.fixture
def trouble() -> Iterator[Trouble]:
    """What goes wrong in the test's pages; the test fails where anything is left."""
    made = Trouble()
    yield made
    left = made.left()
    assert not left, "the browser complains:\n" + "\n".join(left)


@pytest.fixture
def new_context(
    browser: Browser, base_url: str, trouble: Trouble
) -> Iterator[Callable[..., BrowserContext]]:
    """Make contexts, with whatever options of Playwright's; they are watched, and closed."""
    made: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        given = {"base_url": base_url, "reduced_motion": "reduce", "locale": "en-US", **options}
        context = browser.new_context(**given)
        made.append(context)
        context.set_default_timeout(_PATIENCE_MS)
        trouble.watch(context)
        return context

    yield make
    for one in made:
        one.close()


@pytest.fixture
def context(new_context: Callable[..., BrowserContext]) -> BrowserContext:
    """A context without cookies, 1280 × 900, without movement."""
    return new_context(viewport={"width": 1280, "height": 900})


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """An empty page of `context`."""
    return context.new_page()


@pytest.fixture
def axe() -> Callable[[Page], None]:
    """Fail where a page as it is now is not accessible."""
    return accessibility.check


@pytest.fixture
def shot() -> Callable[[Page, str], Path]:
    """Keep a picture of a whole page by a name: `shot(page, "home-dark")`; returns its path."""

    def take(page: Page, name: str) -> Path:
        assert re.fullmatch(r"[a-z0-9-]+", name), f"{name}: lower case, digits and dashes alone"
        path = SCREENSHOTS / f"{name}.png"
        page.screenshot(path=path, full_page=True)
        return path

    return take


def _chromium() -> str:
    """Return Chromium's path; skip where it cannot be had, which in CI is a failure."""
    command = [sys.executable, str(ROOT / "deploy" / "services"), "browser"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == _EX_UNAVAILABLE and "CI" not in os.environ:
        pytest.skip(done.stderr.strip())
    if done.returncode != 0:
        pytest.fail(f"deploy/services browser ended with {done.returncode}:\n{done.stderr}")
    return done.stdout.strip()
