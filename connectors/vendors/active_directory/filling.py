"""Fills an Active Directory of ours with a generated district, and brings it from day to day.

It is the vendor's side for the demo and the conformance kit, as a simulator is elsewhere; the
directory itself is a real one. It writes by python-ldap, and shares no code with what reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.district.model import District, Person

#: An account that is enabled and need have no password.
_ACCOUNT = str(0x200 | 0x20).encode()
_UNIT = [("objectClass", [b"organizationalUnit"])]
_SCOPE_SUBTREE = 2
#: Deletes what lies below an entry with it, [MS-ADTS] 3.1.1.3.4.1.15.
_TREE_DELETE = "1.2.840.113556.1.4.805"


@dataclass(frozen=True, slots=True)
class Administration:
    """How the directory is reached with the right to write; `base` is the domain's name."""

    host: str
    ca_file: str
    base: str
    user: str
    password: str


class Filling:
    """One district's unit in the directory.

    Args:
        administration: of the directory.
        district: whose accounts are made below `OU=NAME`.
        account: what the names of its accounts begin with, which are unique in the directory.
    """

    def __init__(
        self, administration: Administration, district: District, account: str = "u"
    ) -> None:
        # compiled, and an extra: only who has a directory needs it
        import ldap
        import ldap.controls
        import ldap.dn

        self._escape = ldap.dn.escape_dn_chars
        self._directory: Any = ldap.initialize(f"ldaps://{administration.host}")
        self._directory.set_option(ldap.OPT_X_TLS_CACERTFILE, administration.ca_file)
        self._directory.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        self._directory.set_option(ldap.OPT_REFERRALS, 0)
        self._directory.simple_bind_s(administration.user, administration.password)
        self._whole_tree = ldap.controls.RequestControl(_TREE_DELETE, criticality=True)
        self._account = account
        self._home = f"OU={self._escape(district.name)},{administration.base}"
        self._schools = {school.number: school.name for school in district.schools}
        self._directory.add_s(self._home, _UNIT)
        for role in ("Students", "Staff"):
            self._directory.add_s(f"OU={role},{self._home}", _UNIT)
            for number in self._schools:
                self._directory.add_s(self._unit(role, number), _UNIT)
        self.turn(district)

    @property
    def settings(self) -> Mapping[str, str]:
        """What of the connector's settings says who is read, and as what."""
        roles = [
            f"{role} {number} {self._unit(unit, number)}"
            for number in self._schools
            for unit, role in (("Students", "student"), ("Staff", "teacher"))
        ]
        schools = [f"{number} {name}" for number, name in self._schools.items()]
        return {"ous": self._home, "schools": "\n".join(schools), "roles": "\n".join(roles)}

    def turn(self, district: District) -> None:
        """Make the accounts those of a day: some are made, renamed, moved and deleted."""
        held = {
            entry["employeeID"][0].decode(): (dn, entry)
            for dn, entry in self._directory.search_s(
                self._home, _SCOPE_SUBTREE, "(objectClass=user)", ["employeeID", "givenName", "sn"]
            )
        }
        wanted = {
            str(person.number): (f"CN={person.number}", parent, person)
            for parent, person in self._people(district)
        }
        for number in held.keys() - wanted.keys():
            self._directory.delete_s(held[number][0])
        for number, (rdn, parent, person) in wanted.items():
            if number not in held:
                self._directory.add_s(f"{rdn},{parent}", self._entry(person))
                continue
            dn, entry = held[number]
            if dn != f"{rdn},{parent}":
                self._directory.rename_s(dn, rdn, parent)
            if entry["sn"] != [person.family_name.encode()]:
                changed = [(2, "sn", [person.family_name.encode()])]  # LDAP's "replace"
                self._directory.modify_s(f"{rdn},{parent}", changed)

    def remove(self) -> None:
        """Delete the unit with all that is in it, and sign out."""
        self._directory.delete_ext_s(self._home, serverctrls=[self._whole_tree])
        self._directory.unbind_s()

    def _people(self, district: District) -> list[tuple[str, Person]]:
        students = [(self._unit("Students", s.school), s.person) for s in district.students]
        staff = [(self._unit("Staff", t.schools[0]), t.person) for t in district.teachers]
        return [*students, *staff]

    def _unit(self, role: str, school: int) -> str:
        return f"OU={self._escape(self._schools[school])},OU={role},{self._home}"

    def _entry(self, person: Person) -> list[tuple[str, list[bytes]]]:
        values = {
            "sAMAccountName": f"{self._account}{person.number}",
            "employeeID": str(person.number),
            "givenName": person.given_name,
            "sn": person.family_name,
            "mail": person.email,
        }
        return [
            ("objectClass", [b"user"]),
            ("userAccountControl", [_ACCOUNT]),
            *((name, [value.encode()]) for name, value in values.items() if value is not None),
        ]
