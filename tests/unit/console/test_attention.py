"""What one sync proposes for an app is one thing to decide."""

from __future__ import annotations

from typing import Any

from console.web.attention import together


def item(kind: str = "removals", app: str | None = "oak/sis", **more: Any) -> dict[str, Any]:
    made = {
        "kind": kind, "tenant": "oak", "app": app, "what": "it", "count": 2, "since": "2026-01-02",
        "deadline_at": "2026-01-09", "approval": 1, "records": "users", "school": "North", "job": 4,
    }  # fmt: skip
    return {**made, **more}


def test_approvals_of_an_app_are_one() -> None:
    (one,) = together(
        [
            item(),
            item(records="roles", approval=2, deadline_at="2026-01-08"),
            item(school="South", count=5, approval=3, since="2026-01-01"),
        ]
    )
    assert one["what"] == "remove 7 users, 2 roles of 2 schools waits for approval"
    assert (one["count"], one["approval"]) == (3, None)
    assert (one["since"], one["deadline_at"]) == ("2026-01-01", "2026-01-08")


def test_one_school_is_named() -> None:
    (one,) = together([item(), item(records="roles")])
    assert one["what"] == "remove 2 users, 2 roles of North waits for approval"


def test_what_stands_alone_or_is_of_others_stays_as_it_is() -> None:
    items = [item(), item(app="oak/ad"), item("renames"), item("failed"), item("failed"), item("x")]
    assert together(items) == items
