"""The roster: its records, searched and by the page, and each with where its values come from."""

from __future__ import annotations

from typing import Any, get_args

from console.service import roster
from console.web.page import Data, Redirect, Refused, page
from console.web.pages.choices import school_choices
from console.web.rendering import words
from console.web.visit import Visit
from shared.domain.records import FIELDS, Kind, field_names
from shared.domain.roles import Permission
from shared.errors import ConfigurationError, NotFoundError
from shared.roster.browsing import kind_named

_ROSTER = "/tenants/{tenant}/roster"
_STATUSES = get_args(roster.Status)
#: What a list has room for.
_COLUMNS = {
    Kind.ORGS: ("name", "type", "identifier"),
    Kind.ACADEMIC_SESSIONS: ("title", "type", "startDate", "endDate"),
    Kind.COURSES: ("title", "courseCode"),
    Kind.CLASSES: ("title", "classCode", "classType"),
    Kind.USERS: ("familyName", "givenName", "username", "email", "identifier"),
    Kind.ROLES: ("role", "roleType", "beginDate", "endDate"),
    Kind.ENROLLMENTS: ("role", "primary", "beginDate", "endDate"),
    Kind.DEMOGRAPHICS: ("birthDate", "sex"),
}
#: Kinds whose records belong to a school.
_OF_SCHOOLS = frozenset(
    {Kind.ORGS, Kind.USERS, Kind.DEMOGRAPHICS}
    | {kind for kind in Kind if any(field.ref is Kind.ORGS for field in FIELDS[kind])}
)
#: Changes of a record's history on a page.
_HISTORY = 25


@page("GET", _ROSTER, needs=Permission.VIEW)
def front(visit: Visit, tenant: str) -> Redirect:
    """Lead to the people, whom most look for."""
    del visit
    return Redirect(f"/tenants/{tenant}/roster/{Kind.USERS}")


@page("GET", _ROSTER + "/{kind}", needs=Permission.VIEW, template="roster.html")
def list_records(
    visit: Visit,
    tenant: str,
    kind: str,
    search: str = "",
    school: str = "",
    status: str = "active",
    as_of: str = "",
    after: str = "",
) -> Data | Refused:
    """Show the records of a kind, by the page: searched, of a school, now or as they were."""
    of = kind_named(kind)
    wanted = {
        "search": search.strip(),
        "school": school if of in _OF_SCHOOLS else "",
        "status": status if status in _STATUSES else "active",
        "as_of": as_of.strip(),
    }
    data: dict[str, Any] = {
        "kind": of,
        "kinds": [[one, words(one)] for one in Kind],
        "columns": list(_COLUMNS[of]),
        "wanted": wanted,
        "is_filtered": wanted != {"search": "", "school": "", "status": "active", "as_of": ""},
        "schools": school_choices(visit, tenant) if of in _OF_SCHOOLS else [],
        "records": [],
        "next": None,
        "error": {},
    }
    given: dict[str, Any] = {name: value or None for name, value in wanted.items()}
    try:
        found = visit.desk.call(
            roster.list_roster, tenant=tenant, kind=of, **given, after=after or None
        )
    except ConfigurationError as error:
        field = {"--as-of": "as_of", "--school": "school"}.get(error.field, error.field)
        return Refused({**data, "error": {field: f"{error.problem}. {error.fix}"}})
    return {**data, **found}


@page("GET", _ROSTER + "/{kind}/{record}", needs=Permission.VIEW, template="record.html")
def show_record(
    visit: Visit, tenant: str, kind: str, record: str, as_of: str = "", history: int = 0
) -> Data | Refused:
    """Show a record: its fields and where each comes from, what it belongs to, and its history."""
    named: dict[str, Any] = {"tenant": tenant, "kind": kind, "record": record, "is_whole": True}
    error = {}
    try:
        found = visit.desk.call(roster.show_roster_record, **named, as_of=as_of or None)
    except NotFoundError:
        raise
    except ConfigurationError as refused:
        found = visit.desk.call(roster.show_roster_record, **named)
        error = {"as_of": f"{refused.problem}. {refused.fix}"}
    changes = found.pop("history")[::-1]
    start = max(0, history)
    data = {
        **found,
        "given": as_of,
        "history": changes[start : start + _HISTORY],
        "history_count": len(changes),
        "older": start + _HISTORY if len(changes) > start + _HISTORY else None,
        "newer": max(0, start - _HISTORY) if start else None,
        "error": error,
    }
    return Refused(data) if error else data


@page("GET", _ROSTER + "/{kind}/{record}/why", needs=Permission.VIEW, template="why_value.html")
def explain_value(visit: Visit, tenant: str, kind: str, record: str, field: str = "") -> Data:
    """Say why a field of a record holds its value."""
    of = kind_named(kind)
    if field not in ("status", *field_names(of)):
        raise NotFoundError("field", f"{of} have no such field", "Follow a link of the record.")
    return visit.desk.call(
        roster.explain_value, tenant=tenant, kind=kind, record=record, field=field
    )
