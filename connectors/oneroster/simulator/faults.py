"""What may go wrong on a simulated OneRoster server beside the troubles that any server has.

`leaves` (the first user is no more), `joins` (a user comes to the front), `miscount` (the total is
`value` too high).
"""

from __future__ import annotations

from connectors.district.faults import Faults
from connectors.district.troubles import make_faults

NAMES = ("leaves", "joins", "miscount")


def oneroster_faults() -> Faults:
    """Return a server's faults, of which none waits yet."""
    return make_faults(NAMES)
