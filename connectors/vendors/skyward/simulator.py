"""Skyward's OneRoster services, simulated from what is known of them.

Source: published set-up help of Skyward's partners (keys, and where the address stands), and what
clients were seen to do: tokens are given at an address of their own, Qmlativ's 1.2 lies without
`rostering/`, neither totals nor links are told, teachers may lack identifiers, and text may carry
blanks. Whether it filters by dateLastModified nobody has told: tests set it.
"""

from __future__ import annotations

from connectors.district.model import District
from connectors.oneroster.simulator.records import Record
from connectors.oneroster.simulator.server import Habits, Server
from connectors.sdk import Mounted

ROOTS = {"1.1": ("/ims/oneroster/v1p1",), "1.2": ("/ims/oneroster/v1p2",)}


def mount(district: District, base_url: str) -> Mounted:
    """Return a server that holds a district, and the settings that reach it."""
    server = Server(
        district,
        base_url,
        roots=ROOTS,
        token_path="/token",  # noqa: S106 - a path, no secret
        habits=Habits(totals=False, links=False),
        amend=_as_skyward,
        salt="skyward",
    )
    return Mounted(
        app=server.app,
        settings={
            "url": base_url,
            "auth": "oauth2_form",
            "token_url": f"{base_url}/token",
            "client_id": server.access.client_id,
            "client_secret": server.access.client_secret,
        },
        turn=server.turn,
    )


def _as_skyward(collection: str, record: Record) -> Record:
    if collection != "users":
        return record
    made = {**record, "familyName": f"{record['familyName']} "}
    roles = {record.get("role"), *(role["role"] for role in record.get("roles", ()))}
    if "teacher" in roles:
        made["identifier"] = None
    return made
