"""PowerSchool's wire: sign-in, paging, counts, data versions and student writes.

Source: PowerSchool developer pages on the v1 resources (students, sections, terms, metadata), the
data version service and `POST /ws/v1/student`; the shapes are those seen on the wire.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from connectors.transport.http import Answer, HttpClient
from connectors.transport.outcomes import Outcome
from connectors.vendors.powerschool.config import PowerSchoolConfig
from shared.errors import PermanentConnectorError, TransientConnectorError

NAME = "powerschool"
TOKEN_PATH = "/oauth/access_token"  # noqa: S105 - a path, no secret
#: How often a request is tried with a new token; a server was seen to refuse the first one too.
SIGN_INS = 2

DENIED_TOKEN = "Check client_id and client_secret: copy both anew from the installed plugin"  # noqa: S105 - words
DENIED_READ = (
    "The plugin may not read: its plugin.xml needs <oauth accessLevelV1Api='FULL'/> (READ where"
    " nothing is written back), and an administrator may have lowered it"
)
DENIED_WRITE = (
    "The plugin may not write: its accessLevelV1Api must be FULL, and an administrator may have"
    " lowered it"
)

Item = dict[str, Any]


@dataclass(slots=True)
class Session:
    """What one sign-in has brought; it outlives a connection."""

    #: The token, None: not signed in.
    token: str | None = None
    #: The plugin's largest page by resource; None: not asked yet.
    page_sizes: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of the server's, by its path and the keys of its answer.

    Attributes:
        path: without the query.
        plural: the key of the answer.
        singular: the key below it; also names the resource's page size.
        q: a filter, None: everything.
        expansions: a comma list.
        is_counted: whether `/count` counts a record; it leaves out some that the list shows.
    """

    path: str
    plural: str
    singular: str
    q: str | None = None
    expansions: str | None = None
    is_counted: Callable[[Item], bool] = field(default=lambda item: True)  # noqa: ARG005


class Client:
    """One server, as one plugin. Requests go one after the other, as the server wants it.

    Args:
        config: address and credentials.
        http: the transport, to the server's address.
        session: of an earlier client, so that it need not sign in anew.

    Attributes:
        read: records that lists gave, by resource; each list was compared with its count.
    """

    def __init__(
        self, config: PowerSchoolConfig, http: HttpClient, session: Session | None = None
    ) -> None:
        self._config = config
        self._http = http
        self._session = session if session is not None else Session()
        self.read: Counter[str] = Counter()

    def metadata(self) -> Item:
        """Return the server's metadata; page sizes are the plugin's own."""
        path = "/ws/v1/metadata"
        return object_of(self.get(path).get("metadata"), path)

    def pages(self, listing: Listing) -> Iterator[list[Item]]:
        """Yield a list's pages, and see that they hold as many as the server counts.

        Raises:
            TransientConnectorError: they do not: somebody changed the list while it was read.
        """
        expected = self._count(listing)
        size = self._page_size(listing.singular)
        seen: set[str] = set()
        counted, page = 0, 1
        while True:
            items = self._page(listing, page, size)
            for item in items:
                key = str(item.get("id", ""))
                if key in seen:
                    # a record put in before it has pushed it onto the next page
                    raise _changed(listing.path, f"the server gave id {key} twice")
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
            raise _changed(listing.path, f"the server counts {expected} and gave {counted}")
        self.read[listing.singular] += counted

    def data_version(self, application: str, version: str) -> tuple[str, Mapping[str, list[str]]]:
        """Return the newest data version, and the ids changed since one, by table in small letters.

        Raises:
            PermanentConnectorError: the server knows no such version or application.
        """
        path = f"/ws/dataversion/{quote(application, safe='')}/{quote(version, safe='')}"
        answer = self._signed("GET", path)
        if answer.outcome in {Outcome.REFUSED, Outcome.MISSING}:
            raise PermanentConnectorError(
                NAME,
                f"{path}: status {answer.status}. Check that application_name is that of the data"
                " version subscription; if it is, run a full sync once",
            )
        found = self._json(answer, path)
        newest = found.get("$dataversion")
        if not isinstance(newest, str | int) or newest == "":
            raise TransientConnectorError(NAME, "the data version service gave no $dataversion")
        tables = found.get("tables")
        return str(newest), {
            table.lower(): [str(key) for key in as_list(keys)]
            for table, keys in object_of({} if tables in ("", None) else tables, path).items()
        }

    def one(self, path: str, singular: str, expansions: str | None = None) -> Item | None:
        """Return one record, None where the server has none of the id."""
        params = {"expansions": expansions} if expansions else {}
        answer = self._signed("GET", path, params=params)
        if answer.outcome is Outcome.MISSING:
            return None
        return object_of(self._json(answer, path).get(singular), path)

    def write_students(self, students: Sequence[Item]) -> list[Item]:
        """Send one batch of students; returns the result of each that was answered.

        Raises:
            TransientConnectorError: the answer does not tell of any.
        """
        path = "/ws/v1/student"
        body = {"students": {"student": list(students)}}
        # the same values written again are the same: safe to repeat
        answer = self._signed("POST", path, is_safe=True, content=json.dumps(body).encode())
        if answer.outcome is Outcome.OK and not answer.body:
            raise TransientConnectorError(NAME, f"{path}: the answer is empty, nothing is known")
        return items_of(self._json(answer, path, DENIED_WRITE).get("results"), "result", path)

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Item:
        """Return the JSON object of a GET.

        Raises:
            ConnectorError: there is none.
        """
        return self._json(self._signed("GET", path, params=dict(params or {})), path)

    def sign_in(self) -> str:
        """Get a token, and keep it for what follows.

        Raises:
            PermanentConnectorError: the server takes these credentials for none.
        """
        secret = self._config.client_secret.get_secret_value()
        pair = b64encode(f"{self._config.client_id}:{secret}".encode()).decode()
        answer = self._http.send(
            "POST",
            TOKEN_PATH,
            is_safe=True,
            headers={"Authorization": f"Basic {pair}", "Accept": "application/json"},
            data={"grant_type": "client_credentials"},
        )
        if answer.outcome is Outcome.MISSING:
            raise PermanentConnectorError(
                NAME, f"{TOKEN_PATH}: status {answer.status}. url is not that of a PowerSchool"
            )
        token = self._json(answer, TOKEN_PATH, DENIED_TOKEN).get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise PermanentConnectorError(NAME, f"{TOKEN_PATH}: it gave no access_token")
        self._session.token = token
        return token

    def _page(self, listing: Listing, page: int, size: int) -> list[Item]:
        asked = {"q": listing.q, "expansions": listing.expansions}
        params = {name: value for name, value in asked.items() if value}
        params |= {"pagesize": str(size), "page": str(page)}
        answer = self._signed("GET", listing.path, params=params)
        if page > 1 and answer.outcome is Outcome.MISSING:
            return []  # the page after the last; the count tells whether it was the last
        found = self._json(answer, listing.path)
        return items_of(found.get(listing.plural), listing.singular, listing.path)

    def _count(self, listing: Listing) -> int:
        path = f"{listing.path}/count"
        answer = self.get(path, {"q": listing.q} if listing.q else None)
        # /ws/v1 wraps it, /ws/schema does not
        counted = object_of(answer.get("resource", answer), path).get("count")
        return _whole(counted, f"{path}: it counts nothing")

    def _page_size(self, singular: str) -> int:
        if self._session.page_sizes is None:
            self._session.page_sizes = {
                name.removesuffix("_max_page_size"): _whole(value, f"metadata: {name} is no number")
                for name, value in self.metadata().items()
                if name.endswith("_max_page_size")
            }
        maximum = self._session.page_sizes.get(singular, self._config.page_size)
        return max(1, min(self._config.page_size, maximum))

    def _signed(self, method: str, path: str, **options: Any) -> Answer:
        for is_last in [False] * SIGN_INS + [True]:
            headers = {
                "Authorization": f"Bearer {self._session.token or self.sign_in()}",
                # the native form is XML
                "Accept": "application/json",
                "Content-Type": "application/json",
            }
            answer = self._http.send(method, path, headers=headers, **options)
            if answer.outcome is not Outcome.UNAUTHORIZED or is_last:
                return answer
            self._session.token = None
        raise AssertionError("unreachable")

    def _json(self, answer: Answer, path: str, denied: str = DENIED_READ) -> Item:
        if answer.outcome is not Outcome.OK:
            raise self._http.error_of(answer, path, denied=denied)
        return object_of(self._http.json(answer, path), path)


def object_of(found: Any, path: str) -> Item:
    """Return what must be a JSON object.

    Raises:
        TransientConnectorError: it is none.
    """
    if not isinstance(found, dict):
        raise TransientConnectorError(NAME, f"{path}: the answer has another shape than expected")
    return found


def items_of(holder: Any, singular: str, path: str) -> list[Item]:
    """Return the records under a key: one record is an object, none is "" or nothing at all.

    Raises:
        TransientConnectorError: there is something else.
    """
    if holder is None or holder == "":
        return []
    return [object_of(item, path) for item in as_list(object_of(holder, path).get(singular))]


def as_list(found: Any) -> list[Any]:
    """Return what stands for a list on this wire as one.

    >>> as_list(""), as_list({"id": 1}), as_list([1, 2])
    ([], [{'id': 1}], [1, 2])
    """
    if found is None or found == "":
        return []
    return found if isinstance(found, list) else [found]


def _whole(found: Any, problem: str) -> int:
    try:
        return int(str(found))
    except ValueError as error:
        raise TransientConnectorError(NAME, problem) from error


def _changed(path: str, told: str) -> TransientConnectorError:
    return TransientConnectorError(
        NAME, f"{path}: {told}. It was changed while it was read, so it is read again"
    )
