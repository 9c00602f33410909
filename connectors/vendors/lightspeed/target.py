"""Renders and delivers Lightspeed's three v2 files.

Rows stand in a stable order, so that an unchanged hub gives unchanged bytes: the vendor's import
runs only if a file has changed.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from connectors.sdk import Delivery, RenderedFile, Rendering, RosterReader
from connectors.transport.places import deliver, refuse_to_empty, sha256
from connectors.vendors.lightspeed.config import FILES, LightspeedConfig
from connectors.vendors.lightspeed.mapping import (
    FAMILY,
    GROUPS_HEADER,
    MEMBERSHIPS_HEADER,
    USER_TYPES,
    USERS_HEADER,
    WITHOUT_CLASS,
    grade_of,
    name_of,
    one_line,
    without_class_id,
)
from shared.domain.records import Kind

NAME = "lightspeed"

READS: Mapping[Kind, tuple[str, ...]] = {
    Kind.ORGS: ("type", "identifier"),
    Kind.USERS: (
        "enabledUser",
        "username",
        "givenName",
        "familyName",
        "identifier",
        "email",
        "grades",
    ),
    Kind.ROLES: ("userSourcedId", "roleType", "role", "orgSourcedId"),
    Kind.CLASSES: ("title", "schoolSourcedId"),
    Kind.ENROLLMENTS: ("classSourcedId", "userSourcedId", "role", "primary"),
}

Row = tuple[str | None, ...]


class Lightspeed:
    """The export target.

    Args:
        config: where the files go, and which ids they carry.
    """

    reads: Mapping[Kind, tuple[str, ...]] = READS

    def __init__(self, config: LightspeedConfig) -> None:
        self._config = config

    def check(self) -> None:
        """See that the place can be written.

        Raises:
            ConnectorError: it cannot.
        """
        with self._config.place(NAME) as place:
            place.probe()

    def render(self, roster: RosterReader, folder: Path) -> Rendering:
        """Write the three files into an empty local folder.

        Raises:
            PermanentConnectorError: no user is left although there were some in the last export.
        """
        writing = _Writing(self._config, roster, folder)
        rendered = tuple(
            writing.write(folder / name, header, rows)
            for name, header, rows in (
                (FILES[0], USERS_HEADER, writing.users()),
                (FILES[1], GROUPS_HEADER, writing.groups()),
                (FILES[2], MEMBERSHIPS_HEADER, writing.memberships()),
            )
        )
        self._guard(rendered[0])
        return Rendering(rendered, dict(writing.left_out), altered=dict(writing.altered))

    def deliver(self, rendering: Rendering) -> Delivery:
        """Put what has changed beside its place, then rename all of it.

        A file that has not changed is left alone, with its time, unless the settings say otherwise.
        Delivering again is harmless.

        Raises:
            ConnectorError: the place cannot be reached or written.
        """
        with self._config.place(NAME) as place:
            again = self._config.unchanged == "send"
            return deliver(rendering.files, place, send_unchanged=again)

    def _guard(self, users: RenderedFile) -> None:
        if not users.rows:
            with self._config.place(NAME) as place:
                refuse_to_empty(NAME, place, users, "user")


class _Writing:
    def __init__(self, config: LightspeedConfig, roster: RosterReader, folder: Path) -> None:
        self._config = config
        self._roster = roster
        self._folder = folder
        self.left_out: Counter[str] = Counter()
        self.altered: Counter[str] = Counter()
        place = 1 if config.school_id == "sourcedId" else 3
        self._schools = {
            str(org[0]): org[0] if place == 1 else org[2]
            for org in roster.rows(Kind.ORGS, ("type", "identifier"))
        }
        #: Of the users who are sent, the id and the school's; memory grows with these alone.
        self._sent: dict[str, tuple[str, str]] = {}
        self._group_school: dict[str, str] = {}

    def users(self) -> Iterator[Sequence[str]]:
        fields = READS[Kind.USERS]
        roles = self._roles()
        current = next(roles, None)
        for row in self._roster.rows(Kind.USERS, fields):
            user = dict(zip(("sourcedId", *fields), row, strict=True))
            sourced_id = str(user["sourcedId"])
            while current is not None and current[0] < sourced_id:
                current = next(roles, None)
            role = current[1:] if current is not None and current[0] == sourced_id else None
            made = self._user(user, role)
            if made is None:
                self._roster.leave_out(Kind.USERS, sourced_id)
                continue
            self._sent[sourced_id] = made[0], made[4]
            yield made

    def groups(self) -> Iterator[Sequence[str]]:
        owners = self._owners()
        for row in self._roster.rows(Kind.CLASSES, ("title", "schoolSourcedId")):
            sourced_id, title, school_id = (str(value) for value in row)
            school = self._schools.get(school_id)
            if not school:
                self.left_out["classes without the school's id"] += 1
                continue
            self._group_school[sourced_id] = school
            yield (sourced_id, title, owners.get(sourced_id, ""), school, "", "")
        if self._config.without_class == "group":
            for school in sorted({school for _, school in self._sent.values()}):
                yield (without_class_id(school), WITHOUT_CLASS, "", school, "", "")

    def memberships(self) -> Iterator[Sequence[str]]:
        fields = ("userSourcedId", "role", "primary")
        order = ("classSourcedId", "userSourcedId")
        query = self._roster.rows(Kind.ENROLLMENTS, ("classSourcedId", *fields), order_by=order)
        without = dict.fromkeys(self._sent)
        for (group, user), rows in groupby(query, key=lambda row: (str(row[1]), str(row[2]))):
            listed = list(rows)
            if group not in self._group_school or user not in self._sent:
                self.left_out["memberships of a class or user that is not sent"] += 1
                continue
            is_admin = any(row[3] in {"teacher", "administrator"} for row in listed)
            without.pop(user, None)
            user_id = self._sent[user][0]
            yield (group, user_id, self._group_school[group], "1" if is_admin else "0")
        if self._config.without_class == "group":
            for user_id, school in sorted(self._sent[user] for user in without):
                yield (without_class_id(school), user_id, school, "0")

    def write(
        self, path: Path, header: Sequence[str], rows: Iterator[Sequence[str]]
    ) -> RenderedFile:
        """Write one file, a record a line."""
        count = 0
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            for row in rows:
                made = [one_line(value) for value in row]
                if made != list(row):
                    self.altered["rows sent without the line breaks of a value"] += 1
                writer.writerow(made)
                count += 1
        return RenderedFile(path, count, sha256(path))

    def _roles(self) -> Iterator[tuple[str, str, str]]:
        """Yield (user, role, org) once a user, by user: the one by which Lightspeed knows them."""
        fields = ("userSourcedId", "roleType", "role", "orgSourcedId")
        query = self._roster.rows(Kind.ROLES, fields, order_by=("userSourcedId",))
        for user, rows in groupby(query, key=lambda row: str(row[1])):
            best = min(rows, key=_rank_of_role)
            yield user, str(best[3]), str(best[4])

    def _owners(self) -> dict[str, str]:
        """Return each class's first primary teacher who is sent, by class."""
        owners: dict[str, tuple[bool, str]] = {}
        fields = ("classSourcedId", "userSourcedId", "role", "primary")
        for _, group, user, role, primary in self._roster.rows(Kind.ENROLLMENTS, fields):
            if role != "teacher" or str(user) not in self._sent:
                continue
            found = (primary != "true", self._sent[str(user)][0])
            owners[str(group)] = min(found, owners.get(str(group), found))
        return {group: owner for group, (_, owner) in owners.items()}

    def _user(
        self, user: dict[str, str | None], role: tuple[str, str] | None
    ) -> Sequence[str] | None:
        if role is not None and role[0] in FAMILY:
            return None
        if role is None or role[0] not in USER_TYPES:
            self.left_out["users without a role that Lightspeed knows"] += 1
            return None
        if user["enabledUser"] == "false":
            self.left_out["users that are not enabled"] += 1
            return None
        user_id, school = user[self._config.user_id], self._schools.get(role[1])
        first, last = name_of(user["givenName"] or ""), name_of(user["familyName"] or "")
        for value, missing in (
            (user_id, f"users without {self._config.user_id}"),
            (school, "users without the school's id"),
            (first and last, "users whose name is empty without commas and digits"),
            (user["username"], "users without a username"),
        ):
            if not value:
                self.left_out[missing] += 1
                return None
        if (first, last) != (user["givenName"], user["familyName"]):
            self.altered["users sent without the commas and digits of their name"] += 1
        grade = grade_of(user["grades"], tk_grade=self._config.tk_grade)
        return (
            str(user_id),
            str(user["username"]),
            first,
            last,
            str(school),
            grade if role[0] == "student" else "",
            user["email"] or "",
            USER_TYPES[role[0]],
            "",
            self._config.authentication,
        )


def _rank_of_role(row: Sequence[str | None]) -> tuple[bool, bool, str, str]:
    return row[3] not in USER_TYPES, row[2] != "primary", str(row[4]), str(row[3])
