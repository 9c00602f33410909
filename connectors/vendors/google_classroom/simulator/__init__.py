"""A Google Workspace with Classroom, for tests and demo, written from the vendor's facts.

It shares no code with what talks to it. It starts with an account for everybody in the district who
has an address, and without a course.
"""

from __future__ import annotations

from connectors.district.model import District
from connectors.sdk import Mounted
from connectors.vendors.google_classroom.simulator.server import Server

#: A simulated account has no quota: what it can take is asked of it.
_QUOTA = "1000000"


def mount(district: District, base_url: str) -> Mounted:
    """Return a Workspace that holds a district, and the settings that reach it."""
    server = Server(district, base_url)
    return Mounted(
        app=server.app,
        settings={
            "service_account": server.access.key(),
            "admin": server.access.admin,
            "token_url": f"{base_url}/token",
            "classroom_url": base_url,
            "directory_url": base_url,
            "user_requests_per_minute": _QUOTA,
            "client_requests_per_minute": _QUOTA,
        },
        turn=server.turn,
    )
