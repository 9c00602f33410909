"""A OneRoster REST server of 1.1 and 1.2, for tests and demo, written from the standard's facts.

It shares no code with what reads it. Under `/_simulator` tests change records, ask for faults, and
say what servers do differently.
"""

from __future__ import annotations

from connectors.district.model import District
from connectors.oneroster.simulator.server import Habits, Server
from connectors.sdk import Mounted

#: Where the services of a version lie by the standard; some servers keep 1.1's way for 1.2.
ROOTS = {
    "1.1": ("/ims/oneroster/v1p1",),
    "1.2": ("/ims/oneroster/rostering/v1p2", "/ims/oneroster/v1p2"),
}


def mount(district: District, base_url: str) -> Mounted:
    """Return a server that holds a district, and the settings that reach it."""
    server = Server(
        district,
        base_url,
        roots=ROOTS,
        token_path="/oauth/token",  # noqa: S106 - a path, no secret
        habits=Habits(),
        amend=lambda _, record: record,
        salt="oneroster",
    )
    return Mounted(
        app=server.app,
        settings={
            "url": base_url,
            "version": "1.2",
            "auth": "oauth2_header",
            "token_url": f"{base_url}/oauth/token",
            "client_id": server.access.client_id,
            "client_secret": server.access.client_secret,
        },
        turn=server.turn,
    )
