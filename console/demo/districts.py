"""The demo's districts, and the apps of each; between them, every vendor is there."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.district.generate import generate
from connectors.district.model import District


@dataclass(frozen=True, slots=True)
class DemoDistrict:
    """A generated district.

    Attributes:
        name: of the tenant.
        seed: decides its people.
        zone: of its schedules.
        share: of the students asked for.
        served: apps whose vendor the simulator serves, in the tenant's order; named as their
            connectors.
        folders: apps that keep files in a folder.
    """

    name: str
    seed: int
    zone: str
    share: float
    served: tuple[str, ...]
    folders: tuple[str, ...]

    @property
    def apps(self) -> tuple[str, ...]:
        """All apps that need nothing of this machine."""
        return (*self.served, *self.folders)

    def made(self, students: int, day: int = 0) -> District:
        """Generate it for a day; `students` is what the first district has."""
        count = max(20, int(students * self.share))
        return generate(self.name, seed=self.seed, students=count, day=day)


OAKFIELD = DemoDistrict(
    name="oakfield",
    seed=11,
    zone="America/New_York",
    share=1.0,
    served=("skyward", "powerschool", "crisisgo"),
    folders=("lightspeed",),
)
PINEHILL = DemoDistrict(
    name="pinehill",
    seed=22,
    zone="America/Chicago",
    share=0.4,
    served=("facts", "google_classroom"),
    folders=("finalsite",),
)
DISTRICTS = (OAKFIELD, PINEHILL)
#: The one whose accounts lie in an Active Directory, where there is one.
WITH_DIRECTORY = PINEHILL
