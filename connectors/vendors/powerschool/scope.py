"""What a full read and one by data version must know alike: schools, the year, who teaches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from connectors.vendors.powerschool import mapping
from connectors.vendors.powerschool.client import Client, Listing
from connectors.vendors.powerschool.config import PowerSchoolConfig
from connectors.vendors.powerschool.wire import Item

STUDENT_EXPANSIONS = "demographics,contact_info,school_enrollment"
#: Nobody goes there: the server lists it among the schools, and does not count it.
GRADUATED_SCHOOL = "999999"


class Scope:
    """The schools of one server and, of each, the terms of the year that is synced.

    Args:
        config: may name the year.
        client: the wire.
        today: gives the day, by which a year has begun.
    """

    def __init__(
        self, config: PowerSchoolConfig, client: Client, today: Callable[[], date]
    ) -> None:
        self._year = config.start_year
        self._guardians = config.guardians
        self._client = client
        self._today = today
        self._schools: list[Item] | None = None
        self._terms: dict[str, tuple[str | None, list[Item]]] = {}

    @property
    def fingerprint(self) -> str:
        """What is asked for, as text."""
        told = f"start_year={self._year or 'newest begun'}"
        return f"{told} guardians={self._guardians}" if self._guardians != "none" else told

    @property
    def start_year(self) -> int | None:
        """The year that was found, the earliest of all schools; None: there is none."""
        found = [int(year) for year, _ in self._terms.values() if year]
        return min(found, default=None)

    @property
    def years(self) -> str:
        """The years that were found, for people."""
        return ", ".join(sorted({year for year, _ in self._terms.values() if year}))

    def schools(self) -> list[Item]:
        """Return the schools where students go, by name."""
        if self._schools is None:
            pages = self._client.pages(
                Listing("/ws/v1/district/school", "schools", "school", is_counted=_has_students)
            )
            self._schools = [school for page in pages for school in page if _has_students(school)]
        return self._schools

    def school_ids(self) -> list[str]:
        """Return the schools' DCIDs, in the order of `schools`; one without is left out."""
        return [key for school in self.schools() if (key := mapping.text(school, "id"))]

    def terms(self, school: str) -> list[Item]:
        """Return a school's terms of the year that is synced."""
        return self._of_year(school)[1]

    def holds(self, section: Item) -> bool:
        """Return whether a section is taught in the year that is synced."""
        school = mapping.text(section, "school_id")
        if school is None:
            return False
        wanted = mapping.text(section, "term_id")
        return wanted in {mapping.text(term, "id") for term in self.terms(school)}

    def sections(self, school: str) -> Listing:
        """Return the list of a school's sections of the year that is synced."""
        year = self._of_year(school)[0]
        q = f"term.start_year=={year}" if year else None
        return Listing(f"/ws/v1/school/{school}/section", "sections", "section", q)

    def courses(self, school: str) -> Listing:
        """Return the list of a school's courses."""
        return Listing(f"/ws/v1/school/{school}/course", "courses", "course")

    def staff(self, school: str) -> list[Item]:
        """Return a school's active staff; there is no list over all schools."""
        listing = Listing(f"/ws/v1/school/{school}/staff", "staffs", "staff", expansions="emails")
        return [item for page in self._client.pages(listing) for item in page]

    def _of_year(self, school: str) -> tuple[str | None, list[Item]]:
        if school not in self._terms:
            listing = Listing(f"/ws/v1/school/{school}/term", "terms", "term")
            terms = [term for page in self._client.pages(listing) for term in page]
            year = str(self._year) if self._year else _newest_begun(terms, self._today())
            self._terms[school] = (
                year,
                [term for term in terms if mapping.text(term, "start_year") == year],
            )
        return self._terms[school]


def _has_students(school: Item) -> bool:
    return mapping.text(school, "school_number") != GRADUATED_SCHOOL


def _newest_begun(terms: Sequence[Item], today: date) -> str | None:
    """Return the newest year that has begun, else the first to come; None: there are no terms.

    Next year's terms are set up in spring; by the newest of all, everybody would leave their
    classes then.
    """
    starts: dict[int, str] = {}
    for term in terms:
        year, start = mapping.text(term, "start_year"), mapping.text(term, "start_date")
        if year is not None and year.isascii() and year.isdigit() and start is not None:
            starts[int(year)] = min(start, starts.get(int(year), start))
    begun = [year for year, start in starts.items() if start <= today.isoformat()]
    if begun:
        return str(max(begun))
    return str(min(starts)) if starts else None
