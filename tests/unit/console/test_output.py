"""How a value stands in a table."""

from __future__ import annotations

import pytest

from console.cli.output import cell, print_facts, print_rows


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


def test_a_pipe_gets_each_row_on_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    row = {"name": "x" * 60, "reason": "y " * 60, "last": "end"}
    print_rows([row], list(row), as_json=False, empty="")
    print_facts({"reason": "z " * 90}, as_json=False)
    head, line, fact = capsys.readouterr().out.splitlines()
    assert head.split() == ["name", "reason", "last"]
    assert line.startswith("x" * 60)
    assert line.split()[-2:] == ["y", "end"]
    assert fact.count("z") == 90
