"""Every setting stands on its connector's page, or on that of places."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connectors import registry

PAGES = Path(__file__).resolve().parents[2] / "docs" / "connectors"


def words(page: str) -> set[str]:
    return set(re.findall(r"`(\w+)", (PAGES / page).read_text()))


@pytest.mark.parametrize(
    "name",
    [
        "active_directory",
        "clever_csv",
        "crisisgo",
        "facts",
        "finalsite",
        "google_classroom",
        "lightspeed",
        "oneroster_csv",
        "oneroster_rest",
        "powerschool",
    ],
)
def test_every_setting_is_told(name: str) -> None:
    told = words(f"{name}.md") | words("README.md")
    if name == "crisisgo":
        told |= words("clever_csv.md")
    assert set(registry.get(name).config.model_fields) - told == set()


def test_every_page_is_of_a_connector() -> None:
    pages = {path.stem for path in PAGES.glob("*.md")} - {"README", "conformance"}
    assert pages - set(registry.names()) == set()
