"""How a vendor's side is stood up: a simulator, files, a real server of ours, or a live one.

A connector that is online names its `simulator`, or a `bench` which fills a real server; one that
reads files names a `bench`, which lays a district down as files. Of a live vendor the settings are
given, and it is only read.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import httpx

from connectors.conformance.patience import HERE, Patience
from connectors.conformance.rows import NotApplicableError
from connectors.district.model import District
from connectors.network import Network
from connectors.sdk import Connector, Mounted
from connectors.simulator.server import SimulatorServer
from shared.domain.states import Tier
from shared.errors import ConfigurationError


class Vendor(Protocol):
    """One vendor's side, which holds one district.

    What one cannot do raises `NotApplicableError`, with the reason.

    Attributes:
        settings: the config that reaches it.
        district: what it holds, None: nobody knows.
        is_online: whether it is asked over the network.
    """

    settings: Mapping[str, str]
    district: District | None
    is_online: bool

    def fault(self, name: str, **how: Any) -> None:
        """Ask for a fault (see `connectors.district.troubles`)."""
        ...

    def heal(self) -> None:
        """Forget all faults."""
        ...

    def set(self, **values: Any) -> None:
        """Set what the simulator lets be set: `page_size`, `clock_skew_s` and the like."""
        ...

    def requests(self) -> list[str]:
        """Return the requests so far, as `METHOD PATH?QUERY`."""
        ...

    def turn(self, district: District) -> None:
        """Hold the district of another day."""
        ...


class Bench(Protocol):
    """Stands up vendors."""

    @property
    def network(self) -> Network:
        """What a connector is handed when it is opened."""
        ...

    @property
    def patience(self) -> Patience | None:
        """How long was waited; None: time goes by as it does."""
        ...

    def hold(self, district: District) -> Vendor:
        """Return a vendor that holds a district."""
        ...


class SimulatedVendor:
    """A simulator on this machine."""

    is_online = True

    def __init__(self, mounted: Mounted, district: District, url: str, http: httpx.Client) -> None:
        self.settings = mounted.settings
        self.district: District | None = district
        self._turn = mounted.turn
        self._url = url
        self._http = http

    def fault(self, name: str, **how: Any) -> None:
        """Ask for a fault."""
        answer = self._ask("POST", "faults", [{"name": name, **how}])
        if answer.status_code != 200:
            raise NotApplicableError(f"its simulator knows no fault {name!r}")

    def heal(self) -> None:
        """Forget all faults."""
        self._ask("DELETE", "faults")

    def set(self, **values: Any) -> None:
        """Set what the simulator lets be set."""
        if self._ask("POST", "settings", values).status_code != 200:
            raise NotApplicableError(f"its simulator has no setting {', '.join(values)}")

    def requests(self) -> list[str]:
        """Return the requests so far."""
        told: list[str] = self._ask("GET", "requests").json()
        return told

    def turn(self, district: District) -> None:
        """Hold the district of another day."""
        if self._turn is None:
            raise NotApplicableError("its simulator stays as it is")
        self._turn(district)
        self.district = district

    def _ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self._http.request(method, f"{self._url}/_simulator/{path}", json=body)


class SimulatedBench:
    """Simulators on one server of this machine, one for each district that is asked for."""

    def __init__(self, connector: Connector, server: SimulatorServer, http: httpx.Client) -> None:
        self.patience = Patience()
        self._connector = connector
        self._server = server
        self._http = http
        self._numbers = itertools.count()

    @property
    def network(self) -> Network:
        """What takes no time; its budgets are new, whatever was asked to wait before."""
        return self.patience.network()

    def hold(self, district: District) -> Vendor:
        """Return a simulator that holds a district."""
        named = replace(district, name=f"{district.name}{next(self._numbers)}")
        mounted = self._server.mount(self._connector, named)
        url = f"{self._server.url}/{named.name}/{self._connector.name}"
        return SimulatedVendor(mounted, district, url, self._http)


class FileVendor:
    """Files in a folder, as a vendor drops them."""

    is_online = False

    def __init__(self, mounted: Mounted, district: District, folder: Path) -> None:
        self.settings = mounted.settings
        self.district: District | None = district
        self._turn = mounted.turn
        self._folder = folder
        self._before: dict[Path, bytes] = {}

    def fault(self, name: str, **how: Any) -> None:
        """Spoil every file as `name` says: cut, html, empty (of no bytes), missing."""
        del how
        for path in sorted(self._folder.rglob("*")):
            if path.is_file():
                self._before.setdefault(path, path.read_bytes())
                self._spoil(path, name)

    def heal(self) -> None:
        """Put every file back as it was."""
        for path, content in self._before.items():
            path.write_bytes(content)
        self._before.clear()

    def set(self, **values: Any) -> None:
        """Files have no settings."""
        raise NotApplicableError(f"it reads files: there is no {', '.join(values)}")

    def requests(self) -> list[str]:
        """Nobody is asked."""
        return []

    def turn(self, district: District) -> None:
        """Hold the district of another day."""
        if self._turn is None:
            raise NotApplicableError("its files stay as they are")
        self._turn(district)
        self.district = district

    def _spoil(self, path: Path, name: str) -> None:
        content = path.read_bytes()
        match name:
            case "cut":
                path.write_bytes(content[: len(content) // 2])
            case "html":
                path.write_bytes(b"<html><body>We will be back soon.</body></html>")
            case "empty":
                path.write_bytes(b"")
            case "missing":
                path.unlink()
            case _:
                raise NotApplicableError("it reads files: no server answers it")


class FileBench:
    """Files below a folder, laid down by the function that the connector names."""

    patience: Patience | None = None

    def __init__(self, place: str, folder: Path) -> None:
        self._place = place
        self._folder = folder
        self._numbers = itertools.count()
        self.network = Patience().network()

    def hold(self, district: District) -> Vendor:
        """Return the files of a district."""
        folder = self._folder / f"vendor{next(self._numbers)}"
        folder.mkdir()
        return FileVendor(stand_up(self._place, district, folder), district, folder)


class ServerVendor:
    """A district in a real server, which gives no faults and tells nothing of who asks it."""

    is_online = True

    def __init__(self, mounted: Mounted, district: District) -> None:
        self.settings = mounted.settings
        self.district: District | None = district
        self._turn = mounted.turn

    def fault(self, name: str, **how: Any) -> None:
        """A real server cannot be asked for a fault."""
        del name, how
        raise NotApplicableError("a real server is asked for no faults")

    def heal(self) -> None:
        """There is nothing to heal."""

    def set(self, **values: Any) -> None:
        """A real server is as it is."""
        del values
        raise NotApplicableError("a real server is as it is")

    def requests(self) -> list[str]:
        """What it was asked is not told."""
        raise NotApplicableError("a real server does not tell what it was asked")

    def turn(self, district: District) -> None:
        """Hold the district of another day."""
        if self._turn is None:
            raise NotApplicableError("its server stays as it is")
        self._turn(district)
        self.district = district


class ServerBench:
    """Districts in a real server of ours, where one is at hand.

    Args:
        place: `module:function` that fills it with a district.
        folder: empty, for what that function needs.
    """

    patience: Patience | None = None

    def __init__(self, place: str, folder: Path) -> None:
        self._place = place
        self._folder = folder
        self._closing: list[Callable[[], None]] = []
        self.network = Network(allowed=HERE)

    def hold(self, district: District) -> Vendor:
        """Return the server, filled with a district beside the others."""
        try:
            mounted = stand_up(self._place, district, self._folder)
        except ConfigurationError as error:
            raise NotApplicableError(str(error)) from error
        if mounted.close is not None:
            self._closing.append(mounted.close)
        return ServerVendor(mounted, district)

    def close(self) -> None:
        """Take the districts out of it again."""
        for close in self._closing:
            close()


class LiveVendor:
    """A vendor that somebody owns: it is read, and nothing is asked of it beyond that."""

    def __init__(self, settings: Mapping[str, str], *, is_online: bool) -> None:
        self.settings = settings
        self.district: District | None = None
        self.is_online = is_online

    def fault(self, name: str, **how: Any) -> None:
        """No live vendor can be asked for a fault."""
        del name, how
        raise NotApplicableError("a live vendor is only read, and asked for no faults")

    def heal(self) -> None:
        """There is nothing to heal."""

    def requests(self) -> list[str]:
        """What it was asked is not told."""
        return []

    def set(self, **values: Any) -> None:
        """A live vendor is as it is."""
        del values
        raise NotApplicableError("a live vendor is as it is")

    def turn(self, district: District) -> None:
        """A live vendor holds what it holds."""
        del district
        raise NotApplicableError("a live vendor does not change when it is asked to")


class LiveBench:
    """The one vendor whose settings were given.

    Args:
        connector: which reaches it.
        settings: as text.
        network: where it may go.
    """

    patience: Patience | None = None

    def __init__(self, connector: Connector, settings: Mapping[str, str], network: Network) -> None:
        self._vendor = LiveVendor(settings, is_online=connector.is_online)
        self.network = network

    def hold(self, district: District) -> Vendor:
        """Return the vendor, who holds a district of their own."""
        del district
        return self._vendor


def stand_up(place: str, district: District, folder: Path) -> Mounted:
    """Call the bench `module:function` that a connector names."""
    module, _, function = place.partition(":")
    mounted: Mounted = getattr(import_module(module), function)(district, folder)
    return mounted


@contextmanager
def bench_of(
    connector: Connector,
    folder: Path,
    settings: Mapping[str, str] | None = None,
    network: Network | None = None,
) -> Iterator[Bench | None]:
    """Stand up what a source or writer is checked against; None: nobody has said how.

    Args:
        connector: which is checked.
        folder: empty, for files.
        settings: of a live vendor; None: none is given.
        network: where the live vendor is.
    """
    if settings is not None:
        yield LiveBench(connector, settings, network or Network())
    elif connector.tier is Tier.EXPORT:
        yield None
    elif connector.bench is not None and connector.is_online:
        with closing(ServerBench(connector.bench, folder)) as real:
            yield real
    elif connector.bench is not None:
        yield FileBench(connector.bench, folder)
    elif connector.simulator is not None:
        with (
            SimulatorServer([], log_level="critical") as server,
            httpx.Client(trust_env=False, timeout=30) as http,
        ):
            bench = SimulatedBench(connector, server, http)
            try:
                yield bench
            finally:
                bench.patience.end()
    else:
        yield None
