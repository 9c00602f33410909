"""A PowerSchool server for tests and demo, written from the vendor's facts.

Source: PowerSchool developer pages (v1 resources, data version, student writes) and what was seen
on the wire: one record is an object, an empty expansion is "", nulls are left out, numbers stand
for text that looks like one, a write answers 200 even when records fail, and a server that is down
redirects to a page. It shares no code with the client. Under `/_simulator` tests change records and
ask for faults.
"""

from __future__ import annotations

from connectors.district.model import District
from connectors.sdk import Mounted
from connectors.vendors.powerschool.simulator.days import turn
from connectors.vendors.powerschool.simulator.server import Server


def mount(district: District, base_url: str) -> Mounted:
    """Return a server that holds a district, and the settings that reach it."""
    server = Server(district)
    return Mounted(
        app=server.app,
        settings={
            "url": base_url,
            "client_id": server.access.client_id,
            "client_secret": server.access.client_secret,
            "application_name": "bellringer",
        },
        turn=lambda today: turn(server.tables, today),
    )
