"""PowerSchool's resources: lists with their counts, records, data versions and student writes.

Source: PowerSchool developer pages on the v1 resources (students, sections, terms, metadata), the
data version service and `POST /ws/v1/student`; the shapes are those seen on the wire.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from connectors.transport.outcomes import Outcome
from connectors.vendors.powerschool.wire import (
    DENIED_WRITE,
    NAME,
    Item,
    Wire,
    as_list,
    changed,
    items_of,
    object_of,
    whole,
)
from shared.errors import PermanentConnectorError, TransientConnectorError

DENIED_VERSION = (
    "The plugin may not read the data version. accessLevelV1Api, which is for /ws/v1 alone, does"
    " not give it that right: have an administrator see to the data version subscription of"
    " application_name, or unset that: every sync is then full"
)


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of the server's, by its path and the keys of its answer.

    Attributes:
        path: without the query.
        plural: the key of the answer.
        singular: the key below it; also names the resource's page size.
        q: a filter, None: everything.
        expansions: a comma list.
        extensions: a comma list; the server leaves out what it does not know.
        is_counted: whether `/count` counts a record; it leaves out some that the list shows.
    """

    path: str
    plural: str
    singular: str
    q: str | None = None
    expansions: str | None = None
    extensions: str | None = None
    is_counted: Callable[[Item], bool] = field(default=lambda item: True)  # noqa: ARG005


class Client:
    """One server's resources.

    Args:
        wire: signs what is asked.

    Attributes:
        wire: as it was given.
        read: records that lists gave, by resource; each list was compared with its count.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.read: Counter[str] = Counter()

    def pages(self, listing: Listing) -> Iterator[list[Item]]:
        """Yield a list's pages, and see that they hold as many as the server counts.

        Raises:
            TransientConnectorError: they do not: somebody changed the list while it was read.
        """
        expected = self._count(listing)
        size = self.wire.page_size(listing.singular)
        seen: set[str] = set()
        counted, page = 0, 1
        while True:
            items = self._page(listing, page, size)
            for item in items:
                key = str(item.get("id", ""))
                if key in seen:
                    # a record put in before it has pushed it onto the next page
                    raise changed(listing.path, f"the server gave id {key} twice")
                if key:
                    seen.add(key)
            counted += sum(listing.is_counted(item) for item in items)
            if counted > expected:
                break
            if items:
                yield items
            if len(items) < size:
                break
            page += 1
        if counted != expected:
            raise changed(listing.path, f"the server counts {expected} and gave {counted}")
        self.read[listing.singular] += counted

    def data_version(self, application: str, version: str) -> tuple[str, Mapping[str, list[str]]]:
        """Return the newest data version, and the ids changed since one, by table in small letters.

        Raises:
            PermanentConnectorError: the server knows no such version or application.
        """
        path = f"/ws/dataversion/{quote(application, safe='')}/{quote(version, safe='')}"
        answer = self.wire.signed("GET", path)
        if answer.outcome in {Outcome.REFUSED, Outcome.MISSING}:
            raise PermanentConnectorError(
                NAME,
                f"{path}: status {answer.status}. Check that application_name is that of the data"
                " version subscription; if it is, run a full sync once",
            )
        found = self.wire.object(answer, path, DENIED_VERSION)
        newest = found.get("$dataversion")
        if not isinstance(newest, str | int) or newest == "":
            raise TransientConnectorError(NAME, "the data version service gave no $dataversion")
        tables = found.get("tables")
        return str(newest), {
            table.lower(): [str(key) for key in as_list(keys)]
            for table, keys in object_of({} if tables in ("", None) else tables, path).items()
        }

    def one(
        self, path: str, singular: str, expansions: str | None = None, extensions: str | None = None
    ) -> Item | None:
        """Return one record, None where the server has none of the id."""
        params = _given(expansions=expansions, extensions=extensions)
        answer = self.wire.signed("GET", path, params=params)
        if answer.outcome is Outcome.MISSING:
            return None
        return object_of(self.wire.object(answer, path).get(singular), path)

    def write_students(self, students: Sequence[Item]) -> list[Item]:
        """Send one batch of students; returns the result of each that was answered.

        Raises:
            TransientConnectorError: the answer does not tell of any.
        """
        path = "/ws/v1/student"
        body = {"students": {"student": list(students)}}
        # the same values written again are the same: safe to repeat
        answer = self.wire.signed("POST", path, is_safe=True, content=json.dumps(body).encode())
        if answer.outcome is Outcome.OK and not answer.body:
            raise TransientConnectorError(NAME, f"{path}: the answer is empty, nothing is known")
        return items_of(self.wire.object(answer, path, DENIED_WRITE).get("results"), "result", path)

    def _page(self, listing: Listing, page: int, size: int) -> list[Item]:
        params = _given(q=listing.q, expansions=listing.expansions, extensions=listing.extensions)
        params |= {"pagesize": str(size), "page": str(page)}
        answer = self.wire.signed("GET", listing.path, params=params)
        if page > 1 and answer.outcome is Outcome.MISSING:
            return []  # the page after the last; the count tells whether it was the last
        found = self.wire.object(answer, listing.path)
        return items_of(found.get(listing.plural), listing.singular, listing.path)

    def _count(self, listing: Listing) -> int:
        path = f"{listing.path}/count"
        answer = self.wire.get(path, {"q": listing.q} if listing.q else None)
        # /ws/v1 wraps it, /ws/schema does not
        counted = object_of(answer.get("resource", answer), path).get("count")
        return whole(counted, f"{path}: it counts nothing")


def _given(**params: str | None) -> dict[str, str]:
    return {name: value for name, value in params.items() if value}
