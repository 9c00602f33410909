"""Guardians at Google: invited by mail to follow their students, and let go.

Source: Classroom API v1, `userProfiles.guardians` and `guardianInvitations`. Nobody can be made a
guardian: they are asked, and may decline. A student has 20 at most.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from connectors.sdk import RosterReader
from connectors.vendors.google_classroom.client import Client, Item, Refusal, segment
from shared.domain.limits import Limit, is_over
from shared.domain.provisioning import Linked
from shared.domain.records import Kind, decode_list

READS = ("email", "agentSourcedIds")
#: Guardians of one student at most, those who are asked among them.
MOST = 20
#: Requests between two looks at the lease.
BATCH = 25
#: Students whose ids are looked up together.
_PAGE = 500


@dataclass(slots=True)
class There:
    """What Google has of one student's guardians, by address in lower case.

    Attributes:
        guardians: address → id.
        asked: address → id of the invitation that waits.
        answered: those whose invitation was declined, withdrawn, or accepted once.
    """

    guardians: dict[str, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Changes:
    """What brings Google's guardians in step with the hub's.

    Attributes:
        invite: (student, address).
        remove: (student, id of the guardian).
        withdraw: (student, id of the invitation).
        full: students who have as many as Google allows.
    """

    invite: list[tuple[str, str]]
    remove: list[tuple[str, str]]
    withdraw: list[tuple[str, str]]
    full: int


def changes(wanted: Mapping[str, set[str]], there: Mapping[str, There]) -> Changes:
    """Compare the hub's guardians with Google's. Pure.

    Of a student of whom the hub names no guardian nobody is let go: it may just not know. Who has
    declined is not asked again.

    Args:
        wanted: by student, addresses in lower case.
        there: by student.
    """
    made = Changes([], [], [], 0)
    full = 0
    for student, addresses in sorted(wanted.items()):
        has = there.get(student) or There()
        free = MOST - len(has.guardians) - len(has.asked)
        new = sorted(addresses - has.guardians.keys() - has.asked.keys() - has.answered)
        made.invite.extend((student, address) for address in new[: max(0, free)])
        full += len(new) > max(0, free)
        if addresses:
            gone = sorted(has.guardians.keys() - addresses)
            made.remove.extend((student, has.guardians[address]) for address in gone)
            unasked = sorted(has.asked.keys() - addresses)
            made.withdraw.extend((student, has.asked[address]) for address in unasked)
    return Changes(made.invite, made.remove, made.withdraw, full)


class Guardians:
    """Keeps guardians in step.

    Args:
        client: the wire.
        limit: of those who may be let go at once.
        leaves_out: whether nobody else of the hub's users is told to Google.
    """

    def __init__(self, client: Client, limit: Limit, *, leaves_out: bool) -> None:
        self._leaves_out = leaves_out
        self._client = client
        self._limit = limit

    def follow(
        self,
        roster: RosterReader,
        linked: Linked,
        confirm: Callable[[], None],
        *,
        is_plan: bool,
    ) -> Mapping[str, int]:
        """Invite and let go; returns what was done, in words that follow a number."""
        there = self._there()
        found = changes(wanted(roster, linked, leaves_out=self._leaves_out), there)
        count = sum(len(one.guardians) for one in there.values())
        is_held = is_over(self._limit, len(found.remove), count)
        told: Counter[str] = Counter(
            {"students have as many guardians as Google allows": found.full}
        )
        would = "would be" if is_plan else "were"
        let_go = "guardians were kept: they are above the limit of removals"
        told[let_go if is_held else f"guardians {would} let go"] += len(found.remove)
        told[f"guardians {would} invited"] += len(found.invite)
        told[f"invitations of guardians {would} withdrawn"] += len(found.withdraw)
        if not is_plan:
            removing = [] if is_held else found.remove
            for place, refused in enumerate(self._carried_out(found, removing)):
                if place % BATCH == 0:
                    confirm()
                told["changes of guardians were refused by Google"] += refused()
        return {words: count for words, count in told.items() if count}

    def _carried_out(
        self, found: Changes, removing: list[tuple[str, str]]
    ) -> Iterator[Callable[[], bool]]:
        """Yield one request after the other; each says whether it was refused."""
        for student, address in found.invite:
            body = {"invitedEmailAddress": address}
            yield self._request("POST", student, "guardianInvitations", body)
        for student, key in removing:
            yield self._request("DELETE", student, f"guardians/{segment(key)}")
        for student, key in found.withdraw:
            path, body = f"guardianInvitations/{segment(key)}", {"state": "COMPLETE"}
            yield self._request("PATCH", student, path, body, {"updateMask": "state"})

    def _request(
        self,
        method: str,
        student: str,
        path: str,
        body: Item | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Callable[[], bool]:
        def send() -> bool:
            whole = f"/v1/userProfiles/{segment(student)}/{path}"
            said = self._client.call(method, whole, body, params)
            # what is there or gone already is as it should be
            return isinstance(said, Refusal) and said.status not in {404, 409}

        return send

    def _there(self) -> Mapping[str, There]:
        found: defaultdict[str, There] = defaultdict(There)
        base = "/v1/userProfiles/-"
        for page in self._client.pages(f"{base}/guardians", "guardians"):
            for one in page:
                address = str(one.get("invitedEmailAddress", "")).lower()
                found[str(one["studentId"])].guardians[address] = str(one["guardianId"])
        params = {"states": ["PENDING", "COMPLETE"]}
        key = "guardianInvitations"
        for page in self._client.pages(f"{base}/guardianInvitations", key, params):
            for one in page:
                address = str(one.get("invitedEmailAddress", "")).lower()
                student = found[str(one["studentId"])]
                if one.get("state") == "PENDING":
                    student.asked[address] = str(one["invitationId"])
                else:
                    student.answered.add(address)
        return found


def wanted(roster: RosterReader, linked: Linked, *, leaves_out: bool = True) -> dict[str, set[str]]:
    """Return the guardians' addresses by their students' ids at Google, for those who have one.

    Who is neither guardian nor has one is left out, and nobody is told of them.
    """
    agents: dict[str, list[str]] = {}
    for sourced_id, listed in roster.rows(Kind.USERS, ("agentSourcedIds",)):
        if sourced_id is not None and (named := decode_list(listed)):
            agents[sourced_id] = named
    needed = {agent for named in agents.values() for agent in named}
    addresses: dict[str, str] = {}
    for sourced_id, email in roster.rows(Kind.USERS, ("email",)):
        if sourced_id in needed and email:
            addresses[sourced_id] = email.lower()
        elif leaves_out and sourced_id is not None and sourced_id not in agents:
            roster.leave_out(Kind.USERS, sourced_id)
    made: dict[str, set[str]] = {}
    students = sorted(agents)
    for start in range(0, len(students), _PAGE):
        ids = linked.external_ids(Kind.USERS, students[start : start + _PAGE])
        for student, external_id in ids.items():
            made[external_id] = {addresses[a] for a in agents[student] if a in addresses}
    return made
