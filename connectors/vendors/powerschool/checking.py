"""Whether a read and a write-back would work: a little is asked for of all that they need."""

from __future__ import annotations

from connectors.transport.outcomes import Outcome
from connectors.vendors.powerschool import mapping, queries
from connectors.vendors.powerschool.client import Client
from connectors.vendors.powerschool.config import PowerSchoolConfig
from connectors.vendors.powerschool.guardians import contacts_of
from connectors.vendors.powerschool.scope import STUDENT_EXPANSIONS, Scope
from connectors.vendors.powerschool.shape import shape_of
from connectors.vendors.powerschool.wire import DENIED_WRITE, NAME, Item, as_list, object_of
from shared.errors import PermanentConnectorError

STUDENTS = "/ws/v1/district/student"


def check(config: PowerSchoolConfig, client: Client, scope: Scope) -> None:
    """Ask for a little of everything.

    Raises:
        PermanentConnectorError: names the setting, or the permission and where it is given.
        TransientConnectorError: the server does not answer now.
    """
    if not scope.schools():
        raise PermanentConnectorError(NAME, "the server shows the plugin no school")
    student = _student(config, client)
    if config.application_name is not None:
        client.data_version(config.application_name, "0")
    if config.guardians != "none":
        if config.guardians_by == "query":
            _ask(config, client, queries.CONTACTS, {})
        elif student is not None:
            contacts_of(client, student)
    if config.enrollments_by == "query":
        _ask(config, client, queries.MEMBERS, {"start_year": config.start_year or 1990})
    _see_whether_it_writes(client)


def _ask(config: PowerSchoolConfig, client: Client, name: str, arguments: dict[str, int]) -> None:
    list(queries.rows(client.wire, f"{config.query_prefix}.{name}", arguments, at_most=1))


def _student(config: PowerSchoolConfig, client: Client) -> str | None:
    """Return a student's DCID, None: there is none; see that there are the extensions."""
    tables = shape_of(config).tables
    params = {"page": "1", "pagesize": "1", "expansions": STUDENT_EXPANSIONS}
    found = client.wire.get(STUDENTS, params | ({"extensions": tables} if tables else {}))
    holder = found.get("students") or {}
    held: Item = object_of(holder, STUDENTS)
    if tables and held:
        known = {name.strip().lower() for name in str(held.get("@extensions", "")).split(",")}
        if missing := sorted(set(tables.split(",")) - known):
            told = f"extension_fields names {', '.join(missing)}, which is no extension of students"
            there = ", ".join(sorted(known - {""})) or "none"
            raise PermanentConnectorError(NAME, f"{told} here. There are: {there}")
    first = next(iter(as_list(held.get("student"))), None)
    return mapping.text(first, "id") if isinstance(first, dict) else None


def _see_whether_it_writes(client: Client) -> None:
    """Write nobody: a plugin that may not write is denied that too."""
    path = "/ws/v1/student"
    body = b'{"students":{"student":[]}}'
    answer = client.wire.signed("POST", path, is_safe=True, content=body)
    # what else a server says of an empty list is not told, and says nothing of the right
    if answer.outcome is Outcome.DENIED:
        raise client.wire.error_of(answer, path, DENIED_WRITE)
