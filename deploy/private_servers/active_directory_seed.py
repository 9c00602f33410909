"""Fills a provisioned domain, offline; run by Debian's Python, whose Samba modules it needs.

Arguments: the database and its smb.conf. On standard input a JSON object: the accounts to be made,
each with its password and rights, `changes` (to replicate changes) and `deleted` (to see what was
deleted). What is made is the same every time:

```
OU=School                       2,000 users, numbered; some of each kind below
  OU=Students > OU=North …      1,800 students in four schools
  OU=Staff                      200 members of staff
  OU=Groups                     All Students (1,800 members), Teachers North …, Staff and Everyone,
                                which nest
```
"""

from __future__ import annotations

import json
import sys
from typing import Any

SCHOOLS = ("North", "South", "East", "West")
STUDENTS, STAFF = 1800, 200
#: Syllables of which names are made; no person's.
_ONSETS = ("b", "d", "f", "g", "k", "l", "m", "n", "r", "s", "t", "v")
_VOWELS = ("a", "e", "i", "o", "u", "ö", "é", "ý")
#: DS-Replication-Get-Changes on the domain; List Contents and Read Property on what was deleted.
#: Source: MS-ADTS 5.1.3.2.1, MS-DTYP 2.5.1.1.
_RIGHTS = {
    "changes": ("", "(OA;;CR;1131f6aa-9c07-11d1-f79f-00c04fc2dcd2;;{})"),
    "deleted": ("CN=Deleted Objects,", "(A;;LCRP;;;{})"),
}
_ENABLED, _NO_PASSWORD, _DISABLED = 0x200, 0x20, 0x2


def word(number: int, syllables: int = 3) -> str:
    """Return a made-up name, one a number."""
    made = ""
    for _ in range(syllables):
        number, onset = divmod(number, len(_ONSETS))
        number, vowel = divmod(number * 7 + onset, len(_VOWELS))
        made += _ONSETS[onset] + _VOWELS[vowel]
    return made.capitalize()


def people(base: str) -> list[dict[str, Any]]:
    """Return the students and the staff, as entries."""
    made = []
    for number in range(STUDENTS + STAFF):
        is_student = number < STUDENTS
        login = f"{'s' if is_student else 't'}{number:05d}"
        parent = f"OU={SCHOOLS[number % 4]},OU=Students" if is_student else "OU=Staff"
        state = _DISABLED if number % 100 == 99 else 0
        entry = {
            "dn": f"CN={login},{parent},OU=School,{base}",
            "objectClass": "user",
            "sAMAccountName": login,
            "userPrincipalName": f"{login}@school.test",
            "givenName": word(number),
            "sn": word(number * 31 + 7),
            "displayName": f"{word(number)} {word(number * 31 + 7)}",
            "mail": f"{login}@school.test",
            "userAccountControl": str(_ENABLED | _NO_PASSWORD | state),
        }
        # some have none
        if number % 50 != 49:
            entry["employeeID"] = str(100000 + number)
        made.append(entry)
    return made


def groups(base: str, dns: list[str]) -> list[dict[str, Any]]:
    """Return the groups; those that hold others come after them."""
    home = f"OU=Groups,OU=School,{base}"
    staff = dns[STUDENTS:]
    teachers = {f"Teachers {school}": staff[place:160:4] for place, school in enumerate(SCHOOLS)}
    office = staff[160:]

    def of(name: str) -> str:
        return f"CN={name},{home}"

    members = {
        "All Students": dns[:STUDENTS],
        **teachers,
        "Staff": [*office, *map(of, teachers)],
        "Everyone": [of("Staff"), of("All Students")],
    }
    return [
        {
            "dn": of(name),
            "objectClass": "group",
            "sAMAccountName": name,
            "member": inside,
        }
        for name, inside in members.items()
    ]


def main() -> None:
    """Fill the domain."""
    from samba.auth import system_session
    from samba.param import LoadParm
    from samba.samdb import SamDB

    url, config = sys.argv[1:]
    parameters = LoadParm()
    parameters.load(config)
    database = SamDB(url=url, session_info=system_session(), lp=parameters)
    base = str(database.get_default_basedn())
    database.transaction_start()
    units = ["OU=School", "OU=Students,OU=School", "OU=Staff,OU=School", "OU=Groups,OU=School"]
    units += [f"OU={school},OU=Students,OU=School" for school in SCHOOLS]
    for unit in units:
        database.add({"dn": f"{unit},{base}", "objectClass": "organizationalUnit"})
    entries = people(base)
    for entry in entries + groups(base, [str(entry["dn"]) for entry in entries]):
        database.add(entry)
    database.transaction_commit()
    for account, given in json.load(sys.stdin).items():
        database.newuser(account, given["password"])
        for right in given["rights"]:
            grant(database, base, account, right)


def grant(database: Any, base: str, account: str, right: str) -> None:
    """Give an account a right."""
    from samba.dcerpc import security
    from samba.ndr import ndr_unpack
    from samba.sd_utils import SDUtils

    found = database.search(expression=f"(sAMAccountName={account})", attrs=["objectSid"])
    sid = str(ndr_unpack(security.dom_sid, found[0]["objectSid"][0]))
    place, entry = _RIGHTS[right]
    utils, shown = SDUtils(database), ["show_deleted:1"]
    descriptor = utils.read_sd_on_dn(place + base, shown)
    text = descriptor.as_sddl(utils.domain_sid)
    head, bracket, rest = text.partition("(")
    made = security.descriptor.from_sddl(
        head + entry.format(sid) + bracket + rest, utils.domain_sid
    )
    utils.modify_sd_on_dn(place + base, made, shown)


if __name__ == "__main__":
    main()
