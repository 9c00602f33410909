"""Who is in scope, and as what: by the units above an entry and the groups around it; pure.

Names are compared in small letters, as the server writes them: what the settings name is looked up
first, and what the server calls it counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from connectors.vendors.active_directory.config import RoleRule
from connectors.vendors.active_directory.values import Values, is_disabled, is_true, text, texts


def key(dn: str) -> str:
    """Return a distinguished name as it is compared."""
    return dn.casefold()


def is_below(dn: str, units: Iterable[str]) -> bool:
    """Return whether an entry stands below one of some units, given by their keys.

    >>> is_below("CN=x,OU=Staff,DC=a", ["ou=staff,dc=a"])
    True
    """
    place = key(dn)
    return any(place.endswith(f",{unit}") and _ends(place[: -len(unit) - 1]) for unit in units)


def _ends(head: str) -> bool:
    r"""Return whether the comma behind this part of a name ends it, and is none of its own.

    >>> _ends("CN=a,OU=Arts"), _ends("CN=a,OU=Arts\\")
    (True, False)
    """
    return (len(head) - len(head.rstrip("\\"))) % 2 == 0


@dataclass(frozen=True, slots=True)
class Circles:
    """Which named groups one is in by being a member of a group: of itself, or of one within it.

    Attributes:
        named: by a group's key, the keys of the named groups that it is, or is within.
        primary: by the number that primaryGroupID has, a group's key.
        guids: of all these groups.
    """

    named: Mapping[str, frozenset[str]] = field(default_factory=dict)
    primary: Mapping[str, str] = field(default_factory=dict)
    guids: frozenset[bytes] = frozenset()

    def around(self, values: Values) -> frozenset[str]:
        """Return the keys of the named groups that an entry is in."""
        groups = [key(dn) for dn in texts(values, "memberOf")]
        # a user's primary group does not list them
        number = text(values, "primaryGroupID")
        if number is not None and number in self.primary:
            groups.append(self.primary[number])
        return frozenset().union(*(self.named.get(group, frozenset()) for group in groups))


@dataclass(frozen=True, slots=True)
class Scope:
    """Who is read. All names are keys.

    Attributes:
        units: of which one must be above; none: any will do.
        excluded: of which none may be above.
        groups: of which one must be around; none: any will do.
        circles: what membership means.
        roles: the rules, each with its unit's or group's key, and whether that is a group.
        keeps_disabled: whether disabled accounts are users.
    """

    units: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    groups: frozenset[str] = frozenset()
    circles: Circles = field(default_factory=Circles)
    roles: tuple[tuple[RoleRule, str, bool], ...] = ()
    keeps_disabled: bool = True

    @property
    def is_by_place(self) -> bool:
        """Whether it matters where an entry stands."""
        return bool(self.units or self.excluded) or any(not group for _, _, group in self.roles)

    def holds(self, dn: str, values: Values) -> bool:
        """Return whether an entry is a user of ours; the directory's own accounts never are."""
        if is_true(values, "isCriticalSystemObject"):
            return False
        if not self.keeps_disabled and is_disabled(values):
            return False
        if self.units and not is_below(dn, self.units):
            return False
        if is_below(dn, self.excluded):
            return False
        return not self.groups or not self.groups.isdisjoint(self.circles.around(values))

    def roles_of(self, dn: str, values: Values) -> list[RoleRule]:
        """Return the rules by which an entry has its roles, each role at a school once."""
        around = self.circles.around(values)
        found: dict[tuple[str, str], RoleRule] = {}
        for rule, place, is_group in self.roles:
            if place in around if is_group else is_below(dn, (place,)):
                found.setdefault((rule.role, rule.school), rule)
        return list(found.values())
