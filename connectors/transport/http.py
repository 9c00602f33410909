"""HTTP to vendors: httpx with limits on everything, and errors that say what to do.

Redirects are not followed, TLS is verified, a body is capped, and a request has a deadline as a
whole. The log tells method, path, status and time, never a body or a token.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import httpx

from connectors.transport.outcomes import Outcome, outcome_of
from shared.errors import PermanentConnectorError, TransientConnectorError

log = logging.getLogger(__name__)

#: The longest answer that is read.
MAX_BODY_BYTES = 64 * 1024 * 1024
#: Waits between quick tries of a request that is safe to repeat, in seconds.
QUICK_WAITS_S = (0.2, 1.0)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def outcome(self) -> Outcome:
        """What its status means."""
        return outcome_of(self.status)


class HttpClient:
    """Talks to one vendor's host.

    Args:
        vendor: the connector's name, for errors.
        base_url: scheme, host, port and path prefix.
        timeout_s: for connecting, and for each read.
        deadline_s: for one request as a whole.
        wait: waits some seconds; tests hand in their own.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        vendor: str,
        base_url: str,
        *,
        timeout_s: float = 30,
        deadline_s: float = 120,
        wait: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.vendor = vendor
        self._deadline_s = deadline_s
        self._wait = wait or threading.Event().wait
        self._clock = clock
        self._client = httpx.Client(
            base_url=base_url,
            timeout=httpx.Timeout(timeout_s),
            limits=httpx.Limits(max_connections=4, max_keepalive_connections=4),
            follow_redirects=False,
            trust_env=False,
            headers={"User-Agent": "bellringer"},
        )

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close its connections."""
        self._client.close()

    def send(
        self, method: str, path: str, *, is_safe: bool | None = None, **options: Any
    ) -> Answer:
        """Send a request and read its answer; the caller looks at the outcome.

        A request that is safe to repeat (a GET, unless told) is tried again at once, twice, when
        the connection or the server fails.

        Raises:
            TransientConnectorError: no answer came, or one that is no whole answer.
        """
        safe = method == "GET" if is_safe is None else is_safe
        for wait_s in (*QUICK_WAITS_S, None) if safe else (None,):
            try:
                answer = self._once(method, path, options)
                if answer.status < 500 or wait_s is None:
                    return answer
            except TransientConnectorError:
                if wait_s is None:
                    raise
            self._wait(wait_s)
        raise AssertionError("unreachable")

    def _once(self, method: str, path: str, options: Mapping[str, Any]) -> Answer:
        started = self._clock()
        try:
            with self._client.stream(method, path, **options) as response:
                body = bytearray()
                for block in response.iter_bytes():
                    body += block
                    if len(body) > MAX_BODY_BYTES:
                        raise self._failed(
                            path, f"the answer is longer than {MAX_BODY_BYTES} bytes"
                        )
                    if self._clock() - started > self._deadline_s:
                        raise self._failed(
                            path, f"no whole answer came in {self._deadline_s:.0f} s"
                        )
        except httpx.HTTPError as error:
            raise self._failed(path, f"{_told(error)}") from error
        took_ms = 1000 * (self._clock() - started)
        status = response.status_code
        log.info("%s %s %s: %d in %.0f ms", self.vendor, method, path, status, took_ms)
        return Answer(status, response.headers, bytes(body))

    def _failed(self, path: str, problem: str) -> TransientConnectorError:
        return TransientConnectorError(self.vendor, f"{path}: {problem}")

    def json(self, answer: Answer, path: str) -> Any:
        """Return the JSON of an answer whose outcome is OK.

        Raises:
            TransientConnectorError: it is something else, such as the page of a dead server.
        """
        kind = answer.headers.get("content-type", "")
        if "json" not in kind:
            raise self._failed(path, f"the answer is {kind or 'of no type'}, not JSON")
        try:
            return json.loads(answer.body)
        except ValueError as error:
            raise self._failed(
                path, "the answer is broken JSON: it may have been cut off"
            ) from error

    def error_of(self, answer: Answer, path: str, *, denied: str) -> Exception:
        """Return the error that an answer other than OK means.

        Args:
            answer: the answer.
            path: what was asked for.
            denied: what a person must do about a 401 or 403.
        """
        match answer.outcome:
            case Outcome.RETRY:
                return TransientConnectorError(
                    self.vendor, f"{path}: status {answer.status}", retry_after_s(answer.headers)
                )
            case Outcome.UNAUTHORIZED | Outcome.DENIED:
                return PermanentConnectorError(
                    self.vendor, f"{path}: status {answer.status}. {denied}"
                )
            case _:
                return PermanentConnectorError(self.vendor, f"{path}: status {answer.status}")


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the seconds that `Retry-After` asks for, given as a number or a date; None: none."""
    value = headers.get("retry-after")
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())


def _told(error: httpx.HTTPError) -> str:
    """Return an error's kind; its text may carry a URL with what nobody should read."""
    names: Mapping[type[httpx.HTTPError], str] = {
        httpx.ConnectError: "nobody answers at that host and port",
        httpx.ConnectTimeout: "the connection was not made in time",
        httpx.ReadTimeout: "the answer did not come in time",
        httpx.RemoteProtocolError: "the answer was cut off",
    }
    return names.get(type(error), type(error).__name__)
