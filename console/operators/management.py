"""RabbitMQ's management API, read for queues and their consumers.

Source: the HTTP API's own page (`/api/index.html` of a broker with the management plugin):
`GET /api/queues/VHOST` and `GET /api/consumers/VHOST`. A queue that nothing has passed since
the node started has no `message_stats`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from shared.settings import Settings

#: How long a page waits for the broker, in seconds.
TIMEOUT_S = 5.0


class ManagementError(Exception):
    """The management API cannot be read.

    Attributes:
        problem: in one line, without user and password.
        fix: what to do, an imperative sentence.
    """

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue as the broker tells it.

    Attributes:
        name: the queue's.
        ready: messages that nobody has yet.
        unacknowledged: messages that a consumer has.
        consumers: how many there are.
        publish_rate: messages a second that come in.
        deliver_rate: messages a second that go out.
        state: `running`, or what the broker calls it.
    """

    name: str
    ready: int
    unacknowledged: int
    consumers: int
    publish_rate: float
    deliver_rate: float
    state: str


@dataclass(frozen=True, slots=True)
class ConsumerState:
    """One consumer of a queue.

    Attributes:
        queue: which it reads.
        host: from where it is connected.
        prefetch: messages that it takes at once; of a worker, its threads.
    """

    queue: str
    host: str
    prefetch: int


class Management:
    """The management API of one virtual host.

    Args:
        settings: `management_url` with user and password, and `broker_url`, which names the host.

    Raises:
        ManagementError: one of them is not set.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.management_url is None:
            raise ManagementError("it is not looked at", "Set BELLRINGER_MANAGEMENT_URL.")
        if settings.broker_url is None:
            raise ManagementError("there is no RabbitMQ", "Set BELLRINGER_BROKER_URL.")
        self._base = settings.management_url.rstrip("/")
        # as the path of an AMQP URL has it, percent-encoded; without one it is "/"
        self._vhost = urlsplit(settings.broker_url).path.removeprefix("/") or quote("/", safe="")

    @property
    def ui(self) -> str:
        """Return the address of RabbitMQ's own pages, without user and password."""
        parts = urlsplit(self._base)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    def page_of(self, queue: str) -> str:
        """Return the address of RabbitMQ's own page of a queue."""
        return f"{self.ui}/#/queues/{self._vhost}/{quote(queue, safe='')}"

    def queues(self) -> dict[str, QueueState]:
        """Return the virtual host's queues by name.

        Raises:
            ManagementError: the API does not answer, or lets nobody in.
        """
        return {one["name"]: _queue(one) for one in self._get("queues")}

    def consumers(self) -> list[ConsumerState]:
        """Return the virtual host's consumers, by queue and host.

        Raises:
            ManagementError: the API does not answer, or lets nobody in.
        """
        found = [
            ConsumerState(
                queue=one["queue"]["name"],
                # empty for the moment in which the channel closes
                host=(one.get("channel_details") or {}).get("peer_host") or "unknown",
                prefetch=one.get("prefetch_count", 0),
            )
            for one in self._get("consumers")
        ]
        return sorted(found, key=lambda one: (one.queue, one.host))

    def _get(self, what: str) -> list[dict[str, Any]]:
        try:
            answer = httpx.get(
                f"{self._base}/api/{what}/{self._vhost}", timeout=TIMEOUT_S, trust_env=False
            )
            answer.raise_for_status()
            told: list[dict[str, Any]] = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            problem = f"{place_of(self._base)}: {brief(error)}"
            raise ManagementError(problem, "Correct BELLRINGER_MANAGEMENT_URL.") from error
        return told


def place_of(url: str) -> str:
    """Return where a URL points, without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2]


def brief(error: Exception) -> str:
    """Say in one line what went wrong, by the error beneath that tells it best."""
    if isinstance(error, httpx.HTTPStatusError):
        # its text has the URL, and with it the password
        return f"it answers {error.response.status_code} {error.response.reason_phrase}"
    beneath = getattr(error, "exception", None) or next(iter(error.args), None)
    if isinstance(beneath, Exception):
        return brief(beneath)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    told = str(error).strip().splitlines()
    return told[0] if told else type(error).__name__


def _queue(told: dict[str, Any]) -> QueueState:
    stats = told.get("message_stats") or {}
    return QueueState(
        name=told["name"],
        ready=told.get("messages_ready", 0),
        unacknowledged=told.get("messages_unacknowledged", 0),
        consumers=told.get("consumers", 0),
        publish_rate=(stats.get("publish_details") or {}).get("rate", 0.0),
        deliver_rate=(stats.get("deliver_get_details") or {}).get("rate", 0.0),
        state=told.get("state", "running"),
    )
