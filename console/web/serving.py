"""Runs the console's application under uvicorn until it is told to stop."""

from __future__ import annotations

import logging
import signal
import socket

import uvicorn

from console.web.app import build
from shared.db.engine import Database
from shared.errors import ConfigurationError
from shared.settings import Settings

log = logging.getLogger(__name__)


def serve(settings: Settings, database: Database, host: str, port: int) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """
    config = uvicorn.Config(
        build(settings, database),
        log_config=None,
        lifespan="off",
        # the addresses of drop folders hold tokens
        access_log=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=int(settings.grace_s),
    )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            problem = f"{host}:{port} cannot be listened on: {error.strerror}"
            raise ConfigurationError("--port", problem, "Give another.") from error
        log.info("the console listens on %s:%d", host, port)
        for number in (signal.SIGTERM, signal.SIGINT):
            # uvicorn raises the signal that has ended it once more, when it has shut down
            signal.signal(number, lambda *_: None)
        uvicorn.Server(config).run([listener])
    return 0
