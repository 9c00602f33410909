"""HTTP to vendors: httpx with limits on everything, and errors that say what to do.

Redirects are not followed, TLS is verified, a body is capped, and a request has a deadline as a
whole. A connection goes to public addresses alone, unless the operator allows others. The log tells
method, path, status and time, never a query, a body or a token.
"""

from __future__ import annotations

import hashlib
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import msgspec

from connectors.network import Network
from connectors.transport.outcomes import Outcome, outcome_of
from connectors.transport.retrying import LONGEST_WAIT_S, RATE_WAITS_S, Tries, retry_after_s
from connectors.transport.sockets import Deadline, GuardedBackend, GuardedTransport
from shared.domain.pacing import Rate
from shared.errors import ConnectorError, PermanentConnectorError, TransientConnectorError

log = logging.getLogger(__name__)
# httpx tells whole URLs, and a query may hold what a person typed
logging.getLogger("httpx").setLevel(logging.WARNING)

#: The longest answer that is read.
MAX_BODY_BYTES = 64 * 1024 * 1024


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
    """Talks to one vendor's host; requests go one after the other.

    Args:
        vendor: the connector's name, for errors.
        base_url: scheme, host, port and path prefix.
        network: where it may go, and whose budgets it shares.
        account: names the vendor account whose budget the requests are taken from, without secrets.
        rates: that budget; none: it has none.
        timeout_s: for connecting, and for each read.
        deadline_s: for one request as a whole, its tries and the waits between them together; the
            wait for a turn in the account's budget is apart from it.
        max_body_bytes: the longest answer that is read.
        wait: waits some seconds, and returns True when the job must stop (`Event.wait`); None: as
            the network does.
        clock: seconds that never go back.
        setting: the name of the one that `base_url` is of, for errors.
    """

    def __init__(
        self,
        vendor: str,
        base_url: str,
        *,
        network: Network | None = None,
        account: str = "",
        rates: Sequence[Rate] = (),
        timeout_s: float = 30,
        deadline_s: float = 120,
        max_body_bytes: int = MAX_BODY_BYTES,
        wait: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        setting: str = "url",
    ) -> None:
        self.vendor = vendor
        self._network = network or Network()
        self._account = account
        self._rates = tuple(rates)
        self._deadline_s = deadline_s
        self._max_body_bytes = max_body_bytes
        self._wait = wait or self._network.wait or threading.Event().wait
        self._clock = clock
        self._setting = setting
        self._deadline = Deadline(clock)
        backend = GuardedBackend(vendor, self._network, self._deadline)
        limits = httpx.Limits(max_connections=4, max_keepalive_connections=4)
        self._client = httpx.Client(
            base_url=base_url,
            timeout=httpx.Timeout(timeout_s),
            transport=GuardedTransport(backend, _tls(), limits),
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
        self,
        method: str,
        path: str,
        *,
        is_safe: bool | None = None,
        told: str | None = None,
        **options: Any,
    ) -> Answer:
        """Send a request and read its answer; the caller looks at the outcome.

        `path` follows the base URL, or is a whole address; log and errors tell `told` instead where
        it is given.

        A request that is safe to repeat (a GET, unless told) is tried again at once, twice, when
        the connection or the server fails; any request is, when there were too many.

        Raises:
            TransientConnectorError: no answer came, or one that is no whole answer; or the budget
                is used up for longer than a running job waits.
            PermanentConnectorError: the host is where no app may go.
        """
        told = path if told is None else told
        tries = Tries(method == "GET" if is_safe is None else is_safe)
        self._deadline.ends_at = self._clock() + self._deadline_s
        while True:
            self._take_turn(told)
            answer, failed = self._try(method, path, told, options)
            wait_s = (
                tries.wait_s(None, {})
                if answer is None
                else tries.wait_s(answer.status, answer.headers)
            )
            if answer is not None and answer.outcome is Outcome.RATE_LIMITED and self._rates:
                held_s = retry_after_s(answer.headers)
                held_s = RATE_WAITS_S[0] if held_s is None else held_s
                self._network.pacer.hold(self._account, self._rates, held_s)
            if wait_s is None or self._clock() + wait_s >= self._deadline.ends_at:
                if answer is not None:
                    return answer
                assert failed is not None  # noqa: S101 - a try gives one or the other
                raise failed
            self._pause(wait_s, told, failed)

    def _take_turn(self, path: str) -> None:
        if not self._rates:
            return
        wait_s = self._network.pacer.take(self._account, self._rates, LONGEST_WAIT_S)
        if wait_s > LONGEST_WAIT_S:
            problem = f"{path}: the account's budget of requests is used up for {wait_s:.0f} s"
            raise TransientConnectorError(self.vendor, problem, wait_s)
        if wait_s > 0:
            self._pause(wait_s, path, None)
            self._deadline.ends_at += wait_s

    def _pause(self, wait_s: float, path: str, cause: Exception | None) -> None:
        if self._wait(wait_s) is True:
            raise self._failed(path, "the job was stopped while it waited") from cause

    def _try(
        self, method: str, path: str, told: str, options: Mapping[str, Any]
    ) -> tuple[Answer | None, TransientConnectorError | None]:
        started = self._clock()
        try:
            answer = self._once(method, path, told, options)
        except TransientConnectorError as error:
            took_ms = 1000 * (self._clock() - started)
            log.info("%s %s %s: no answer in %.0f ms", self.vendor, method, told, took_ms)
            return None, error
        took_ms = 1000 * (self._clock() - started)
        log.info("%s %s %s: %d in %.0f ms", self.vendor, method, told, answer.status, took_ms)
        return answer, None

    def _once(self, method: str, path: str, told: str, options: Mapping[str, Any]) -> Answer:
        try:
            with self._client.stream(method, path, **options) as response:
                body = bytearray()
                for block in response.iter_bytes():
                    body += block
                    if len(body) > self._max_body_bytes:
                        raise self._failed(
                            told, f"the answer is longer than {self._max_body_bytes} bytes"
                        )
                    if self._deadline.is_over:
                        raise self._overdue(told)
        except httpx.HTTPError as error:
            if isinstance(error, httpx.TimeoutException) and self._deadline.is_over:
                raise self._overdue(told) from error
            raise self._failed(told, self._told(error)) from error
        return Answer(response.status_code, response.headers, bytes(body))

    def _told(self, error: httpx.HTTPError) -> str:
        if not isinstance(error, httpx.ConnectError):
            return _told(error)
        url = error.request.url
        told = _told_unconnected(error, url.host, url.netloc.decode())
        is_ours = url.host == self._client.base_url.host
        return f"{told}. Look at the setting {self._setting}" if is_ours else told

    def _failed(self, path: str, problem: str) -> TransientConnectorError:
        return TransientConnectorError(self.vendor, f"{path}: {problem}")

    def _overdue(self, path: str) -> TransientConnectorError:
        return self._failed(path, f"no whole answer came in {self._deadline_s:.0f} s")

    def json(self, answer: Answer, path: str) -> Any:
        """Return the JSON of an answer whose outcome is OK.

        Raises:
            TransientConnectorError: it is something else, such as the page of a dead server.
        """
        kind = answer.headers.get("content-type", "")
        if "json" not in kind:
            told = kind.partition(";")[0] or "of no type"
            raise self._failed(path, f"the answer is {told}, not JSON: the server may be down")
        try:
            return msgspec.json.decode(answer.body)
        except (ValueError, RecursionError) as error:
            raise self._failed(
                path, "the answer is broken JSON: it may have been cut off"
            ) from error

    def error_of(self, answer: Answer, path: str, *, denied: str) -> ConnectorError:
        """Return the error that an answer other than OK means.

        Args:
            answer: the answer.
            path: what was asked for.
            denied: what a person must do about a 401 or 403.
        """
        told = f"{path}: status {answer.status}"
        elsewhere = _host_of(answer.headers.get("location", ""))
        match answer.outcome:
            case Outcome.RETRY if elsewhere is not None:
                # only the host: what follows it is the server's own business
                told += f", sent elsewhere ({elsewhere}): the server may be down"
                return TransientConnectorError(self.vendor, told)
            case Outcome.RETRY | Outcome.RATE_LIMITED:
                wait_s = retry_after_s(answer.headers)
                return TransientConnectorError(self.vendor, told, wait_s)
            case Outcome.MOVED:
                told += (
                    f", moved to {elsewhere or 'elsewhere'}. Correct the address in the settings"
                )
                return PermanentConnectorError(self.vendor, told)
            case Outcome.UNAUTHORIZED | Outcome.DENIED:
                return PermanentConnectorError(self.vendor, f"{told}. {denied}")
            case _:
                return PermanentConnectorError(self.vendor, told)


def account_of(vendor: str, url: str, user: str) -> str:
    """Return the name of a vendor account's budget; it tells nobody's address or user name."""
    return hashlib.sha256(f"{vendor}\n{url}\n{user}".encode()).hexdigest()


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Return the context that verifies servers; to read the certificates of all takes 30 ms."""
    return httpx.create_ssl_context(trust_env=False)


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _told(error: httpx.HTTPError) -> str:
    """Return an error's kind; its text may carry a URL with what nobody should read."""
    names: Mapping[type[httpx.HTTPError], str] = {
        httpx.ConnectTimeout: "the connection was not made in time",
        httpx.ReadTimeout: "the answer did not come in time",
        httpx.WriteTimeout: "the request could not be sent in time",
        httpx.RemoteProtocolError: "the answer was cut off",
        httpx.ReadError: "the connection broke",
        httpx.DecodingError: "the answer is compressed wrongly",
    }
    return names.get(type(error), type(error).__name__)


def _told_unconnected(error: BaseException, host: str, place: str) -> str:
    """Tell by its cause why there is no connection: no such host, nobody there, or no TLS."""
    cause: BaseException | None = error
    while cause is not None:
        match cause:
            case socket.gaierror():
                return f"the host {host} is not known"
            case ssl.SSLCertVerificationError():
                return f"the certificate of {place} is not valid: {cause.verify_message}"
            case ssl.SSLError():
                return f"{place} does not speak TLS as it should"
        # httpcore's pool raises its error anew, "from None"
        cause = cause.__cause__ or cause.__context__
    return f"nobody answers at {place}"
