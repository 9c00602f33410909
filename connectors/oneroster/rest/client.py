"""OneRoster's REST wire: proof, pages, totals, and whether the server filters.

Source: OneRoster 1.1 (2017-04-17) §3 and 1.2 (2022-06-06): `limit`, `offset`, `filter`, the headers
`X-Total-Count` and `Link`, the envelope named after the collection. Servers were seen without
either header, with pages smaller than asked for, and with a filter that they do not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from connectors.oneroster.rest.access import Access
from connectors.oneroster.rest.config import OneRosterRestConfig
from connectors.oneroster.rest.records import read_records, values_of
from connectors.transport.http import Answer, HttpClient
from connectors.transport.outcomes import Outcome
from shared.domain.records import Kind
from shared.errors import ConnectorError, PermanentConnectorError, TransientConnectorError

#: How often a request is tried with another proof.
PROOFS = 2
_LINK = re.compile(r"<([^>]*)>([^<]*)")
_PAGED = re.compile(r"""\brel\s*=\s*"?[^";,]*\b(first|prev|next|last)\b""", re.IGNORECASE)
_NEXT = re.compile(r"""\brel\s*=\s*"?[^";,]*\bnext\b""", re.IGNORECASE)


@dataclass(slots=True)
class Read:
    """What one list has given so far.

    Attributes:
        pages: that were read, an empty last one not counted.
        records: on them.
        total: that the server told, None: it tells none.
    """

    pages: int = 0
    records: int = 0
    total: int | None = None

    @property
    def told(self) -> str:
        """What was compared, for people."""
        by = "no total told" if self.total is None else f"total {self.total}"
        return f"{self.records} records on {self.pages} pages, {by}"


@dataclass(slots=True)
class Client:
    """One server, as one account. Requests go one after the other.

    Attributes:
        reads: what each list has given.
        server_date: the `Date` of the first answer, None: the server tells none.
    """

    config: OneRosterRestConfig
    http: HttpClient
    access: Access
    reads: dict[Kind, Read] = field(default_factory=dict)
    server_date: str | None = None

    def pages(self, kind: Kind, filter_: str | None = None) -> Iterator[list[Any]]:
        """Yield a collection's pages, and see that they hold as many records as the server counts.

        A page's records are those of `records.read_records`, or dictionaries where one of them has
        another shape.

        Raises:
            TransientConnectorError: they do not, or the collection moved while it was read.
        """
        read = self.reads[kind] = Read()
        params: dict[str, str] | None = self._params(0, filter_)
        before: set[str] = set()
        last: list[Any] = []
        while params is not None:
            answer = self._get(kind, params)
            # some answer so behind the last page
            is_behind = read.records > 0 and answer.outcome is Outcome.MISSING
            items = [] if is_behind else self.items(answer, kind)
            self._note(kind, read, answer, items)
            if read.total is None:
                # without a total this alone tells that something was put in before the page
                given = [key for key in values_of(items, "sourcedId") if isinstance(key, str)]
                ids = set(given)
                if ids & before or len(ids) < len(given):
                    raise self._moved(kind, "a record came again on its page or the next")
                before = ids
                if not items:
                    self._confirm_end(kind, last, filter_)
            if items:
                yield items
                last = items[-1:]
            params = self._next(kind, answer, items, params, filter_)
        if read.total is not None and read.records != read.total:
            raise self._moved(kind, f"the server counts {read.total} and gave {read.records}")

    def first(self, kind: Kind, filter_: str | None = None) -> Answer:
        """Ask for one record of a collection; the caller looks at the outcome."""
        return self._get(kind, self._params(0, filter_, limit=1))

    def has_any(self, kind: Kind, filter_: str | None = None) -> bool:
        """Return whether a collection has a record that a filter lets through."""
        return bool(self.items(self.first(kind, filter_), kind))

    def can_filter(self, kind: Kind) -> bool:
        """Return whether the server filters a collection by dateLastModified.

        It is believed that shows nothing of a time to come, and something since long ago: others
        were seen to refuse the filter, or not to read it.
        """
        try:
            if self.has_any(kind, modified_since("2999-01-01T00:00:00.000Z")):
                return False
            since_ever = self.has_any(kind, modified_since("1970-01-01T00:00:00.000Z"))
            return since_ever or not self.has_any(kind)
        except ConnectorError:
            # a server that is down will say so again to the full read
            return False

    def items(self, answer: Answer, kind: Kind) -> list[Any]:
        """Return the records of an answer, as `pages` gives them.

        Raises:
            ConnectorError: it is none that can be read.
        """
        if answer.outcome is not Outcome.OK:
            raise self.denial(kind, answer)
        if "json" in answer.headers.get("content-type", ""):
            records = read_records(answer.body, self.config.version, kind)
            if records is not None:
                return records
        found = self.http.json(answer, f"/{kind}")
        items = found.get(str(kind)) if isinstance(found, dict) else None
        if not isinstance(items, list) or not all(type(item) is dict for item in items):
            raise TransientConnectorError(
                self.http.vendor, f"/{kind}: the answer has another shape than the standard's"
            )
        return items

    def denial(self, kind: Kind, answer: Answer) -> ConnectorError:
        """Return the error that an answer other than OK means, with what a person must do."""
        path = f"/{kind}"
        if answer.outcome is Outcome.MISSING:
            return PermanentConnectorError(
                self.http.vendor,
                f"{path}: status {answer.status}. Check url, version and service_path: it was"
                f" looked for under {urlsplit(self.config.base_url).path}",
            )
        denied = self.access.advice
        if answer.outcome is Outcome.DENIED:
            denied = f"The key may not read {kind}: grant it that in the vendor's administration"
            if kind is Kind.DEMOGRAPHICS:
                denied += " (scope roster-demographics.readonly), or set demographics=false"
        return self.http.error_of(answer, path, denied=denied)

    def _params(self, offset: int, filter_: str | None, limit: int | None = None) -> dict[str, str]:
        asked = {"limit": str(limit or self.config.page_size), "offset": str(offset)}
        return asked if filter_ is None else {**asked, "filter": filter_}

    def _get(self, kind: Kind, params: Mapping[str, str]) -> Answer:
        path = f"/{kind}"
        url = f"{self.config.base_url}{path}"
        for is_last in [False] * PROOFS + [True]:
            proof = self.access.headers(self.http, "GET", url, params)
            headers = {"Accept": "application/json", **proof}
            answer = self.http.send("GET", url, told=path, params=dict(params), headers=headers)
            if not _is_unproven(answer) or is_last:
                break
            self.access.renew(answer)
        if self.server_date is None and answer.outcome is Outcome.OK:
            self.server_date = answer.headers.get("date")
        return answer

    def _note(self, kind: Kind, read: Read, answer: Answer, items: list[Any]) -> None:
        told = answer.headers.get("x-total-count", "").strip()
        if told.isascii() and told.isdigit():
            total = int(told)
            if read.total is not None and read.total != total:
                raise self._moved(kind, f"the server counted {read.total}, then {total}")
            read.total = total
        read.records += len(items)
        read.pages += bool(items)
        if read.total is not None and read.records > read.total:
            raise self._moved(kind, f"the server counts {read.total} and gave {read.records}")

    def _confirm_end(self, kind: Kind, last: list[Any], filter_: str | None) -> None:
        """See that a list of which no total is told ends where a page came empty, or was missing.

        Such a page is also what a server in trouble gives in the middle of a list: so the end is
        asked for once more, together with the last record before it.

        Raises:
            TransientConnectorError: it is not the end.
        """
        start = max(0, self.reads[kind].records - 1)
        answer = self._get(kind, self._params(start, filter_, limit=2))
        ids = values_of(self.items(answer, kind), "sourcedId")
        if ids != values_of(last, "sourcedId"):
            raise self._moved(kind, "a page was empty, and the list goes on behind it")

    def _next(
        self,
        kind: Kind,
        answer: Answer,
        items: list[Any],
        params: Mapping[str, str],
        filter_: str | None,
    ) -> dict[str, str] | None:
        """Return what asks for the next page; None: there is none.

        Only an empty page ends a list of which neither total nor link is told: a page that is
        shorter than asked for may be the longest that the server gives.
        """
        read = self.reads[kind]
        links = answer.headers.get("link", "")
        following = _next_link(links)
        if following is not None and items:
            # of another address only the query is taken: a proof is for our server alone
            if following == params or not _is_behind(following, params):
                raise TransientConnectorError(
                    self.http.vendor, f"/{kind}: the link to the next page leads back"
                )
            return following
        if not items or (read.total is not None and read.records >= read.total):
            return None
        if _PAGED.search(links):
            return None  # it links its pages, and this is the last one
        return self._params(read.records, filter_)

    def _moved(self, kind: Kind, told: str) -> TransientConnectorError:
        return TransientConnectorError(
            self.http.vendor,
            f"/{kind}: {told}. It was changed while it was read, so it is read again",
        )


def modified_since(instant: str) -> str:
    """Return the filter of what was modified after an instant, `2026-11-25T00:00:00.000Z`."""
    return f"dateLastModified>'{instant}'"


def _is_unproven(answer: Answer) -> bool:
    """Return whether an answer refuses the proof; some say so in words alone."""
    if answer.outcome is Outcome.UNAUTHORIZED:
        return True
    return answer.status >= 400 and b"token has expired" in answer.body[:4096].lower()


def _next_link(links: str) -> dict[str, str] | None:
    """Return the query of the link to the next page; None: there is none."""
    for url, parameters in _LINK.findall(links):
        if _NEXT.search(parameters):
            try:
                return dict(parse_qsl(urlsplit(url).query)) or None
            except ValueError:
                return None
    return None


def _is_behind(following: Mapping[str, str], params: Mapping[str, str]) -> bool:
    """Return whether a next page's offset is greater than this one's; other pagings have none."""
    try:
        return int(following["offset"]) > int(params["offset"])
    except (KeyError, ValueError):
        return True
