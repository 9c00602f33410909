"""One server for every vendor's simulator, under `/DISTRICT/CONNECTOR`.

`POST /_simulator/day` with `{"day": N}` makes all of them hold their districts of another day.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate
from importlib import import_module
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors import registry
from connectors.district.generate import generate
from connectors.district.model import District
from connectors.sdk import Connector, Mounted
from shared.errors import ConfigurationError

#: How long the server may take to start and to stop, in seconds.
TIMEOUT_S = 15.0
#: The last day that a district has.
MAX_DAY = 365


class SimulatorServer:
    """Serves districts on a port of this machine, in a thread; a context manager.

    Args:
        districts: each gets every vendor whose connector can be loaded; as they are on day 0, if
            days are to change. None at all: vendors are added by `mount` while it serves.
        port: 0: any free one.
        host: the address to listen on.
        log_level: of the server; a connection that a fault breaks off is an error to it.

    Attributes:
        url: where it listens.
        settings: by district and connector, the config that reaches its vendor.

    Raises:
        ConfigurationError: the port is taken, or two districts have one name.
    """

    def __init__(
        self,
        districts: Sequence[District],
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        log_level: str = "warning",
    ) -> None:
        if len({district.name for district in districts}) < len(districts):
            raise ConfigurationError("district", "two have one name", "Give each its own.")
        # asyncio turns Nagle's delay off only where the protocol is named
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise ConfigurationError("--port", f"{port} cannot be had", "Give another.") from error
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"
        self.settings: dict[str, dict[str, Mapping[str, str]]] = {}
        self._districts = list(districts)
        self._turns: dict[str, list[Callable[[District], None]]] = {}
        self._closing: list[Callable[[], None]] = []
        day = Route("/_simulator/day", self._set_day, methods=["POST"])
        self._served = Starlette(routes=[day])
        clouds = [one for one in registry.installed()[0] if one.simulator] if districts else []
        for district in districts:
            mounted = {one.name: self.mount(one, district) for one in clouds}
            self.settings[district.name] = {name: m.settings for name, m in mounted.items()}
            self._turns[district.name] = [m.turn for m in mounted.values() if m.turn is not None]
        config = uvicorn.Config(
            _Dated(self._served),
            log_level=log_level,
            lifespan="off",
            access_log=False,
            date_header=False,
            ws="none",
            timeout_graceful_shutdown=3,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="simulator", daemon=True
        )

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread.start()
        deadline = time.monotonic() + TIMEOUT_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise ConfigurationError("--port", "the simulator did not start", "See its log.")
            self._thread.join(0.02)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop to serve."""
        self._server.should_exit = True
        self._thread.join(TIMEOUT_S)
        self._socket.close()
        for close in self._closing:
            close()

    def mount(self, connector: Connector, district: District) -> Mounted:
        """Serve one vendor with a district, under `/DISTRICT/CONNECTOR`; also while it runs.

        Raises:
            ConfigurationError: the connector has no simulator.
        """
        if connector.simulator is None:
            problem = f"{connector.name} has no simulator"
            raise ConfigurationError("connector", problem, "Name one in its Connector.")
        module, _, function = connector.simulator.partition(":")
        path = f"/{district.name}/{connector.name}"
        mounted: Mounted = getattr(import_module(module), function)(district, f"{self.url}{path}")
        self._served.router.routes.append(Mount(path, mounted.app))
        if mounted.close is not None:
            self._closing.append(mounted.close)
        return mounted

    def wait(self, stop: threading.Event) -> None:
        """Serve until `stop` is set or the server ends."""
        while self._thread.is_alive() and not stop.wait(0.5):
            pass

    def turn(self, day: int) -> None:
        """Make every vendor hold the districts of a day; day 0 is the first."""
        for first in self._districts:
            count = len(first.students)
            district = generate(first.name, seed=first.seed, students=count, day=day)
            for turn in self._turns[first.name]:
                turn(district)

    async def _set_day(self, request: Request) -> Response:
        try:
            day = int((await request.json())["day"])
        except (ValueError, TypeError, KeyError):
            return JSONResponse({"message": 'give {"day": N}'}, status_code=400)
        if not 0 <= day <= MAX_DAY:
            return JSONResponse({"message": f"a day is 0 to {MAX_DAY}"}, status_code=400)
        # in a thread: the vendors answer meanwhile
        await run_in_threadpool(self.turn, day)
        return JSONResponse({"day": day})


class _Dated:
    """Gives an answer the date, unless its vendor's clock is another and has told it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("date", formatdate(usegmt=True))
            await send(message)

        await self._app(scope, receive, dated)
