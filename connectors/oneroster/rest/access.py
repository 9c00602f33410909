"""How requests prove whose they are: OAuth 2 tokens that are renewed, or OAuth 1 signatures."""

from __future__ import annotations

import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from connectors.oneroster.rest.config import Auth, OneRosterRestConfig
from connectors.oneroster.rest.oauth1 import authorization
from connectors.transport.http import Answer, HttpClient
from connectors.transport.outcomes import Outcome
from shared.errors import PermanentConnectorError, TransientConnectorError

#: Of a token's life, the part after which a new one is asked for.
USED_LIFE = 0.9
#: Error words of RFC 6749 §5.2 that may be repeated to a person.
_ERRORS = frozenset(
    {
        *("invalid_request", "invalid_client", "invalid_grant", "invalid_scope"),
        *("unauthorized_client", "unsupported_grant_type"),
    }
)


class Access(Protocol):
    """Proves whose a request is."""

    #: What a person should look at when the proof is refused.
    advice: str

    def headers(self, http: HttpClient, method: str, url: str, params: Mapping[str, str]) -> Any:
        """Return the headers of a request; may sign in first.

        Raises:
            ConnectorError: it could not.
        """
        ...

    def renew(self, answer: Answer) -> None:
        """Learn that an answer has refused the proof, so that the next one is another."""
        ...


def access_of(config: OneRosterRestConfig, clock: Callable[[], float] = time.time) -> Access:
    """Return the access that a config asks for."""
    return Signatures(config, clock) if config.auth.is_signed else Tokens(config)


@dataclass(slots=True)
class _Token:
    value: str
    ends_at: float


class Tokens:
    """OAuth 2 client credentials; the token outlives a connection."""

    def __init__(
        self, config: OneRosterRestConfig, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._config = config
        self._clock = clock
        self._token: _Token | None = None
        self.advice = (
            "Check client_id, client_secret and token_url; some servers want auth=oauth2_form,"
            " others auth=oauth2_header"
        )

    def headers(self, http: HttpClient, method: str, url: str, params: Mapping[str, str]) -> Any:
        """Return a Bearer header, of a new token where the last one is at its end."""
        del method, url, params
        if self._token is None or self._clock() >= self._token.ends_at:
            self._token = self._sign_in(http)
        return {"Authorization": f"Bearer {self._token.value}"}

    def renew(self, answer: Answer) -> None:
        """Forget the token."""
        del answer
        self._token = None

    def _sign_in(self, http: HttpClient) -> _Token:
        config = self._config
        secret = config.client_secret.get_secret_value()
        headers, form = {"Accept": "application/json"}, {"grant_type": "client_credentials"}
        if config.auth is Auth.OAUTH2_HEADER:
            pair = b64encode(f"{config.client_id}:{secret}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        else:
            form |= {"client_id": config.client_id, "client_secret": secret}
        if config.scope:
            form["scope"] = config.scope
        # the address may hold a key of the vendor's, so it is told by the setting's name alone
        answer = http.send(
            "POST",
            str(config.token_url),
            told="token_url",
            is_safe=True,
            headers=headers,
            data=form,
        )
        if answer.outcome is not Outcome.OK:
            raise self._refused(http, answer)
        found = http.json(answer, "token_url")
        token = found.get("access_token") if isinstance(found, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise PermanentConnectorError(http.vendor, "token_url: it gave no access_token")
        return _Token(token, self._clock() + USED_LIFE * _seconds(found.get("expires_in")))

    def _refused(self, http: HttpClient, answer: Answer) -> Exception:
        if answer.outcome is Outcome.MISSING:
            return PermanentConnectorError(
                http.vendor, f"token_url: status {answer.status}. Check token_url"
            )
        if answer.outcome is Outcome.REFUSED:
            error = _error_word(http, answer)
            advice = "Check scopes" if error == "invalid_scope" else self.advice
            return PermanentConnectorError(
                http.vendor, f"token_url: status {answer.status} {error}. {advice}"
            )
        return http.error_of(answer, "token_url", denied=self.advice)


class Signatures:
    """OAuth 1.0a, by the server's clock once it has shown that ours is off."""

    def __init__(self, config: OneRosterRestConfig, clock: Callable[[], float]) -> None:
        self._config = config
        self._clock = clock
        self._ahead_s = 0.0
        sha256 = config.auth is Auth.OAUTH1_SHA256
        self._algorithm = "HMAC-SHA256" if sha256 else "HMAC-SHA1"
        self.advice = (
            "Check client_id and client_secret; some servers want auth=oauth1_sha1, others"
            " auth=oauth1_sha256"
        )

    def headers(self, http: HttpClient, method: str, url: str, params: Mapping[str, str]) -> Any:
        """Return the request's signature."""
        del http
        signed = authorization(
            method,
            url,
            params,
            key=self._config.client_id,
            secret=self._config.client_secret.get_secret_value(),
            algorithm=self._algorithm,
            nonce=secrets.token_hex(16),
            timestamp=int(self._clock() + self._ahead_s),
        )
        return {"Authorization": signed}

    def renew(self, answer: Answer) -> None:
        """Take the server's clock from what it answered: a timestamp that is off is refused."""
        try:
            at = parsedate_to_datetime(answer.headers.get("date", ""))
        except (ValueError, TypeError, IndexError, OverflowError):
            return
        self._ahead_s = at.timestamp() - self._clock()


def _seconds(found: object) -> float:
    """Return a token's life; a number may be text, and what is none is an hour."""
    try:
        return max(0.0, float(str(found)))
    except ValueError:
        return 3600.0


def _error_word(http: HttpClient, answer: Answer) -> str:
    try:
        found = http.json(answer, "token_url")
    except TransientConnectorError:  # an error page of any kind: the status says enough
        return ""
    error = found.get("error") if isinstance(found, dict) else None
    return error if error in _ERRORS else ""
