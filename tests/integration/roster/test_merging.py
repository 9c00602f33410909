"""The SQL merges every case of a field as the pure function says."""

from __future__ import annotations

import itertools

import pytest
from sqlalchemy import update

from shared.db.hub_tables import HUB, LINKS
from shared.db.review_tables import conflicts
from shared.domain.merge import Side, merge
from shared.domain.records import Kind
from tests.integration.roster.district import Hub, user

VALUES = (None, "a", "b", "c")
#: What the other app supplies; where it is the owner, a hub that holds this is settled.
OTHERS = "a"


@pytest.mark.parametrize("tier", ["import", "two_way"])
def test_the_sql_agrees_with_the_pure_merge_in_every_case(hub: Hub, tier: str) -> None:
    before, me, after = hub.app(1), hub.app(2, tier), hub.app(3)
    cases = list(itertools.product(VALUES, VALUES, VALUES, (True, False), (True, False)))
    names = {number: case for number, case in enumerate(cases, start=1)}
    must = ("enabledUser", "username", "givenName", "familyName", "identifier", "phone")

    def rows(phones: dict[int, str | None]) -> list[tuple[str | None, ...]]:
        made = []
        for number, phone in phones.items():
            row = user(number)
            made.append((row[0], row[1], row[2], row[4], row[5], row[7], phone))
        return made

    def sync(app: int, phones: dict[int, str | None]) -> None:
        hub.sync(app, {Kind.USERS: rows(phones)}, fields={Kind.USERS: must})

    # another app supplies the field of every record: one that comes before me, or one after
    sync(before, {n: OTHERS for n, (*_, is_owner) in names.items() if not is_owner})
    sync(after, {n: OTHERS for n, (*_, is_owner) in names.items() if is_owner})
    sync(me, {n: base for n, (base, _, _, is_linked, _) in names.items() if is_linked})
    with hub.database.write() as connection:
        for number, (_, ours, *_) in names.items():
            table = HUB[Kind.USERS]
            connection.execute(
                update(table).where(table.c.username == f"user{number}").values(phone=ours)
            )
        # the first rounds may have found conflicts of their own
        connection.execute(conflicts.delete())
        # an unchanged source row is done with at once, so that something else must have changed
        connection.execute(update(LINKS[Kind.USERS]).values(fingerprint=""))
    people = {n: theirs for n, (_, _, theirs, _, _) in names.items()}
    hub.sync(me, {Kind.USERS: rows(people)}, fields={Kind.USERS: must})

    found = hub.records(Kind.USERS)
    assert len(found) == len(cases)
    sides = {
        number: merge(
            base,
            ours,
            theirs,
            is_linked=is_linked,
            is_owner=is_owner,
            fills=tier == "import",
            is_settled=ours == OTHERS,
        )
        for number, (base, ours, theirs, is_linked, is_owner) in names.items()
    }
    for number, case in names.items():
        _, ours, theirs, *_ = case
        expected = theirs if sides[number] is Side.THEIRS else ours
        assert found[f"user{number}"]["phone"] == expected, case
    noted = {(row["sourced_id"], row["base"], row["ours"], row["theirs"]) for row in
             hub.table(conflicts)}  # fmt: skip
    assert noted == {
        (found[f"user{number}"]["sourced_id"], *names[number][:3])
        for number, side in sides.items()
        if side is Side.CONFLICT
    }
    assert bool(noted) == (tier == "two_way")
