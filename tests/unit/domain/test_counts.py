"""Counts of every kind of job, as one line of totals."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.counts import Totals, count_totals

IMPORT = {
    "orgs": {"added": 1, "updated": 0, "restored": 0, "removed": 0, "unchanged": 4},
    "users": {
        "added": 10,
        "updated": 5,
        "restored": 2,
        "removed": 3,
        "unchanged": 80,
        "quarantined": 7,
        "renamed": 1,
        "held": 9,
    },
}
EXPORT = {
    "files": {
        "users.csv": {"rows": 90, "changed": True, "sha256": "x"},
        "orgs.csv": {"rows": 4, "changed": False, "sha256": "y"},
    },
    "places": ["drop"],
    "left_out": {"has no e-mail": 2, "has no school": 1},
    "altered": {"was cut": 1},
    "disclosed": 88,
    "fields": {"users": ["email"]},
}


@pytest.mark.parametrize(
    ("counts", "totals"),
    [
        (None, Totals()),
        ({}, Totals()),
        (IMPORT, Totals(added=13, updated=6, removed=3, unchanged=84, quarantined=7)),
        (
            {"users": {"updated": 1, "written": 4, "created": 2, "ended": 1, "rejected": 3}},
            Totals(updated=1, sent=7),
        ),
        (EXPORT, Totals(sent=94, left_out=3)),
        ({"files": {}}, Totals()),
        ({"users": {"removed": 2, "carried_out": 3, "moved": 1}}, Totals(removed=2)),
    ],
    ids=["none", "plan", "import", "two_way", "export", "empty export", "approval"],
)
def test_totals(counts: dict[str, Any] | None, totals: Totals) -> None:
    assert count_totals(counts) == totals
