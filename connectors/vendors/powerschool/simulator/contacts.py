"""`/ws/contacts` on the simulated server.

Source: PowerSchool developer pages on contacts (SIS 12.0 and later): bare lists and objects in
camelCase, nulls written, 204 for a student who has none.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors.vendors.powerschool.simulator.tables import Item, Tables


class Contacts:
    """Answers for a server's contacts."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def of_student(self, request: Request) -> Response:
        """Answer `GET /ws/contacts/student/{dcid}`."""
        dcid = request.path_params["dcid"]
        if dcid not in self._tables.students:
            return JSONResponse({"message": "the student was not found"}, status_code=404)
        found = [self._told(row) for row in self._tables.contacts_of(dcid)]
        return JSONResponse(found) if found else Response(status_code=204)

    async def one(self, request: Request) -> Response:
        """Answer `GET /ws/contacts/contact/{dcid}`."""
        row = self._tables.contacts.get(request.path_params["dcid"])
        if row is None:
            return JSONResponse({"message": "the contact was not found"}, status_code=404)
        return JSONResponse(self._told(row))

    async def some(self, request: Request) -> Response:
        """Answer `GET /ws/contacts/contacts?contactids=1,2`."""
        told = request.query_params.get("contactids", "")
        keys = [int(key) for key in told.split(",") if key.strip().isdigit()]
        found = [self._tables.contacts[key] for key in keys if key in self._tables.contacts]
        return JSONResponse([self._told(row) for row in found])

    def _told(self, row: Item) -> Item:
        name = row["name"]
        return {
            "contactId": row["id"],
            "firstName": name["first_name"],
            "middleName": name.get("middle_name"),
            "lastName": name["last_name"],
            "prefix": None,
            "suffix": None,
            "gender": row["gender"],
            "employer": None,
            "active": row["active"],
            "emails": [
                {
                    "contactEmailId": 1 + place,
                    "primary": not place,
                    "type": "Not Set",
                    "address": email,
                }
                for place, email in enumerate(row["emails"])
            ],
            "phones": [
                {
                    "contactsPhoneId": row["id"],
                    "sequence": 1,
                    "preferred": True,
                    "phoneType": "Mobile",
                    "phoneNumber": phone,
                    "sms": False,
                }
                for phone in row["phones"]
            ],
            "addresses": [],
            "contactAccount": {"enabled": True, "userName": row["account"], "password": None}
            if row["account"]
            else None,
            "contactStudents": [self._tie(row, tie) for tie in row["students"]],
            "mergedIds": [],
            "@extensions": "",
        }

    def _tie(self, row: Item, tie: Item) -> Item:
        student = self._tables.students.get(tie["dcid"], {})
        enrolled: Any = student.get("school_enrollment", {})
        return {
            # of this contact and this student: no other tie has it
            "studentContactId": row["id"] * 100_000 + tie["dcid"],
            "sequence": tie["sequence"],
            "dcid": tie["dcid"],
            "studentNumber": str(student.get("local_id", "")),
            "schoolNumber": enrolled.get("school_number"),
            "guardianId": row["id"],
            "canAccessData": tie["custodial"],
            "studentDetails": [
                {
                    "relationship": tie["relationship"],
                    "relationshipNote": None,
                    "custodial": tie["custodial"],
                    "emergency": True,
                    "livesWith": tie["custodial"],
                    "schoolPickup": True,
                    "receivesMail": tie["custodial"],
                    "startDate": "2026-08-01",
                    "endDate": None,
                    "active": tie["active"],
                }
            ],
        }
