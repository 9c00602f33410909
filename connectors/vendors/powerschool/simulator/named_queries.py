"""PowerQueries on the simulated server: the plugin's own, and three that every server has.

Source: PowerSchool developer pages on PowerQuery: POST with a JSON body, `page`, `pagesize` (0: all
rows), `order`, `count` and `/count`; `$q` by aliases, joined by `;` alone; `projection` with
semicolons; `$dataversion` with `$dataversion_applicationname`; an answer without rows has no
`record`; 400, 403 and 404. Which columns `get_student_basic_info` has is not told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors.district.faults import Faults
from connectors.vendors.powerschool.simulator.fiql import in_order, restricted
from connectors.vendors.powerschool.simulator.tables import Item, Tables

#: What our plugin's queries are called in front.
PREFIX = "org.bellringer.roster"
#: The data version that is asked for, and of which application; one is nothing without the other.
_VERSION = ("$dataversion", "$dataversion_applicationname")
Rows = list[Item]


@dataclass(frozen=True, slots=True)
class Query:
    """A query that is installed.

    Attributes:
        alias: of its table.
        columns: of a row; it has each, though it be null.
        make: gives its rows by the arguments.
        arguments: that it takes.
        keys: by table of the data version, the column with the key of the record it was joined of.
    """

    alias: str
    columns: tuple[str, ...]
    make: Callable[[Item], Rows]
    arguments: frozenset[str] = frozenset()
    keys: Mapping[str, str] | None = None

    def rows(self, arguments: Item) -> Rows:
        """Return the rows, each with every column."""
        return [
            {column: row.get(column) for column in self.columns} for row in self.make(arguments)
        ]

    def changed(self, rows: Rows, changes: Mapping[str, list[int]]) -> Rows:
        """Return the rows of which a record has changed: the tables are joined by outer joins."""
        keys = (self.keys or {}).items()
        return [
            row
            for row in rows
            if any(row[column] in changes.get(table, ()) for table, column in keys)
        ]


class NamedQueries:
    """Answers queries.

    Attributes:
        has_plugin: whether the plugin's queries are installed.
        may_read: whether the plugin has asked for the fields that they read.
        is_flat: whether rows come flat; else grouped by table.
    """

    def __init__(self, tables: Tables, faults: Faults) -> None:
        self._tables = tables
        self._faults = faults
        self.has_plugin = True
        self.may_read = True
        self.is_flat = True
        students = {"students": "dcid"}
        self._known: dict[str, Query] = {
            f"{PREFIX}.student.contacts": Query(
                "contacts",
                (
                    *("student_dcid", "school_dcid", "contact_id", "first_name", "middle_name"),
                    *("last_name", "email", "relationship", "is_custodial"),
                ),
                self._contacts,
                keys={"students": "student_dcid", "contacts": "contact_id"},
            ),
            f"{PREFIX}.section.members": Query(
                "members",
                ("id", "section_dcid", "student_dcid", "entry_date", "exit_date"),
                self._members,
                frozenset({"start_year"}),
                {"cc": "id", "sections": "section_dcid"},
            ),
            "com.pearson.core.student.student_dcid_id_map": Query(
                "students",
                ("id", "dcid"),
                self._ids,
                frozenset({"students_id", "students_dcid"}),
                students,
            ),
            "com.pearson.core.guardian.student_guardian_detail": Query(
                "students",
                ("id", "dcid"),
                self._of_guardian,
                frozenset({"guardian_id"}),
                students,
            ),
            "com.pearson.core.student.search.get_student_basic_info": Query(
                "students",
                (
                    *("id", "dcid", "student_number", "first_name", "middle_name", "last_name"),
                    *("gender", "dob", "grade_level", "enroll_status", "schoolid"),
                ),
                self._basics,
                keys=students,
            ),
        }

    async def known(self, request: Request) -> Response:
        """Answer `GET /ws/schema/query/api`."""
        del request
        return JSONResponse({"queries": [{"name": name} for name in sorted(self._installed())]})

    async def rows(self, request: Request) -> Response:
        """Answer `POST /ws/schema/query/{name}`."""
        found = await self._found(request)
        if isinstance(found, Response):
            return found
        query, rows, body, version = found
        alias = query.alias
        params = request.query_params
        try:
            page, size = int(params.get("page", 1)), int(params.get("pagesize", 100))
        except ValueError:
            return _message(400, "page and pagesize are numbers")
        place = f"{request.url.path}?{request.url.query}"
        part = rows if size == 0 else rows[(page - 1) * size : page * size]
        if part and self._faults.strike("short", place):
            part = part[:-1]
        if self._faults.strike("empty", place):
            part = []
        answer: Item = {"@extensions": ""}
        if part:
            shown = [self._shown(alias, row, body) for row in part]
            answer = {"name": alias, "record": shown[0] if len(shown) == 1 else shown, **answer}
        if params.get("count") == "true":
            answer["count"] = len(rows)
        if "$dataversion" in body:
            answer["$dataversion"] = version
        return JSONResponse(answer)

    async def count(self, request: Request) -> Response:
        """Answer `POST /ws/schema/query/{name}/count`."""
        found = await self._found(request)
        if isinstance(found, Response):
            return found
        count = len(found[1])
        if wrong := self._faults.strike("miscount", f"{request.url.path}?{request.url.query}"):
            count += int(wrong.value)
        return JSONResponse({"count": count})

    def _installed(self) -> list[str]:
        return [name for name in self._known if self.has_plugin or not name.startswith(PREFIX)]

    async def _found(self, request: Request) -> Response | tuple[Query, Rows, Item, str]:
        """Return a query, its rows, the body, and the data version that the rows are of."""
        name = request.path_params["name"]
        if name not in self._installed():
            return _message(404, "there is no such query")
        query = self._known[name]
        if name.startswith(PREFIX) and not self.may_read:
            return _message(403, "a field was not asked for by the plugin")
        try:
            body = json.loads(await request.body() or b"{}")
            unknown = set(body) - query.arguments - {"$q", "projection", *_VERSION}
            if unknown:
                return _message(400, f"{', '.join(sorted(unknown))}: no such argument")
            with self._tables.lock:
                rows, version = query.rows(body), str(self._tables.version)
                if any(name in body for name in _VERSION):
                    rows = query.changed(rows, self._changes(body))
            asked = str(body.get("$q") or request.query_params.get("$q", ""))
            for clause in filter(None, asked.split(";")):
                rows = restricted(rows, query.alias, query.columns, clause)
            rows = in_order(rows, query.columns, request.query_params.get("order", ""))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return _message(400, f"not understood: {error}")
        return query, rows, body, version

    def _changes(self, body: Item) -> Mapping[str, list[int]]:
        version, application = (body.get(name) for name in _VERSION)
        if version is None or not application:
            raise ValueError(f"{' and '.join(_VERSION)}: both or neither")
        if not (str(version).isascii() and str(version).isdigit()):
            raise ValueError("$dataversion is no integer")
        return self._tables.changed_since(int(str(version)))

    def _shown(self, alias: str, row: Item, body: Item) -> Item:
        wanted = [part.rpartition(".")[2] for part in str(body.get("projection", "*")).split(";")]
        # a null is left out, and a number is text, as the JSON of tables has it
        shown = {
            name: str(value)
            for name, value in row.items()
            if value is not None and ("*" in wanted or name in wanted)
        }
        if self.is_flat:
            return {"_name": alias, **shown}
        return {"id": 1, "name": alias, "tables": {alias: shown}}

    def _contacts(self, body: Item) -> Rows:
        del body
        found: Rows = []
        here = {0, -1}
        for dcid, student in sorted(self._tables.students.items()):
            if student["school_enrollment"]["enroll_status_code"] not in here:
                continue
            for contact in self._tables.contacts_of(dcid):
                tie = next(one for one in contact["students"] if one["dcid"] == dcid)
                if not (contact["active"] and tie["active"]):
                    continue
                found.append(
                    {
                        "student_dcid": dcid,
                        "school_dcid": student["school_enrollment"]["school_id"],
                        "contact_id": contact["id"],
                        **contact["name"],
                        "email": contact["emails"][0] if contact["emails"] else None,
                        "relationship": tie["relationship"],
                        "is_custodial": int(tie["custodial"]),
                    }
                )
        return found

    def _members(self, body: Item) -> Rows:
        since = int(body["start_year"])
        found: Rows = []
        for dcid, row in sorted(self._tables.enrollments.items()):
            section = self._tables.sections.get(row["section_id"], {})
            term = self._tables.terms.get(section.get("term_id", 0), {})
            if not row["dropped"] and term.get("start_year", 0) >= since:
                found.append(
                    {
                        "id": dcid,
                        "section_dcid": row["section_id"],
                        "student_dcid": row["student_id"],
                        "entry_date": row["entry_date"],
                        "exit_date": row["exit_date"],
                    }
                )
        return found

    def _ids(self, body: Item) -> Rows:
        asked = (body.get("students_id", []), body.get("students_dcid", []))
        wanted = {int(key) for keys in asked for key in keys}
        return [
            {"id": dcid, "dcid": dcid}
            for dcid in sorted(self._tables.students)
            if not wanted or dcid in wanted
        ]

    def _basics(self, body: Item) -> Rows:
        del body
        return [
            {
                "id": dcid,
                "dcid": dcid,
                "student_number": student["local_id"],
                **student["name"],
                "gender": _part(student, "demographics").get("gender"),
                "dob": _part(student, "demographics").get("birth_date"),
                "grade_level": student["school_enrollment"]["grade_level"],
                "enroll_status": student["school_enrollment"]["enroll_status_code"],
                "schoolid": student["school_enrollment"]["school_number"],
            }
            for dcid, student in sorted(self._tables.students.items())
        ]

    def _of_guardian(self, body: Item) -> Rows:
        wanted = {int(key) for key in body.get("guardian_id", [])}
        found = [self._tables.contacts[key] for key in wanted if key in self._tables.contacts]
        students = {tie["dcid"] for contact in found for tie in contact["students"]}
        return [{"id": dcid, "dcid": dcid} for dcid in sorted(students)]


def _part(item: Item, name: str) -> Item:
    """Return a part of a record, empty where the record has none."""
    found = item.get(name)
    return found if isinstance(found, dict) else {}


def _message(status: int, told: str) -> Response:
    return JSONResponse({"message": told}, status_code=status)
