"""The roles of users, laid beside the users themselves; memory does not grow with the roster."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby

from shared.domain.records import encode_list

#: What must be read of a role for this, in the order of the first.
ROLE_READS = ("userSourcedId", "role")


def roles_beside(
    rows: Iterable[tuple[str | None, ...]],
) -> Callable[[str], str | None]:
    """Return what tells a user's roles, a set-valued field; None: the user has none.

    It must be asked for users in the order of their ids.

    Args:
        rows: (sourcedId, userSourcedId, role), by user in the order of their ids.

    >>> roles = roles_beside([("1", "a", "student"), ("2", "a", "aide"), ("3", "c", "parent")])
    >>> roles("a"), roles("b"), roles("c")
    ('["aide","student"]', None, '["parent"]')
    """
    by_user = groupby(rows, key=lambda row: row[1] or "")
    known = next(by_user, None)

    def roles(user: str) -> str | None:
        nonlocal known
        while known is not None and known[0] < user:
            known = next(by_user, None)
        if known is None or known[0] != user:
            return None
        return encode_list(role or "" for _, _, role in known[1])

    return roles
