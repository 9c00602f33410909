"""A user's roles: found beside the users, in one pass over both, and as 1.1 writes them.

1.2 keeps roles in a file of their own; 1.1 has room for one role on the user, with all orgs in
which the user has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from connectors.oneroster.layout import ROLES_TO_1_1

#: sourcedId, userSourcedId, roleType, role, beginDate, endDate, orgSourcedId.
RoleRow = tuple[str | None, ...]
USER, ROLE_TYPE, ROLE, ORG = 1, 2, 3, 6

_RANKS = {role: rank for rank, role in enumerate(dict.fromkeys(ROLES_TO_1_1.values()))}


class RolesByUser:
    """Gives each user's roles, for users who are asked for in rising order of their ids.

    Args:
        rows: of the roles, in the order of their users' ids.
    """

    def __init__(self, rows: Iterator[RoleRow]) -> None:
        self._groups = groupby(rows, key=itemgetter(USER))
        self._user = ""
        self._roles: list[RoleRow] = []
        self._next()

    def of(self, user: str) -> list[RoleRow]:
        """Return a user's roles, by their own ids."""
        while self._user < user:
            if not self._next():
                return []
        return self._roles if self._user == user else []

    def _next(self) -> bool:
        for user, rows in self._groups:
            self._user, self._roles = user or "", list(rows)
            return True
        self._user, self._roles = chr(0x10FFFF), []
        return False


@dataclass(frozen=True, slots=True)
class OneRole:
    """What 1.1 says of a user: one role, its orgs, and how many roles it has no room for."""

    role: str
    orgs: tuple[str, ...]
    dropped: int


def one_role(roles: Sequence[RoleRow], primary_org: str | None) -> OneRole | None:
    """Return what 1.1 says of a user; None: the user has no role that it knows.

    An aide is, by the standard's words, who has none of the other roles; beyond that a primary role
    goes first, then one at the user's primary org, then the one that says most.

    >>> row = ("r1", "u1", "primary", "principal", None, None, "s1")
    >>> one_role([row], None)
    OneRole(role='administrator', orgs=('s1',), dropped=0)
    """
    known = [
        (
            name == "aide",
            row[ROLE_TYPE] != "primary",
            row[ORG] != primary_org,
            _RANKS[name],
            row[ORG] or "",
            name,
        )
        for row in roles
        if (name := ROLES_TO_1_1.get(row[ROLE] or "")) is not None
    ]
    if not known:
        return None
    chosen = min(known)[-1]
    same = sorted(one for one in known if one[-1] == chosen)
    orgs = tuple(dict.fromkeys(one[-2] for one in same))
    return OneRole(chosen, orgs, len(roles) - len(same))


def is_second_primary(row: RoleRow, roles: Sequence[RoleRow]) -> bool:
    """Return whether another of a user's roles is the one that 1.2 allows as primary in an org."""
    return row[ROLE_TYPE] == "primary" and any(
        other[ROLE_TYPE] == "primary"
        and other[ORG] == row[ORG]
        and (other[0] or "") < (row[0] or "")
        for other in roles
    )
