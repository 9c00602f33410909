"""Runs the console's application under uvicorn until it is told to stop."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI

from console.accounts.links import (
    FIRST_ADMINISTRATOR_S,
    first_administrator_link,
    needs_first_administrator,
)
from console.web.app import build
from console.web.listening import listening
from console.web.live import Live
from shared.broker.connect import Broker, open_broker
from shared.broker.relay import Relay as Publishing
from shared.db.engine import Database
from shared.db.outbox import Outbox
from shared.messages import Publication
from shared.settings import Settings

if TYPE_CHECKING:
    from console.embedded import Embedded

log = logging.getLogger(__name__)

#: Seconds between two looks at whether all threads live.
_LOOK_S = 2

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
    with listening(host, port) as listener, ExitStack() as opened:
        if settings.is_embedded_broker:
            # scheduler, workers and all that they need: imported where they run
            from console.embedded import Embedded

            embedded = opened.enter_context(Embedded(settings, database))
            return serve_beside(embedded, settings, database, listener)
        broker = open_broker(settings)
        opened.callback(broker.close)
        return _run(settings, database, broker, listener, lambda: [])


def serve_beside(
    embedded: Embedded, settings: Settings, database: Database, listener: socket.socket
) -> int:
    """Serve beside scheduler and workers of this process until SIGTERM or SIGINT.

    Returns:
        The exit code: 1 when one of their threads has died, so that nothing would run any more.
    """
    return _run(settings, database, embedded.broker, listener, embedded.dead)


def _run(
    settings: Settings,
    database: Database,
    broker: Broker,
    listener: socket.socket,
    dead: Callable[[], Sequence[str]],
) -> int:
    host, port = listener.getsockname()[:2]
    publishing = Publishing(broker.publisher, Outbox(database))

    def relay(publications: Sequence[Publication]) -> None:
        publishing.publish_now(publications)

    app = build(settings, database, relay, hosts=() if host in _ANY else (host,))
    server = _Server(settings, app, dead)
    log.info("the console listens on %s:%d", host, port)
    own = LOCAL if host in _ANY else f"[{host}]" if ":" in host else host
    _tell_way_in(settings, database, f"http://{own}:{port}")
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal that has ended it once more, when it has shut down
        signal.signal(number, lambda *_: None)
    server.run([listener])
    return 1 if dead() else 0


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


class _Server(uvicorn.Server):
    """Ends the live streams when it is told to stop, since it would wait for them else."""

    def __init__(self, settings: Settings, app: FastAPI, dead: Callable[[], Sequence[str]]) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            lifespan="off",
            # the addresses of drop folders hold tokens
            access_log=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=int(settings.grace_s),
            timeout_notify=_LOOK_S,
            callback_notify=self._look,
        )
        super().__init__(config)
        self._live: Live = app.state.live
        self._dead = dead

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop."""
        self._live.end()
        super().handle_exit(sig, frame)

    async def _look(self) -> None:
        """Stop where what runs the jobs has ended: a supervisor starts it all anew."""
        if dead := self._dead():
            log.critical("a thread has died: %s", ", ".join(dead))
            self._live.end()
            self.should_exit = True
