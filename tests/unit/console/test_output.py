"""How a value stands in a table."""

from __future__ import annotations

import pytest

from console.cli.output import cell


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "–"),
        (True, "yes"),
        (["a", "b"], "a, b"),
        (
            {"users": {"added": 3, "removed": 0, "out_of_scope": 2}, "orgs": {"added": 0}},
            "users: 3 added, 2 out of scope",
        ),
        ({"users": {"added": 0}}, "nothing"),
        ({"path": "/srv/drop"}, '{"path": "/srv/drop"}'),
        (
            {"users": {"added": 3}, "places": ["/srv"]},
            '{"users": {"added": 3}, "places": ["/srv"]}',
        ),
    ],
)
def test_what_a_cell_says(value: object, told: str) -> None:
    assert cell(value) == told
