"""Accounts in Google's Directory: made, taken back into use, suspended, and renamed.

Source: Directory API v1, `users` (insert, get, patch) and `orgunits`.
"""

from __future__ import annotations

import secrets
from typing import Any

from connectors.vendors.google_classroom import mapping
from connectors.vendors.google_classroom.client import Client, Item, Refusal, segment
from connectors.vendors.google_classroom.config import GoogleClassroomConfig
from connectors.vendors.google_classroom.courses import Courses
from connectors.vendors.google_classroom.refusals import refused
from shared.domain.provisioning import Answer, EndedRecord, Linked, NewRecord, Result
from shared.errors import PermanentConnectorError

USERS = "/admin/directory/v1/users"


class Accounts:
    """Makes and ends accounts.

    Args:
        config: where they go.
        client: the wire.
        courses: hands courses over.
    """

    def __init__(self, config: GoogleClassroomConfig, client: Client, courses: Courses) -> None:
        self._config = config
        self._client = client
        self._courses = courses

    def check_units(self, vendor: str) -> None:
        """See that the units exist that accounts are put into.

        Raises:
            PermanentConnectorError: names one that does not, and its setting.
        """
        if not self._config.org_units:
            return
        path = f"/admin/directory/v1/customer/{segment(self._config.customer)}/orgunits"
        found = self._client.get(path, {"type": "all"}).get("organizationUnits") or []
        there = {"/", *(str(one.get("orgUnitPath")) for one in found)}
        for name, unit in self._config.org_units.items():
            if unit not in there:
                raise PermanentConnectorError(
                    vendor,
                    f"{name}: the organisational unit {unit} does not exist: make it in Google,"
                    " or change the setting",
                )

    def check_owner(self, vendor: str) -> None:
        """See that the account can own courses that is set as their owner.

        Raises:
            PermanentConnectorError: there is none, or it is out of use.
        """
        owner = self._config.course_owner
        if owner is None or owner.lower() == self._config.admin.lower():
            return
        found = self._client.find(f"{USERS}/{segment(owner)}")
        if found is None or not mapping.is_active(found):
            told = "is suspended or archived" if found is not None else "is not in the domain"
            raise PermanentConnectorError(
                vendor, f"course_owner: the account {told}: give one that is in use"
            )

    def create(self, record: NewRecord) -> Result:
        """Make an account, or take up the one that has the address.

        One that is suspended is taken back into use only if it was this app that suspended it.
        """
        body = mapping.account_body(record.values, self._config, secrets.token_urlsafe(24))
        said = self._client.call("POST", USERS, body)
        if not isinstance(said, Refusal):
            return _done(record, said)
        if said.status != 409:
            return refused(record.sourced_id, said)
        found = self._client.find(f"{USERS}/{segment(str(record.values['email']))}")
        if found is None:
            told = "the address was taken by an account that is gone: Google frees it in 20 days"
            return Result(record.sourced_id, Answer.LATER, reason=told)
        theirs, ours = mapping.organization_id(found), record.values.get("identifier")
        if theirs and ours and theirs != ours:
            told = "the address belongs to an account with another organisation id"
            return Result(record.sourced_id, Answer.REJECTED, reason=told)
        if mapping.is_active(found):
            return _done(record, found)
        if str(found.get("id")) != record.former:
            told = "the account is suspended, and not by this app: somebody must restore it"
            return Result(record.sourced_id, Answer.REJECTED, reason=told)
        unit = mapping.org_unit(record.values, self._config)
        change: dict[str, Any] = {"suspended": False, **({"orgUnitPath": unit} if unit else {})}
        said = self._client.call("PATCH", f"{USERS}/{segment(record.former)}", change)
        if isinstance(said, Refusal):
            return refused(record.sourced_id, said)
        return _done(record, said)

    def suspend(self, record: EndedRecord, linked: Linked) -> Result:
        """Suspend an account; the courses that it owns are handed over first.

        A course of a suspended owner takes no more members.
        """
        user = record.external_id
        for course in list(self._courses.owned_by(user)):
            refusal = self._courses.hand_over(course, user, linked)
            if refusal is not None:
                return refused(record.sourced_id, refusal)
        change: dict[str, Any] = {"suspended": True}
        if self._config.suspended_org_unit:
            change["orgUnitPath"] = self._config.suspended_org_unit
        said = self._client.call("PATCH", f"{USERS}/{segment(user)}", change)
        if isinstance(said, Refusal) and said.status != 404:
            return refused(record.sourced_id, said)
        return Result(record.sourced_id, Answer.DONE)

    def rename(self, user: str, values: dict[str, str | None]) -> Item | Refusal:
        """Change an account's names."""
        return self._client.call("PATCH", f"{USERS}/{segment(user)}", mapping.name_body(values))


def _done(record: NewRecord, user: Item) -> Result:
    key = str(user.get("id") or "")
    if not key:
        return Result(
            record.sourced_id, Answer.LATER, reason="Google made it without telling an id"
        )
    held = {"email": user.get("primaryEmail"), "identifier": mapping.organization_id(user)}
    name = user.get("name") or {}
    names = {field: name.get(theirs) for field, theirs in mapping.NAME_FIELDS.items()}
    return Result(record.sourced_id, Answer.DONE, key, {**held, **names})
