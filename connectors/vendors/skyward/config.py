"""The settings of the Skyward app: OneRoster's, as Skyward lays its services out."""

from __future__ import annotations

from connectors.oneroster.rest.config import OneRosterRestConfig

#: Qmlativ's 1.2 lies without the segment `rostering` that the final standard has.
SERVICE_PATHS = {"1.1": "/ims/oneroster/v1p1", "1.2": "/ims/oneroster/v1p2"}


class SkywardConfig(OneRosterRestConfig):
    """Where the district's Skyward is, and the key that it made for us."""

    def standard_path(self) -> str:
        """Return the service path where none is set."""
        return SERVICE_PATHS[self.version]
