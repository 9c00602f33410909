"""FACTS' API for tests and demo, written from the vendor's facts.

Source: the vendor's Swagger 2.0 description "FACTS SIS API" for paths and fields, and what was seen
of a live answer: the envelope, a `nextPage` that is "" on the last page, Sieve's filters by flat
columns, 500 with a stack trace for an unknown one, and `personStudentId`, which in `/People` is
somebody else. It shares no code with the client. Under `/_simulator` tests change records, ask for
faults, and say what nobody knows of the real one.
"""

from __future__ import annotations

from connectors.district.model import District
from connectors.sdk import Mounted
from connectors.vendors.facts.simulator.server import Server


def mount(district: District, base_url: str) -> Mounted:
    """Return a server that holds a district, and the settings that reach it."""
    server = Server(district, base_url)
    return Mounted(
        app=server.app,
        settings={
            "url": base_url,
            "subscription_key": server.access.subscription_key,
            "api_key": server.access.api_key,
            # it has no plan's limits unless a test sets them
            "requests_per_second": "1000",
            "requests_per_minute": "60000",
        },
        turn=server.turn,
    )
