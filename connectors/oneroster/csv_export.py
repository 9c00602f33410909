"""`oneroster_csv_export`: keeps a OneRoster 1.1 or 1.2 set in a folder or a zip."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path, PurePath, PurePosixPath
from typing import Literal

from connectors.district.model import District
from connectors.oneroster.delivery import check_name, deliver_set, is_zip, pack
from connectors.oneroster.feeds import BulkFeed, ChangesFeed, Feed, fields_of
from connectors.oneroster.set_writer import SetWriter
from connectors.sdk import (
    ChangesReader,
    Connector,
    Delivery,
    Mounted,
    Rendering,
    RosterReader,
)
from connectors.transport.drop import Drop
from connectors.transport.places import Place
from shared.domain.reading import Capabilities
from shared.domain.records import Kind
from shared.domain.states import Mode, Tier

NAME = "oneroster_csv_export"
#: The least that two instants of the hub are apart.
_TICK = timedelta(microseconds=1)


class OneRosterCsvExportConfig(Drop):
    """Where the set goes, and of which kind it is.

    `path`, or `sftp_path` on a server, is a folder for the CSV files, or a zip: what ends in
    `.zip`.
    """

    path: Path | None = None
    """A folder on the worker's machine, or a zip there; one that is not whole counts from where the
    command runs."""
    version: Literal["1.1", "1.2"] = "1.2"
    """The version of OneRoster."""
    mode: Literal["bulk", "delta"] = "bulk"
    """bulk: the whole hub, each time. delta: what has changed since the set before; the first is
    bulk, and so is the first after a change of path, version, masks or filter."""


class OneRosterCsvExport:
    """The export target.

    Args:
        config: where the set goes, and of which kind it is.
        name: the connector's, for errors.
    """

    def __init__(self, config: OneRosterCsvExportConfig, name: str = NAME) -> None:
        self._config = config
        self._connector = name
        self.reads: Mapping[Kind, tuple[str, ...]] = reads(config.version)

    def check(self) -> None:
        """See that the place can be written.

        Raises:
            PermanentConnectorError: it cannot.
        """
        if self._config.path is not None:
            check_name(self._connector, self._config.path)
        with self._open() as place:
            place.probe()

    def render(self, roster: RosterReader, folder: Path) -> Rendering:
        """Write a bulk set into an empty local folder.

        Raises:
            ConfigurationError: the hub lacks what the version requires.
        """
        return self._render(BulkFeed(roster, self._config.version), folder)

    def render_changes(self, roster: ChangesReader, folder: Path, cursor: str | None) -> Rendering:
        """Write the next set into an empty local folder; none where nothing has changed.

        Raises:
            ConfigurationError: the hub lacks what a bulk set of the version requires.
        """
        since, latest = self._since(cursor, roster.terms), roster.latest()
        made = self._cursor(latest, roster.terms) if latest is not None else None
        if since is None:
            return self._render(BulkFeed(roster, self._config.version), folder, made)
        if latest is None or latest <= since:
            return Rendering((), {})
        feed = ChangesFeed(roster, self._config.version, since + _TICK)
        return self._render(feed, folder, made)

    def deliver(self, rendering: Rendering) -> Delivery:
        """Put the set into its place, all together; what has not changed is left alone.

        Raises:
            ConnectorError: the place cannot be reached or written.
        """
        if not rendering.files:
            return Delivery((), frozenset())
        if self._config.path is not None:
            check_name(self._connector, self._config.path)
        with self._open() as place:
            again = self._config.unchanged == "send"
            return deliver_set(rendering.files, place, again=again)

    def _render(self, feed: Feed, folder: Path, cursor: str | None = None) -> Rendering:
        writer = SetWriter(feed, self._config.version)
        files = writer.write(folder)
        if is_zip(self._name):
            files = (pack(files, folder / self._name.name),)
        return Rendering(files, writer.left_out, cursor)

    @property
    def _name(self) -> PurePath:
        return self._config.path or PurePosixPath(self._config.sftp_path)

    def _open(self) -> Place:
        return self._config.place(self._connector, around=is_zip(self._name))

    def _since(self, cursor: str | None, terms: str) -> datetime | None:
        """Return the instant up to which the set before told of the hub; None: send it all."""
        if self._config.mode == "bulk" or cursor is None:
            return None
        before: dict[str, str] = json.loads(cursor)
        at = before.pop("latest")
        return datetime.fromisoformat(at) if before == self._place(terms) else None

    def _cursor(self, latest: datetime, terms: str) -> str:
        return json.dumps({**self._place(terms), "latest": latest.isoformat()})

    def _place(self, terms: str) -> dict[str, str]:
        place = {"path": self._config.address, "version": self._config.version}
        return {**place, "terms": terms} if terms else place


def stand_up(district: District, folder: Path) -> Mounted:
    """Let sets go to a folder, those of changes among them, as the conformance kit wants it."""
    del district
    return Mounted(app=None, settings={"path": str(folder), "mode": "delta"})


def reads(version: str) -> dict[Kind, tuple[str, ...]]:
    """Return the fields that a version's set is made from, by kind."""
    return {kind: fields_of(version, kind) for kind in Kind}


CONNECTOR = Connector(
    name=NAME,
    title="OneRoster CSV export",
    tier=Tier.EXPORT,
    capabilities=Capabilities(modes=frozenset({Mode.FULL})),
    config=OneRosterCsvExportConfig,
    open=OneRosterCsvExport,
    bench="connectors.oneroster.csv_export:stand_up",
)
