"""What needs a person, as a home shows it: what a sync proposes for an app is one decision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

Item = dict[str, Any]

#: What is proposed to be done with records.
_PROPOSED = {"removals": "remove", "renames": "rename"}


def together(items: Iterable[Item]) -> list[Item]:
    """Return the items, of each app's removals (or renames) one that names all of them.

    Args:
        items: as `shared.db.attention` lists them, those of a kind beside each other.
    """
    shown: list[Item] = []
    for kind, of_kind in groupby(items, key=lambda item: item["kind"]):
        if kind not in _PROPOSED:
            shown += of_kind
            continue
        by_app: dict[str, list[Item]] = {}
        for item in of_kind:
            by_app.setdefault(item["app"], []).append(item)
        shown += [_one(kind, of_app) for of_app in by_app.values()]
    return shown


def _one(kind: str, items: Sequence[Item]) -> Item:
    """Return one item for several approvals; `approval` of it is None."""
    if len(items) == 1:
        return items[0]
    counts: dict[str, int] = {}
    for item in items:
        counts[item["records"]] = counts.get(item["records"], 0) + item["count"]
    told = ", ".join(f"{count} {records}" for records, count in counts.items())
    schools = {item["school"] for item in items if item["school"]}
    where = f" of {min(schools)}" if len(schools) == 1 else ""
    where = f" of {len(schools)} schools" if len(schools) > 1 else where
    return {
        **items[0],
        "what": f"{_PROPOSED[kind]} {told}{where} waits for approval",
        "count": len(items),
        "since": min(item["since"] for item in items),
        "deadline_at": min(item["deadline_at"] for item in items),
        "approval": None,
        "school": min(schools) if len(schools) == 1 else None,
    }
