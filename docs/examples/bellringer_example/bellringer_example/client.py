"""The wire: sign-in, and lists by the page whose records are counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bellringer_example.config import ExampleConfig
from connectors.transport.http import Answer, HttpClient
from connectors.transport.outcomes import Outcome
from shared.errors import PermanentConnectorError, TransientConnectorError

Item = dict[str, Any]

DENIED = "Check client_id and client_secret; the key needs the permission 'roster: read'"


class Client:
    """One server, as one key.

    Args:
        config: address and credentials.
        http: the transport: it keeps deadlines and budgets, and tries again what may pass.

    Attributes:
        revision: of the data when the first list began; what changes meanwhile comes next time.
    """

    def __init__(self, config: ExampleConfig, http: HttpClient) -> None:
        self._config = config
        self._http = http
        self._token: str | None = None
        self.revision: str | None = None

    def pages(self, what: str, since: str | None = None) -> Iterator[list[Item]]:
        """Yield a list's pages, and see that they hold what the server counts.

        Args:
            what: `schools` or `people`.
            since: a revision: only what has changed after it, what was removed among it.

        Raises:
            ConnectorError: the list cannot be had whole.
        """
        seen: set[str] = set()
        total, page = 1, 0
        while len(seen) < total:
            page += 1
            found = self._get(what, page, since)
            items, total = found.get("data"), found.get("total")
            if not isinstance(items, list) or not isinstance(total, int):
                raise self._unread(what, "the answer has another shape than expected")
            ids = {str(item.get("id")) for item in items}
            if len(ids) < len(items) or ids & seen or (not items and len(seen) < total):
                raise self._unread(what, f"the server counts {total}, and its pages differ")
            seen |= ids
            self.revision = self.revision or str(found.get("revision", ""))
            yield items
        if len(seen) != total:
            raise self._unread(what, f"the server counts {total} and gave {len(seen)}")

    def _get(self, what: str, page: int, since: str | None) -> Item:
        params = {"page": str(page), "per_page": str(self._config.page_size)}
        answer = self._signed(f"/v1/{what}", params | ({"since": since} if since else {}))
        if answer.outcome is not Outcome.OK:
            raise self._http.error_of(answer, f"/v1/{what}", denied=DENIED)
        found = self._http.json(answer, f"/v1/{what}")
        if not isinstance(found, dict):
            raise self._unread(what, "the answer has another shape than expected")
        return found

    def _signed(self, path: str, params: dict[str, str]) -> Answer:
        """Ask with a token; one that has ended in the middle of a list is got anew, once."""
        for is_last in (False, True):
            self._token = self._token or self._sign_in()
            headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
            answer = self._http.send("GET", path, params=params, headers=headers)
            if answer.outcome is not Outcome.UNAUTHORIZED or is_last:
                break
            self._token = None
        return answer

    def _sign_in(self) -> str:
        secret = self._config.client_secret.get_secret_value()
        form = {"client_id": self._config.client_id, "client_secret": secret}
        # the same sign-in again is harmless, so it may be tried again
        answer = self._http.send("POST", "/token", is_safe=True, data=form)
        if answer.outcome is not Outcome.OK:
            raise self._http.error_of(answer, "/token", denied=DENIED)
        found = self._http.json(answer, "/token")
        token = found.get("access_token") if isinstance(found, dict) else None
        if not isinstance(token, str):
            raise PermanentConnectorError(self._http.vendor, "/token: it gave no access_token")
        return token

    def _unread(self, what: str, problem: str) -> TransientConnectorError:
        return TransientConnectorError(self._http.vendor, f"/v1/{what}: {problem}")
