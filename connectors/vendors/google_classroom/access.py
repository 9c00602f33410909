"""Signing in: google-auth signs an assertion for the service account, our transport carries it.

Source: Google's OAuth 2.0 for server-to-server applications (JWT bearer grant, domain-wide
delegation), and what google-auth 2.63 was seen to send: `aud` stays Google's own token address
whatever `token_uri` says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from google.auth import transport
from google.auth.exceptions import GoogleAuthError, MalformedError
from google.oauth2 import service_account

from connectors.transport.http import Answer, HttpClient
from connectors.transport.outcomes import Outcome
from connectors.vendors.google_classroom.config import GoogleClassroomConfig
from shared.errors import ConnectorError, PermanentConnectorError, TransientConnectorError

NAME = "google_classroom"


class _Response(transport.Response):
    """An answer as google-auth reads it."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    def data(self) -> bytes:
        return self._answer.body


class _Request(transport.Request):
    """Lets google-auth ask through our transport, with its guard, deadline and log."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **more: Any,
    ) -> transport.Response:
        del timeout, more  # ours hold
        answer = self._http.send(
            method, url, is_safe=True, told="the token address", content=body, headers=headers or {}
        )
        if answer.outcome in {Outcome.RETRY, Outcome.RATE_LIMITED, Outcome.MOVED}:
            # the transport has tried; google-auth would try again, after waits of its own
            raise self._http.error_of(answer, "the token address", denied="")
        if answer.outcome in {Outcome.UNAUTHORIZED, Outcome.DENIED} and not _says_why(answer):
            advice = "Check service_account, and token_url where it is set"
            raise self._http.error_of(answer, "the token address", denied=advice)
        if answer.outcome is Outcome.OK and not isinstance(
            self._http.json(answer, "the token address"), dict
        ):
            raise TransientConnectorError(
                NAME, "the token address gave something else than a token"
            )
        return _Response(answer)


def _says_why(answer: Answer) -> bool:
    """Return whether a refusal has the code by which google-auth tells why."""
    try:
        found = json.loads(answer.body)
    except ValueError:
        return False
    return isinstance(found, dict) and isinstance(found.get("error"), str)


def mint(config: GoogleClassroomConfig, http: HttpClient) -> str:
    """Return a new token for the administrator.

    Raises:
        PermanentConnectorError: says which setting or delegation is missing.
        TransientConnectorError: the token address does not answer.
    """
    try:
        credentials = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            config.key, scopes=config.scopes, subject=config.admin
        )
        credentials.refresh(_Request(http))
    except ConnectorError:
        raise
    except (MalformedError, ValueError) as error:
        raise PermanentConnectorError(
            NAME, "service_account is no usable key: download it anew, and give the whole JSON"
        ) from error
    except GoogleAuthError as error:
        raise _refused(error, config) from error
    token = credentials.token
    if not isinstance(token, str) or not token:
        raise TransientConnectorError(NAME, "the token address gave no token")
    return token


def _refused(error: GoogleAuthError, config: GoogleClassroomConfig) -> ConnectorError:
    told = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], dict) else {}
    match told.get("error"):
        case "unauthorized_client" | "access_denied" | "invalid_scope":
            return PermanentConnectorError(
                NAME,
                "the domain is not delegated to the service account: in the Admin console, under"
                " domain-wide delegation, give its client id these scopes: "
                + ", ".join(config.scopes),
            )
        case "invalid_grant":
            return PermanentConnectorError(
                NAME,
                "Google refused the sign-in: check that `admin` is an active account of the domain,"
                " that the key was not deleted, and that this machine's clock is right",
            )
        case "invalid_client" | "deleted_client" | "disabled_client":
            return PermanentConnectorError(
                NAME, "Google does not know the service account: make a new key, and give its JSON"
            )
        case str(code):
            return PermanentConnectorError(NAME, f"Google refused the sign-in: {code[:80]}")
        case _:
            return TransientConnectorError(
                NAME, "the token address gave something else than a token: it may be down"
            )
