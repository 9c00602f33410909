"""Accounts whose people have changed sides: students who became staff, and staff who study.

Source: Directory API v1, `users.patch`: a unit is given by its whole path.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from connectors.sdk import RosterReader
from connectors.vendors.google_classroom import mapping
from connectors.vendors.google_classroom.accounts import USERS
from connectors.vendors.google_classroom.client import Client, Refusal, segment
from connectors.vendors.google_classroom.config import GoogleClassroomConfig
from shared.domain.provisioning import Linked
from shared.domain.records import Kind
from shared.domain.user_roles import ROLE_READS, roles_beside

#: Accounts that are moved between two looks at the lease.
BATCH = 25
#: Accounts whose people are looked up together.
_PAGE = 500


class Units:
    """Moves accounts from the unit of students to that of staff, and back.

    An account that an administrator has put below the right unit, or elsewhere, stays there.

    Args:
        config: the two units.
        client: the wire.
        placed: by account in use, which of the two it was in when it was read.
    """

    def __init__(
        self, config: GoogleClassroomConfig, client: Client, placed: Mapping[str, str]
    ) -> None:
        self._config = config
        self._client = client
        self._placed = placed

    def follow(
        self,
        roster: RosterReader,
        linked: Linked,
        confirm: Callable[[], None],
        *,
        is_plan: bool,
    ) -> Mapping[str, int]:
        """Move whose unit is the other one; returns what was done, in words after a number."""
        wanted = self._wanted(roster)
        moves = list(self._moves(wanted, linked))
        if is_plan:
            return {"accounts would be moved to another unit": len(moves)} if moves else {}
        told: Counter[str] = Counter()
        for place, (user, unit) in enumerate(moves):
            if place % BATCH == 0:
                confirm()
            said = self._client.call("PATCH", f"{USERS}/{segment(user)}", {"orgUnitPath": unit})
            if isinstance(said, Refusal):
                told["accounts could not be moved to another unit"] += 1
            else:
                told["accounts were moved to another unit"] += 1
        return told

    def _wanted(self, roster: RosterReader) -> Mapping[str, str]:
        """Return the unit of everybody who is to have one, by the hub's id."""
        found: dict[str, str] = {}
        roles = roles_beside(roster.rows(Kind.ROLES, ROLE_READS, ROLE_READS[:1]))
        for sourced_id, grades in roster.rows(Kind.USERS, ("grades",)):
            values = {"grades": grades, "roles": roles(str(sourced_id))}
            unit = mapping.org_unit(values, self._config)
            if unit is not None and not mapping.is_family(values):
                found[str(sourced_id)] = unit
        return found

    def _moves(self, wanted: Mapping[str, str], linked: Linked) -> Iterator[tuple[str, str]]:
        accounts = sorted(self._placed)
        for start in range(0, len(accounts), _PAGE):
            known = linked.sourced_ids(Kind.USERS, accounts[start : start + _PAGE])
            for account, sourced_id in sorted(known.items()):
                unit = wanted.get(sourced_id)
                if unit is not None and unit != self._placed[account]:
                    yield account, unit
