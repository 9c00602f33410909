"""PowerSchool's wire: sign-in, paging, counts, data versions and student writes.

Source: PowerSchool developer pages on the v1 resources (students, sections, terms, metadata), the
data version service and `POST /ws/v1/student`; the shapes are those seen on the wire.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.transport.http import Answer, HttpClient
from connectors.transport.outcomes import Outcome
from connectors.vendors.powerschool.config import PowerSchoolConfig
from shared.errors import PermanentConnectorError, TransientConnectorError

NAME = "powerschool"
TOKEN_PATH = "/oauth/access_token"  # noqa: S105 - a path, no secret
DENIED = (
    "Check client_id and client_secret, and that the plugin has accessLevelV1Api READ, or FULL to"
    " write back."
)

Item = dict[str, Any]


class Client:
    """One server, as one plugin. Requests go one after the other, as the server wants it.

    Args:
        config: address and credentials.
        http: the transport, to the server's address.
    """

    def __init__(self, config: PowerSchoolConfig, http: HttpClient) -> None:
        self._config = config
        self._http = http
        self._token: str | None = None
        self._maximum: dict[str, int] = {}

    def metadata(self) -> Item:
        """Return the server's metadata; page sizes are the plugin's own."""
        found: Item = self.get("/ws/v1/metadata").get("metadata") or {}
        return found

    def pages(
        self,
        path: str,
        plural: str,
        singular: str,
        *,
        q: str | None = None,
        expansions: str | None = None,
    ) -> Iterator[list[Item]]:
        """Yield a list's pages, and see that they hold as many as the server counts.

        Raises:
            TransientConnectorError: they do not: somebody changed the list while it was read.
        """
        given = {"q": q} if q else {}
        expected = self._count(path, given)
        size = self._page_size(singular)
        asked: dict[str, str] = {**given, "pagesize": str(size)}
        if expansions:
            asked["expansions"] = expansions
        seen = 0
        page = 1
        while seen < expected or page == 1:
            answer = self.get(path, {**asked, "page": str(page)})
            items = items_of(answer.get(plural), singular)
            if items:
                yield items
            seen += len(items)
            page += 1
            if len(items) < size:
                break
        if seen != expected:
            raise TransientConnectorError(
                NAME, f"{path}: the server counts {expected} and gave {seen}; it is read again"
            )

    def data_version(self, application: str, version: str) -> tuple[str, Mapping[str, list[str]]]:
        """Return the newest data version, and the ids changed since one, by table."""
        found = self.get(f"/ws/dataversion/{application}/{version}")
        tables = {
            table: [str(key) for key in as_list(keys)]
            for table, keys in (found.get("tables") or {}).items()
        }
        newest = found.get("$dataversion")
        if newest is None:
            raise TransientConnectorError(NAME, "the data version service gave no $dataversion")
        return str(newest), tables

    def one(self, path: str, singular: str, expansions: str | None = None) -> Item | None:
        """Return one record, None where the server has none of the id."""
        params = {"expansions": expansions} if expansions else {}
        answer = self._signed("GET", path, params=params)
        if answer.outcome is Outcome.MISSING:
            return None
        found: Item | None = self._json(answer, path).get(singular)
        return found

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
        results = self._json(answer, path).get("results") or {}
        return items_of(results, "result")

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Item:
        """Return the JSON object of a GET.

        Raises:
            ConnectorError: there is none.
        """
        return self._json(self._signed("GET", path, params=dict(params or {})), path)

    def _count(self, path: str, params: Mapping[str, str]) -> int:
        answer = self.get(f"{path}/count", params)
        counted = (answer.get("resource") or answer).get("count")
        if counted is None:
            raise TransientConnectorError(NAME, f"{path}/count: it counts nothing")
        return int(counted)

    def _page_size(self, singular: str) -> int:
        if not self._maximum:
            self._maximum = {
                name.removesuffix("_max_page_size"): int(value)
                for name, value in self.metadata().items()
                if name.endswith("_max_page_size")
            }
        return min(self._config.page_size, self._maximum.get(singular, self._config.page_size))

    def _signed(self, method: str, path: str, **options: Any) -> Answer:
        """Send with a token; any 401 makes a new one, once."""
        for is_last in (False, True):
            if self._token is None:
                self._token = self._sign_in()
            headers = {
                "Authorization": f"Bearer {self._token}",
                "Accept": "application/json",
                "Content-Type": "application/json",
            }
            answer = self._http.send(method, path, headers=headers, **options)
            if answer.outcome is not Outcome.UNAUTHORIZED or is_last:
                return answer
            self._token = None
        raise AssertionError("unreachable")

    def _sign_in(self) -> str:
        secret = self._config.client_secret.get_secret_value()
        pair = b64encode(f"{self._config.client_id}:{secret}".encode()).decode()
        answer = self._http.send(
            "POST",
            TOKEN_PATH,
            is_safe=True,
            headers={"Authorization": f"Basic {pair}", "Accept": "application/json"},
            data={"grant_type": "client_credentials"},
        )
        token = self._json(answer, TOKEN_PATH).get("access_token")
        if not token:
            raise PermanentConnectorError(NAME, f"{TOKEN_PATH}: it gave no access_token")
        return str(token)

    def _json(self, answer: Answer, path: str) -> Item:
        if answer.outcome is not Outcome.OK:
            raise self._http.error_of(answer, path, denied=DENIED)
        found = self._http.json(answer, path)
        if not isinstance(found, dict):
            raise TransientConnectorError(NAME, f"{path}: the answer is no JSON object")
        return found


def items_of(holder: Any, singular: str) -> list[Item]:
    """Return the records under a key: one record is an object, none is "" or nothing at all."""
    if not isinstance(holder, dict):
        return []
    return as_list(holder.get(singular))


def as_list(found: Any) -> list[Any]:
    """Return what stands for a list on this wire as one."""
    if found is None or found == "":
        return []
    return found if isinstance(found, list) else [found]
