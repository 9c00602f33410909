"""Zones by their IANA names, from the zone database that is locked with our dependencies.

By default zoneinfo prefers the machine's own, whose version would differ between two schedulers.
"""

from __future__ import annotations

import difflib
import zoneinfo

from shared.errors import ConfigurationError

zoneinfo.reset_tzpath(to=())


def check_zone(name: str, option: str = "--zone") -> str:
    """Return the name if the zone database has it.

    Raises:
        ConfigurationError: it has not; suggests the nearest.
    """
    known = zoneinfo.available_timezones()
    if name in known:
        return name
    lower = {zone.lower(): zone for zone in known}
    near = difflib.get_close_matches(name.lower(), lower, n=1)
    hint = f"Did you mean {lower[near[0]]}?" if near else "Give a name such as America/New_York."
    raise ConfigurationError(option, f"there is no zone {name!r}", hint)
