"""What needs a person first, of one tenant or of all, the most urgent first.

That is, in this order: removals that wait for approval (by their deadlines), apps whose last run
failed, conflicts, users that look like one person, records in quarantine, paused apps.
"""

from __future__ import annotations

from sqlalchemy import Connection

from shared.db.attention_kinds import SOURCES
from shared.db.views import Shown
from shared.errors import ConfigurationError

#: The most items of a page.
MOST = 200


def list_attention(connection: Connection, tenant_id: int, *, limit: int = 50) -> list[Shown]:
    """Return what needs a person at one tenant, the most urgent first. See `page_attention`."""
    items: list[Shown] = page_attention(connection, tenant_id=tenant_id, limit=limit)["items"]
    return items


def page_attention(
    connection: Connection,
    *,
    tenant_id: int | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Shown:
    """Return a page of what needs a person, the most urgent first.

    Args:
        connection: a reading transaction.
        tenant_id: whose; None: everybody's.
        after: the `after` of the page before this one; None: the first page.
        limit: the most items, `MOST` at most.

    Returns:
        `{"items": [...], "after": cursor or None}`; None: there are no more. An item is `{"kind",
        "tenant", "app", "what", "count", "since", "deadline_at", "approval", "job"}`; `kind` is
        `removals`, `renames`, `failed`, `conflicts`, `duplicates`, `quarantine` or `paused`,
        `what` a sentence, `app` `TENANT/NAME` or None, and what a kind has not is None.

    Raises:
        ConfigurationError: the cursor is none of ours.
    """
    limit = max(1, min(limit, MOST))
    first, last = _cursor(after)
    found: list[tuple[str, int, Shown]] = []
    for name in list(SOURCES)[list(SOURCES).index(first) :]:
        rows = SOURCES[name](
            connection, tenant_id, last if name == first else None, limit + 1 - len(found)
        )
        found += [(name, key, item) for key, item in rows]
        if len(found) > limit:
            break
    more = found[limit - 1] if len(found) > limit else None
    return {
        "items": [item for _, _, item in found[:limit]],
        "after": f"{more[0]}:{more[1]}" if more else None,
    }


def _cursor(after: str | None) -> tuple[str, int | None]:
    if after is None:
        return next(iter(SOURCES)), None
    name, _, key = after.partition(":")
    if name not in SOURCES or not key.isdecimal():
        raise ConfigurationError(
            "after", f"{after!r} is no cursor", "Give the `after` of the page before, or none."
        )
    return name, int(key)
