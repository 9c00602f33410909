"""What is checked: a connector with its bench, and what several checks ask for and share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from connectors import registry
from connectors.conformance import districts
from connectors.conformance.benches import Bench, Vendor, stand_up
from connectors.conformance.hub import MemoryHub, hub_of
from connectors.conformance.patience import Patience
from connectors.conformance.provisioning import MemoryLinks, provision
from connectors.conformance.reading import Read, gather
from connectors.conformance.rows import BrokenError, NotApplicableError
from connectors.district.model import District
from connectors.district.sftp_site import SftpSite
from connectors.sdk import Connector, Provisioner, ReadRequest, Source, Target, Writer
from shared.domain.records import Kind
from shared.domain.states import Mode, Tier
from shared.errors import BellringerError, ConnectorError

#: Settings of a connector that make it give up soon, in seconds, where it has them; long enough for
#: an answer of this machine even while it is busy.
HURRIED: Mapping[str, str] = {"timeout_s": "0.8", "deadline_s": "0.8"}
#: More records than any list of the kit's districts has.
ALL = 1000


class Subject:
    """A connector that is examined.

    Args:
        connector: it.
        bench: its vendor's side, None: nobody has said how that is stood up.
        folder: empty, for what a check needs.
        settings: of a target, those that were given; None: it delivers to a folder of its own.
    """

    def __init__(
        self,
        connector: Connector,
        bench: Bench | None,
        folder: Path,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.connector = connector
        self.folder = folder
        self.given = settings
        self._bench = bench
        #: By the place that a check has named: of a target that delivers by SFTP alone.
        self._sites: dict[Path, SftpSite] = {}
        #: Vendors that are fed record by record, and what is opened on them, each with its links.
        self._links: list[tuple[object, MemoryLinks]] = []

    # What it is

    @property
    def is_export(self) -> bool:
        """Whether it is fed from the hub."""
        return self.connector.tier is Tier.EXPORT

    @property
    def bench(self) -> Bench:
        """Its vendor's side.

        Raises:
            NotApplicableError: it is an export, or nobody has said how that is stood up.
        """
        if self.is_export:
            raise NotApplicableError("it is fed from the hub, and reads no vendor")
        if self._bench is None:
            name = self.connector.name
            raise NotApplicableError(
                "it has no simulator here; against a vendor of yours:"
                f" bellringer conformance {name} --set KEY=VALUE …"
            )
        return self._bench

    def has(self, setting: str) -> bool:
        """Return whether the connector takes a setting."""
        return setting in self.connector.config.model_fields

    # Vendors

    def hold(self, district: District, *, is_filled: bool = True) -> Vendor:
        """Return another vendor, with small pages where these can be set.

        Args:
            district: what it holds.
            is_filled: whether one that is fed record by record has been fed the district.
        """
        vendor = self.bench.hold(district)
        set_page(vendor, districts.PAGE)
        if vendor.district is not None and self.connector.tier is Tier.TWO_WAY:
            opened = self.source(vendor)
            if isinstance(opened, Provisioner):
                # a roster of nobody is none that a student system would give
                hub = hub_of(district) if district.sections else MemoryHub()
                links = MemoryLinks(hub)
                self._links += [(vendor, links), (opened, links)]
                links.know(self.read(opened).of(Kind.USERS))
                if is_filled:
                    provision(opened, links)
        return vendor

    def links_of(self, of: Vendor | Source) -> MemoryLinks | None:
        """Return which of a vendor's records stand for the hub's; None: it is not fed so."""
        return next((links for one, links in self._links if one is of), None)

    def provisioner(self, vendor: Vendor) -> Provisioner | None:
        """Open the connector as one that makes and ends records; None: it is no such."""
        opened = self.source(vendor)
        return opened if isinstance(opened, Provisioner) else None

    @cached_property
    def main(self) -> Vendor:
        """The vendor that all checks share which change nothing there."""
        return self.hold(districts.whole())

    @property
    def online(self) -> Vendor:
        """The shared vendor, asked over the network.

        Raises:
            NotApplicableError: it is a drop of files, or a live one.
        """
        vendor = self.main
        if not vendor.is_online:
            raise NotApplicableError("it reads files: no server answers it")
        if vendor.district is None:
            raise NotApplicableError("a live vendor is only read, and asked for no faults")
        return vendor

    # Reads

    def source(self, vendor: Vendor, **changes: Any) -> Source:
        """Open the connector on a vendor, with small pages unless told otherwise."""
        values: dict[str, Any] = dict(vendor.settings)
        if self.has("page_size") and vendor.district is not None:
            values["page_size"] = str(districts.PAGE)
        values |= {name: value for name, value in changes.items() if self.has(name)}
        config = registry.parse_config(self.connector, values)
        opened = self.connector.connect(config, self.bench.network)
        if not isinstance(opened, Source):
            raise BrokenError(
                f"what it opens is no Source, which its tier {self.connector.tier} asks for"
            )
        if links := self.links_of(vendor):
            self._links.append((opened, links))
        return opened

    def writer(self, vendor: Vendor) -> Writer:
        """Open the connector as one that writes."""
        opened = self.source(vendor)
        if not isinstance(opened, Writer):
            raise BrokenError("it names fields that it writes, and what it opens is no Writer")
        return opened

    def read(self, source: Source, mode: Mode = Mode.FULL, cursor: str | None = None) -> Read:
        """Read to the end; see `gather`."""
        asked = self.request(source, mode, cursor)
        return gather(source.read(asked), self.connector.capabilities)

    def request(
        self, source: Source, mode: Mode = Mode.FULL, cursor: str | None = None
    ) -> ReadRequest:
        """Return what a source is asked to read."""
        return ReadRequest(mode, cursor, linked=self.links_of(source))

    @cached_property
    def whole(self) -> Read:
        """All that the shared vendor holds.

        Raises:
            BrokenError: it cannot be read.
        """
        try:
            return self.read(self.source(self.main))
        except BellringerError as error:
            which = "the vendor" if self.main.district is None else "a vendor that is well"
            raise BrokenError(f"{which} cannot be read: {error}") from error

    @cached_property
    def asked(self) -> list[str]:
        """What a read of the shared vendor asks it, sign-in among it."""
        before = len(self.online.requests())
        self.read(self.source(self.online))
        return self.online.requests()[before:]

    @cached_property
    def places(self) -> list[int]:
        """Requests at which trouble is tried: the first for data, one in mid-paging, the last."""
        asked = self.asked
        data = [place for place, told in enumerate(asked) if told.startswith("GET ")]
        data = data or list(range(len(asked)))
        if not data:
            raise BrokenError("a read asked the simulator nothing")
        paged = [
            place for place in data if place and path_of(asked[place]) == path_of(asked[place - 1])
        ]
        middle = paged[len(paged) // 2] if paged else data[len(data) // 2]
        return sorted({data[0], middle, data[-1]})

    def told(self, place: int) -> str:
        """Return in words which request of a read a place is."""
        return f"request {place + 1} of {len(self.asked)} ({path_of(self.asked[place])})"

    def hides_secrets(self, vendor: Vendor, error: ConnectorError) -> None:
        """See that an error tells no secret of the settings."""
        for name in registry.secret_fields(self.connector):
            secret = vendor.settings.get(name)
            if secret and secret in str(error):
                raise BrokenError(f"an error tells the secret {name}")

    # Exports

    def target(self, path: Path) -> Target:
        """Open the connector on a folder, or on the place that the given settings name."""
        config = registry.parse_config(self.connector, self._settings_of_place(path))
        network = Patience().network() if self._bench is None else self._bench.network
        opened = self.connector.connect(config, network)
        if not isinstance(opened, Target):
            raise BrokenError("what it opens is no Target, which its tier export asks for")
        return opened

    def _settings_of_place(self, path: Path) -> Mapping[str, str]:
        if self.given is not None:
            return self.given
        if self.connector.bench is not None:
            mounted = stand_up(self.connector.bench, districts.whole(), path)
            return mounted.settings
        if self.has("sftp_host") and not self.has("path"):
            if path not in self._sites:
                self._sites[path] = SftpSite(districts.NAME)
            return _settings_of_site(self._sites[path])
        return {"path": str(path)}

    def content(self, path: Path) -> dict[str, bytes] | None:
        """Return the files that a target has delivered to a place of its own, by their names.

        None: nothing was ever delivered there.
        """
        if path in self._sites:
            with self._sites[path].lock:
                return dict(self._sites[path].files)
        if not path.exists():
            return None
        files = (one for one in sorted(path.rglob("*")) if one.is_file())
        return {one.relative_to(path).as_posix(): one.read_bytes() for one in files}

    def close(self) -> None:
        """End what was stood up for it."""
        for site in self._sites.values():
            site.close()


def _settings_of_site(site: SftpSite) -> Mapping[str, str]:
    return {
        "sftp_host": "127.0.0.1",
        "sftp_port": str(site.port),
        "sftp_user": site.user,
        "sftp_host_key": site.host_key,
        "sftp_password": site.password,
    }


def set_page(vendor: Vendor, size: int) -> None:
    """Let a vendor give pages of a size, where its simulator can."""
    try:
        vendor.set(page_size=size)
    except NotApplicableError:
        return


def path_of(request: str) -> str:
    """Return the path of a request that is told as `METHOD PATH?QUERY`.

    >>> path_of("GET /users?offset=5")
    '/users'
    """
    return request.partition(" ")[2].partition("?")[0]
