"""Whether a read would work: each list is asked for one record, by the filters of a read."""

from __future__ import annotations

from connectors.transport.outcomes import Outcome
from connectors.vendors.facts import lists, values
from connectors.vendors.facts.client import Client, Item, Listing
from connectors.vendors.facts.config import FactsConfig
from shared.errors import PermanentConnectorError


def check(client: Client, config: FactsConfig) -> None:
    """Ask for one record of each list.

    Raises:
        PermanentConnectorError: names the key or setting that is wrong, or all that the key may
            not read.
        TransientConnectorError: the server does not answer now.
    """
    denied: list[str] = []
    schools = _first(client, lists.SCHOOLS, denied)
    years = _first(client, lists.YEARS, denied)
    for listing in (lists.COURSES, lists.STAFF):
        _first(client, listing, denied)
    if schools:
        _first(client, lists.terms(_own(schools, "configSchoolID")), denied)
    if years:
        _first(client, lists.classes(_own(years, "yearId")), denied)
    students = _first(client, lists.students(config.statuses), denied)
    key = _own(students, "studentId")
    people = _first(client, _by(lists.PEOPLE, lists.PERSON_COLUMN, key), denied)
    if config.guardians != "none":
        _first(client, _by(lists.PARENTS, lists.CHILD_COLUMN, key), denied)
    _first(client, _by(lists.ENROLLMENTS, lists.CLASS_COLUMN, "0"), denied)
    if denied:
        raise PermanentConnectorError(client.http.vendor, "; ".join(denied))
    if not schools:
        problem = "the keys show no school. Check api_key: a school gives it"
        raise PermanentConnectorError(client.http.vendor, problem)
    if not years:
        problem = "the school has no year in FACTS: nothing could be read of it"
        raise PermanentConnectorError(client.http.vendor, problem)
    if not students:
        problem = (
            f"no student has the status {' or '.join(config.statuses)}. Set student_statuses to"
            " what the school calls its students in FACTS"
        )
        raise PermanentConnectorError(client.http.vendor, problem)
    if not people:
        problem = "/People does not show the person of a student: the key may not read them"
        raise PermanentConnectorError(client.http.vendor, problem)


def _own(items: list[Item], name: str) -> str:
    """Return the id of the first record; 0 is nobody's."""
    return next((found for item in items if (found := values.text(item, name))), "0")


def _by(listing: Listing, column: str, value: str) -> Listing:
    return Listing(listing.path, listing.sort, listing.key, f"{column}=={value}")


def _first(client: Client, listing: Listing, denied: list[str]) -> list[Item]:
    """Return a list's first record; what may not be read is noted."""
    answer = client.ask(listing, size=1)
    if answer.outcome is Outcome.DENIED:
        denied.append(client.error_of(listing, answer).user_message)
        return []
    return client.items(listing, client.opened(listing, answer))
