"""A job's counts in one line: what a run has done, whatever its tier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

#: By total, what an apply counts of it by kind (`shared.roster.merging.KindCounts`).
_HUB = {
    "added": ("added", "restored"),
    "updated": ("updated", "renamed"),
    "removed": ("removed",),
    "unchanged": ("unchanged",),
    "quarantined": ("quarantined",),
    "sent": ("written", "created", "ended"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What a job has done, over all kinds of records.

    Attributes:
        added: records that the hub has got, those that came back among them.
        updated: records of the hub that have changed, renamed ones among them.
        removed: records that the hub holds no more.
        unchanged: records that were read and are as they were.
        quarantined: records that broke a rule and were left out.
        sent: what went to the vendor: records that a 2-way job has written, made or ended there,
            or rows in the files of an export.
        left_out: records that an export has not sent, each for a reason that its job tells.
    """

    added: int = 0
    updated: int = 0
    removed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    sent: int = 0
    left_out: int = 0


def count_totals(counts: Mapping[str, Any] | None) -> Totals:
    """Sum a job's counts.

    Args:
        counts: as the job keeps them: of an import or a 2-way job by kind, by what happened; of an
            export its `files`, each with its `rows`, and what was `left_out`, by reason; None: the
            job has not ended, or ended badly.

    >>> count_totals({"users": {"added": 2, "restored": 1}, "orgs": {"added": 1}}).added
    4
    >>> count_totals({"files": {"users.csv": {"rows": 3}}, "left_out": {"no school": 1}}).sent
    3
    """
    if not counts:
        return Totals()
    if "files" in counts:
        return Totals(
            sent=sum(file["rows"] for file in counts["files"].values()),
            left_out=sum(counts.get("left_out", {}).values()),
        )
    kinds = [counted for counted in counts.values() if isinstance(counted, Mapping)]
    return Totals(**{total: _sum(kinds, names) for total, names in _HUB.items()})


def _sum(kinds: Iterable[Mapping[str, Any]], names: Iterable[str]) -> int:
    return sum(counted.get(name, 0) for counted in kinds for name in names)
