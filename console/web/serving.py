"""Runs the console's application under uvicorn until it is told to stop."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType

import uvicorn

from console.accounts.links import (
    FIRST_ADMINISTRATOR_S,
    first_administrator_link,
    needs_first_administrator,
)
from console.web.app import Relay, build
from console.web.live import Live
from shared.broker.connect import open_broker
from shared.broker.relay import Relay as Publishing
from shared.db.engine import Database
from shared.db.outbox import Outbox
from shared.errors import ConfigurationError
from shared.messages import Publication
from shared.settings import Settings

log = logging.getLogger(__name__)

#: Where this machine's own browser finds it.
LOCAL = "127.0.0.1"
#: Any address of this machine; a browser asks by one that it knows.
_ANY = ("0.0.0.0", "::")  # noqa: S104 - compared, not listened on


def serve(settings: Settings, database: Database, host: str, port: int) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code.

    With the embedded broker, scheduler and workers run in this process: nobody else could.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """
    with listening(host, port) as listener, _relay(settings, database) as relay:
        hosts = () if host in _ANY else (host,)
        app = build(settings, database, relay, hosts=hosts)
        config = uvicorn.Config(
            app,
            log_config=None,
            lifespan="off",
            # the addresses of drop folders hold tokens
            access_log=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=int(settings.grace_s),
        )
        real = listener.getsockname()[1]
        log.info("the console listens on %s:%d", host, real)
        _tell_way_in(settings, database, f"http://{LOCAL if host in _ANY else host}:{real}")
        for number in (signal.SIGTERM, signal.SIGINT):
            # uvicorn raises the signal that has ended it once more, when it has shut down
            signal.signal(number, lambda *_: None)
        _Server(config, app.state.live).run([listener])
    return 0


def _tell_way_in(settings: Settings, database: Database, own: str) -> None:
    """Print where the console is, and while it has no administrator, how to become the first."""
    base = (settings.console_url or own).rstrip("/")
    if not needs_first_administrator(database):
        print(f"The console is at {base}/", flush=True)  # noqa: T201 - the command's answer
        return
    link = first_administrator_link(database)
    minutes = round(FIRST_ADMINISTRATOR_S / 60)
    told = f"Open this once, within {minutes} minutes, to make the first administrator:"
    print(f"{told}\n{base}/setup/{link.secret}", flush=True)  # noqa: T201 - the command's answer


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Listen on an address.

    Raises:
        ConfigurationError: it cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            problem = f"{host}:{port} cannot be listened on: {error.strerror}"
            raise ConfigurationError("--port", problem, "Give another.") from error
        yield listener


class _Server(uvicorn.Server):
    """Ends the live streams when it is told to stop: else it would wait for them."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop."""
        self._live.end()
        super().handle_exit(sig, frame)


@contextmanager
def _relay(settings: Settings, database: Database) -> Iterator[Relay]:
    """Yield what publishes a request's messages; to the embedded broker, from among its workers."""
    with ExitStack() as opened:
        if settings.is_embedded_broker:
            # scheduler, workers and all that they need: imported where they run
            from console.embedded import Embedded

            broker = opened.enter_context(Embedded(settings, database)).broker
        else:
            broker = open_broker(settings)
            opened.callback(broker.close)
        publishing = Publishing(broker.publisher, Outbox(database))

        def relay(publications: Sequence[Publication]) -> None:
            publishing.publish_now(publications)

        yield relay
