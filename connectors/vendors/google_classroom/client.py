"""Google's wire: requests with a token, pages, and errors sorted by what they mean for a record.

Source: the Classroom API v1 and Directory API v1 (bundled discovery documents of 2026-10 and
2026-11) and their pages on errors and quotas.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.transport.http import Answer, HttpClient
from connectors.transport.outcomes import Outcome
from connectors.transport.retrying import LONGEST_WAIT_S, RATE_WAITS_S, retry_after_s
from connectors.vendors.google_classroom.access import NAME, mint
from connectors.vendors.google_classroom.config import GoogleClassroomConfig
from shared.errors import PermanentConnectorError, TransientConnectorError

Item = dict[str, Any]
#: How often a request is tried with a new token.
SIGN_INS = 2
#: Reasons of a 403 that mean "later", which Google asks to be met with waiting.
_QUOTA = frozenset(
    {"quotaExceeded", "rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"}
)
#: Reasons of a 403 that no other record would be spared.
_OF_THE_APP = frozenset(
    {"ACCESS_TOKEN_SCOPE_INSUFFICIENT", "SERVICE_DISABLED", "accessNotConfigured"}
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Google said no to, for this one record.

    Attributes:
        status: 400, 403, 404, 409 or 412.
        code: the word at the start of a failed precondition's message, else Google's status.
        message: as Google gave it.
    """

    status: int
    code: str
    message: str


@dataclass(slots=True)
class Session:
    """What one sign-in has brought; it outlives a connection."""

    token: str | None = None


class Client:
    """One Workspace, as its administrator. Requests go one after the other.

    Args:
        config: addresses and key.
        http: the transport; both services are asked through it, by whole addresses.
        session: of an earlier client, so that it need not sign in anew.
        wait: waits some seconds, and returns True when the job must stop.
    """

    def __init__(
        self,
        config: GoogleClassroomConfig,
        http: HttpClient,
        session: Session | None = None,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._config = config
        self._http = http
        self._session = session if session is not None else Session()
        self._wait = wait or threading.Event().wait
        self._bases = {
            "v1": str(config.classroom_url).rstrip("/"),
            "admin": str(config.directory_url).rstrip("/"),
        }

    def sign_in(self) -> None:
        """Get a token, whether there is one or not."""
        self._session.token = mint(self._config, self._http)

    def pages(
        self, path: str, key: str, params: Mapping[str, Any] | None = None
    ) -> Iterator[list[Item]]:
        """Yield a list's pages; the last has no token, and one of no records no key for them.

        Args:
            path: from `/v1` or `/admin` on.
            key: of the records.
            params: of the query; those that are lists are repeated.

        Raises:
            ConnectorError: a page did not come, or is none.
        """
        asked, seen = dict(params or {}), set[str]()
        while True:
            found = self.get(path, asked)
            items = found.get(key, [])
            if not isinstance(items, list) or any(not isinstance(item, dict) for item in items):
                raise TransientConnectorError(NAME, f"{path}: {key} is no list of records")
            yield items
            token = found.get("nextPageToken")
            if not token:
                return
            if not isinstance(token, str) or token in seen:
                raise TransientConnectorError(NAME, f"{path}: the pages do not come to an end")
            seen.add(token)
            asked["pageToken"] = token

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Item:
        """Return what is there.

        Raises:
            PermanentConnectorError: it is not, or may not be read.
        """
        found = self.call("GET", path, params=params)
        if isinstance(found, Refusal):
            kind = TransientConnectorError if found.status == 404 else PermanentConnectorError
            raise kind(NAME, f"{path_told(path)}: status {found.status}, {found.message[:200]}")
        return found

    def find(self, path: str) -> Item | None:
        """Return what is there, None where there is nothing."""
        found = self.call("GET", path)
        if isinstance(found, Refusal):
            if found.status == 404:
                return None
            raise PermanentConnectorError(
                NAME, f"{path_told(path)}: status {found.status}, {found.message[:200]}"
            )
        return found

    def call(
        self,
        method: str,
        path: str,
        body: Item | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Item | Refusal:
        """Send a request; every one that this connector makes is harmless to repeat.

        Raises:
            PermanentConnectorError: nobody would be let in, whatever the record.
            TransientConnectorError: Google does not answer, or asks to wait longer than a job does.
        """
        answer = self._signed(method, path, body, params)
        if answer.outcome is Outcome.OK:
            found = self._http.json(answer, path_told(path))
            if not isinstance(found, dict):
                raise TransientConnectorError(
                    NAME, f"{path_told(path)}: the answer is no object: the server may be down"
                )
            return found
        refusal, reasons = _refusal(answer)
        if refusal is not None and not reasons & _OF_THE_APP:
            return refusal
        told = f"{path_told(path)}: status {answer.status}"
        if reasons & {"SERVICE_DISABLED", "accessNotConfigured"}:
            raise PermanentConnectorError(
                NAME, f"{told}. Enable the Classroom API and the Admin SDK API for the project"
            )
        raise self._http.error_of(answer, path_told(path), denied=self._denied())

    def _signed(
        self, method: str, path: str, body: Item | None, params: Mapping[str, Any] | None
    ) -> Answer:
        for _ in range(SIGN_INS):
            if self._session.token is None:
                self.sign_in()
            answer = self._unhurried(method, path, body, params)
            if answer.outcome is not Outcome.UNAUTHORIZED:
                return answer
            self._session.token = None
        return answer

    def _unhurried(
        self, method: str, path: str, body: Item | None, params: Mapping[str, Any] | None
    ) -> Answer:
        """Send, and wait where a 403 says that it was too much; the transport does so for a 429."""
        url = self._bases["admin" if path.startswith("/admin") else "v1"] + path
        for usual_s in (*RATE_WAITS_S, None):
            answer = self._http.send(
                method,
                url,
                is_safe=True,
                told=path_told(path),
                params=dict(params or {}),
                headers={"Authorization": f"Bearer {self._session.token}"},
                **({} if body is None else {"json": body}),
            )
            if answer.status != 403 or not _refusal(answer)[1] & _QUOTA:
                return answer
            asked_s = retry_after_s(answer.headers)
            wait_s = usual_s if asked_s is None else asked_s
            if usual_s is None or wait_s is None or wait_s > LONGEST_WAIT_S:
                raise TransientConnectorError(
                    NAME, f"{path_told(path)}: the quota is used up", asked_s
                )
            if self._wait(wait_s) is True:
                break
        raise TransientConnectorError(NAME, f"{path_told(path)}: the job was stopped in a wait")

    def _denied(self) -> str:
        return (
            "Check that `admin` is a super administrator, and that the domain is delegated to the"
            f" service account with these scopes: {', '.join(self._config.scopes)}"
        )


def segment(value: str) -> str:
    """Return an id as it stands in a path: alias and address carry signs that paths do not."""
    return quote(value, safe="")


def path_told(path: str) -> str:
    """Return a path as log and errors have it, without what names a person or record.

    >>> path_told("/v1/courses/123/students/456")
    '/v1/courses/…/students/…'
    """
    words = path.split("/")
    collections = {"", "v1", "admin", "directory", "courses", "teachers", "students", "aliases"} | {
        "invitations", "users", "customer", "orgunits", "userProfiles", "guardians",
        "guardianInvitations",
    }  # fmt: skip
    return "/".join(word if word in collections else "…" for word in words)


def _refusal(answer: Answer) -> tuple[Refusal | None, frozenset[str]]:
    """Return what an answer says of one record, and all reasons that it gives.

    A refusal without Google's envelope is none: then it is a server on the way that says no.
    """
    try:
        error = msgspec.json.decode(answer.body)["error"]
        message, status = str(error.get("message", "")), str(error.get("status", ""))
        listed = [*error.get("errors", ()), *error.get("details", ())]
        reasons = frozenset(str(one["reason"]) for one in listed if "reason" in one)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None, frozenset()
    if answer.status not in {400, 403, 404, 409, 412}:
        return None, reasons
    first = message.removeprefix("@").split(" ", 1)[0].rstrip(":.,")
    has_code = status == "FAILED_PRECONDITION" and first.isalpha()
    return Refusal(answer.status, first if has_code else status, message), reasons
