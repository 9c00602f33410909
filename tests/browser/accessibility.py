"""axe-core on a page: WCAG 2.2 A and AA, and what its makers call best practice."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_AXE = Path(__file__).parent / "vendor" / "axe.min.js"
_RUN = "tags => axe.run({runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})"
#: Of one rule, so many places are told.
_PLACES = 5


def violations(page: Page) -> list[str]:
    """Return what axe finds on a page as it is now, a text a rule; empty: nothing.

    The script is evaluated by the browser's own debugger, so the page's Content-Security-Policy
    stays as it is.
    """
    page.evaluate(_source())
    found: dict[str, Any] = page.evaluate(_RUN, list(TAGS))
    return [_told(one) for one in found["violations"]]


def check(page: Page) -> None:
    """Fail where axe finds anything, and tell rule, place and remedy."""
    found = violations(page)
    assert not found, f"{page.url} is not accessible:\n" + "\n".join(found)


@cache
def _source() -> str:
    return _AXE.read_text()


def _told(violation: dict[str, Any]) -> str:
    lines = [f"{violation['id']} ({violation['impact']}): {violation['help']}"]
    nodes = violation["nodes"]
    for node in nodes[:_PLACES]:
        # a place within a frame or a shadow is a list of selectors
        place = " ".join(map(str, node["target"]))
        lines.append(f"  {place}: {node['html'][:200]}")
        lines += [f"    {line}" for line in node["failureSummary"].splitlines()]
    if len(nodes) > _PLACES:
        lines.append(f"  and {len(nodes) - _PLACES} more")
    return "\n".join(lines)
