"""PowerSchool's wire: sign-in, signed requests, and what an answer other than OK means.

Source: PowerSchool developer pages on OAuth, access and throttling. That a server which is down
redirects to a page, or gives one with status 200, was seen; with which status a request that came
too early is rejected is not told, so its words are looked at as well.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.transport.http import Answer, HttpClient
from connectors.transport.outcomes import Outcome
from connectors.vendors.powerschool.config import PowerSchoolConfig
from shared.errors import ConnectorError, PermanentConnectorError, TransientConnectorError

NAME = "powerschool"
TOKEN_PATH = "/oauth/access_token"  # noqa: S105 - a path, no secret
#: How often a request is tried with a new token; a server was seen to refuse the first one too.
SIGN_INS = 2

DENIED_TOKEN = "Check client_id and client_secret: copy both anew from the installed plugin"  # noqa: S105 - words
DENIED_READ = (
    "The plugin may not read /ws/v1: its plugin.xml needs <oauth accessLevelV1Api='FULL'/> (READ"
    " where nothing is written back), which SIS 25.2 and later take for NONE where it is missing;"
    " an administrator may also have lowered it where plugins are managed"
)
DENIED_WRITE = (
    "The plugin may not write students: accessLevelV1Api in its plugin.xml must be FULL, and an"
    " administrator may have lowered it where plugins are managed"
)
_TOO_MANY = re.compile(rb"too many requests(?:.{0,200}?(\d{1,5})\s*second)?", re.I | re.S)

Item = dict[str, Any]


@dataclass(slots=True)
class Session:
    """What one sign-in has brought; it outlives a connection."""

    #: The token, None: not signed in.
    token: str | None = None
    #: The plugin's largest page by resource; None: not asked yet.
    page_sizes: Mapping[str, int] | None = None


class Wire:
    """One server, as one plugin. Requests go one after the other, as the server wants it.

    Args:
        config: address and credentials.
        http: the transport, to the server's address.
        session: of an earlier connection, so that it need not sign in anew.
    """

    def __init__(
        self, config: PowerSchoolConfig, http: HttpClient, session: Session | None = None
    ) -> None:
        self._config = config
        self._http = http
        self._session = session if session is not None else Session()

    def sign_in(self) -> str:
        """Get a token, and keep it for what follows.

        Raises:
            PermanentConnectorError: the server takes these credentials for none.
            TransientConnectorError: see `signed`.
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
        _see_that_it_is_one(answer, TOKEN_PATH)
        if answer.outcome is Outcome.MISSING:
            raise PermanentConnectorError(
                NAME, f"{TOKEN_PATH}: status {answer.status}. url is not that of a PowerSchool"
            )
        token = self.object(answer, TOKEN_PATH, DENIED_TOKEN).get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise PermanentConnectorError(NAME, f"{TOKEN_PATH}: it gave no access_token")
        self._session.token = token
        return token

    def signed(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request with a token, a new one where it has expired.

        Raises:
            TransientConnectorError: the server says that it came too early, or a page of HTML says
                that there is nothing at the address: no API answers so.
        """
        for is_last in [False] * SIGN_INS + [True]:
            headers = {
                "Authorization": f"Bearer {self._session.token or self.sign_in()}",
                # the native form is XML
                "Accept": "application/json",
                "Content-Type": "application/json",
            }
            answer = self._http.send(method, path, headers=headers, **options)
            if answer.outcome is not Outcome.UNAUTHORIZED or is_last:
                break
            self._session.token = None
        _see_that_it_is_one(answer, path)
        return answer

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Item:
        """Return the JSON object of a GET.

        Raises:
            ConnectorError: there is none.
        """
        return self.object(self.signed("GET", path, params=dict(params or {})), path)

    def object(self, answer: Answer, path: str, denied: str = DENIED_READ) -> Item:
        """Return the JSON object of an answer.

        Args:
            answer: to a request.
            path: of the request.
            denied: what a person must do about a 401 or 403.

        Raises:
            ConnectorError: it is none.
        """
        return object_of(self.json(answer, path, denied), path)

    def json(self, answer: Answer, path: str, denied: str = DENIED_READ) -> Any:
        """Return the JSON of an answer; see `object`."""
        if answer.outcome is not Outcome.OK:
            raise self.error_of(answer, path, denied)
        return self._http.json(answer, path)

    def error_of(self, answer: Answer, path: str, denied: str = DENIED_READ) -> ConnectorError:
        """Return the error that an answer other than OK means."""
        return self._http.error_of(answer, path, denied=denied)

    def page_size(self, resource: str) -> int:
        """Return how many records of a resource to ask for: the plugin's maximum may be smaller.

        Args:
            resource: as the metadata call it, such as `section_enrollment`.
        """
        if self._session.page_sizes is None:
            self._session.page_sizes = {
                name.removesuffix("_max_page_size"): whole(value, f"metadata: {name} is no number")
                for name, value in self.metadata().items()
                if name.endswith("_max_page_size")
            }
        maximum = self._session.page_sizes.get(resource, self._config.page_size)
        return max(1, min(self._config.page_size, maximum))

    def metadata(self) -> Item:
        """Return the server's metadata; page sizes are the plugin's own."""
        path = "/ws/v1/metadata"
        return object_of(self.get(path).get("metadata"), path)


def _see_that_it_is_one(answer: Answer, path: str) -> None:
    """See that an answer is the API's own, and to the request.

    Raises:
        TransientConnectorError: the server says that it came too early, or a page of HTML says
            that there is nothing at the address: no API answers so.
    """
    if answer.outcome is Outcome.MISSING and "html" in answer.headers.get("content-type", ""):
        told = f"{path}: status {answer.status} with a page of HTML: the server may be down"
        if path == TOKEN_PATH:
            told += ". If it is not, check url"
        raise TransientConnectorError(NAME, told)
    if answer.status >= 400 and (found := _TOO_MANY.search(answer.body[:65_536])):
        told = f"{path}: status {answer.status}, too many requests. Set interval_ms to what"
        told += " PowerSchool's global API settings say"
        raise TransientConnectorError(NAME, told, float(found[1]) if found[1] else None)


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


def whole(found: Any, problem: str) -> int:
    """Return a whole number, which may come as text.

    Raises:
        TransientConnectorError: it is none: `problem` says so.
    """
    try:
        return int(str(found))
    except ValueError as error:
        raise TransientConnectorError(NAME, problem) from error


def changed(path: str, told: str) -> TransientConnectorError:
    """Return the error of a list that was changed while it was read."""
    return TransientConnectorError(
        NAME, f"{path}: {told}. It was changed while it was read, so it is read again"
    )
