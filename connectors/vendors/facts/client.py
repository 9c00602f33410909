"""FACTS' wire: two keys on every call, Sieve's filters and sorts, and the envelope of a page.

Source: the vendor's Swagger 2.0 description "FACTS SIS API" (paths, `Page`, `PageSize`, `Filters`,
`Sorts`, `api-version`), and what was seen of answers: `rowCount`, a `nextPage` that is "" on the
last page, 500 with a stack trace for a filter on a column that there is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from connectors.transport.http import Answer, HttpClient
from connectors.transport.outcomes import Outcome
from connectors.vendors.facts.config import FactsConfig
from shared.errors import ConnectorError, PermanentConnectorError, TransientConnectorError

NAME = "facts"
#: Values that one filter names: about so many were seen to be taken.
BATCH = 200

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of the server's.

    Attributes:
        path: without the query.
        sort: the columns by which its pages are ordered, so that no two records are alike.
        key: the value that each record has for itself; None: the list may hold a record twice.
        filters: by Sieve's grammar, "" for none.
    """

    path: str
    sort: str
    key: str | None = None
    filters: str = ""


@dataclass(slots=True)
class Read:
    """What the lists of one path have given: records on pages, as many as were counted."""

    records: int = 0
    pages: int = 0
    lists: int = 0

    @property
    def told(self) -> str:
        """What was compared, for people."""
        return f"{self.records} records on {self.pages} pages, as rowCount tells"


@dataclass(slots=True)
class Client:
    """FACTS' API, by the keys of one school.

    Attributes:
        reads: what each path has given.
    """

    config: FactsConfig
    http: HttpClient
    reads: dict[str, Read] = field(default_factory=dict)

    def pages(self, listing: Listing) -> Iterator[list[Item]]:
        """Yield a list's pages, and see that they hold as many records as the server counts.

        Raises:
            TransientConnectorError: they do not: somebody changed the list while it was read.
        """
        told = self.reads.setdefault(listing.path, Read())
        told.lists += 1
        counted, records, page = None, 0, 1
        seen: set[str] = set()
        while True:
            found = self.opened(listing, self.ask(listing, page))
            items, total = self.items(listing, found), self._whole(listing, found, "rowCount")
            if counted is not None and total != counted:
                raise _moved(listing, f"the server counted {counted} and now counts {total}")
            counted = total
            if listing.key is not None:
                keys = [str(item.get(listing.key)) for item in items]
                if not seen.isdisjoint(keys) or len(set(keys)) < len(keys):
                    raise _moved(listing, "a record came twice")
                seen.update(keys)
            records += len(items)
            told.records += len(items)
            told.pages += bool(items)
            if items:
                yield items
            if not items or not self._goes_on(listing, found, page):
                break
            page += 1
        if records != counted:
            raise _moved(listing, f"the server counts {counted} and gave {records}")

    def all(self, listing: Listing) -> list[Item]:
        """Return the records of a list that is short."""
        return list(chain.from_iterable(self.pages(listing)))

    def batches(self, listing: Listing, column: str, values: Sequence[str]) -> Iterator[list[Item]]:
        """Yield the pages of a list's records that have one of many values in a column."""
        for start in range(0, len(values), BATCH):
            filters = f"{column}=={'|'.join(values[start : start + BATCH])}"
            yield from self.pages(Listing(listing.path, listing.sort, listing.key, filters))

    def opened(self, listing: Listing, answer: Answer) -> Item:
        """Return the envelope of a page.

        Raises:
            ConnectorError: the answer is none.
        """
        if answer.outcome is not Outcome.OK:
            raise self.error_of(listing, answer)
        found = self.http.json(answer, listing.path)
        if not isinstance(found, dict):
            raise _shape(listing)
        return found

    def ask(self, listing: Listing, page: int = 1, size: int | None = None) -> Answer:
        """Ask for a page; the caller looks at the outcome."""
        params = {"Page": str(page), "PageSize": str(size or self.config.page_size)}
        if listing.filters:
            params["Filters"] = listing.filters
        if self.config.use_sorts:
            params["Sorts"] = listing.sort
        # the config has both, or it would not be one
        keys = (self.config.subscription_key, self.config.api_key)
        subscription, school = (key.get_secret_value() if key else "" for key in keys)
        return self.http.send(
            "GET",
            listing.path,
            params={**params, "api-version": "1"},
            headers={
                "Accept": "application/json",
                "Ocp-Apim-Subscription-Key": subscription,
                "Facts-Api-Key": school,
            },
        )

    def error_of(self, listing: Listing, answer: Answer) -> ConnectorError:
        """Return the error that an answer other than OK means, with what a person must do."""
        path, text = listing.path, answer.body[:65_536].lower()
        # a stack trace, as of an unknown column; any other 500 passes
        if answer.status == 500 and b"exception" in text and b"not found" in text:
            unknown = []
            if listing.filters:
                unknown.append(f"the column {listing.filters.partition('=')[0]} of Filters")
            if self.config.use_sorts:
                unknown.append(f"{listing.sort} of Sorts: set use_sorts=false")
            if unknown:  # else nothing was asked for that it could not know
                told = f"{path}: status 500, it may not know {' or '.join(unknown)}"
                return PermanentConnectorError(NAME, told)
        if answer.outcome is Outcome.MISSING:
            return PermanentConnectorError(
                NAME, f"{path}: status {answer.status}. Check url: FACTS' API has this path"
            )
        return self.http.error_of(answer, path, denied=_advice(path, answer, text))

    def items(self, listing: Listing, found: Item) -> list[Item]:
        """Return the records of an envelope.

        Raises:
            TransientConnectorError: it has none.
        """
        items = found.get("results")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise _shape(listing)
        return items

    def _goes_on(self, listing: Listing, found: Item, page: int) -> bool:
        """Return whether there is a next page; of its address nothing is used but that it is."""
        following = found.get("nextPage")
        if following is None:
            return page < self._whole(listing, found, "pageCount")
        return bool(str(following).strip())

    def _whole(self, listing: Listing, found: Item, name: str) -> int:
        value = found.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise _shape(listing)
        return value


def _advice(path: str, answer: Answer, text: bytes) -> str:
    """Return what a person must do about a 401 or 403; the gateway's words name its own key."""
    if b"subscription" in text:
        return "Check subscription_key: copy it anew from FACTS' API portal"
    if answer.outcome is Outcome.DENIED:
        return f"The API key may not read {path}: have the school's administrator grant it in FACTS"
    return "Check api_key and subscription_key: the first is the school's, the second the portal's"


def _shape(listing: Listing) -> TransientConnectorError:
    return TransientConnectorError(
        NAME, f"{listing.path}: the answer has another shape than a page: the server may be down"
    )


def _moved(listing: Listing, told: str) -> TransientConnectorError:
    return TransientConnectorError(
        NAME, f"{listing.path}: {told}. It was changed while it was read, so it is read again"
    )
