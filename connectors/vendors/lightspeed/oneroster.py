"""Lightspeed's alternative: a OneRoster zip, for Clever or ClassLink to pass on.

Nobody's demographics leave: nothing that Lightspeed does needs them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from connectors.oneroster.csv_export import OneRosterCsvExport, OneRosterCsvExportConfig
from connectors.sdk import Delivery, Rendering, RosterReader
from connectors.transport.drop import Drop
from connectors.vendors.lightspeed.config import ARCHIVE, LightspeedConfig
from shared.domain.records import Kind

Row = tuple[str | None, ...]


class LightspeedOneRoster:
    """The export target.

    Args:
        config: where the zip goes, and of which version it is.
        name: the connector's.
    """

    def __init__(self, config: LightspeedConfig, name: str) -> None:
        given = config.model_fields_set & set(Drop.model_fields)
        place = {field: getattr(config, field) for field in given}
        key = "sftp_path" if config.path is None else "path"
        place[key] = f"{str(getattr(config, key)).rstrip('/')}/{ARCHIVE}"
        version = config.format.removeprefix("oneroster-")
        settings = OneRosterCsvExportConfig.model_validate({**place, "version": version})
        self._export = OneRosterCsvExport(settings.within(config.network), name)
        self.reads: Mapping[Kind, tuple[str, ...]] = {
            kind: fields
            for kind, fields in self._export.reads.items()
            if kind is not Kind.DEMOGRAPHICS
        }

    def check(self) -> None:
        """See that the place can be written.

        Raises:
            ConnectorError: it cannot.
        """
        self._export.check()

    def render(self, roster: RosterReader, folder: Path) -> Rendering:
        """Write the zip into an empty local folder.

        Raises:
            ConfigurationError: the hub lacks what the version requires.
        """
        return self._export.render(_WithoutDemographics(roster), folder)

    def deliver(self, rendering: Rendering) -> Delivery:
        """Put the zip into its place, unless it lies there already.

        Raises:
            ConnectorError: the place cannot be reached or written.
        """
        return self._export.deliver(rendering)


class _WithoutDemographics:
    def __init__(self, roster: RosterReader) -> None:
        self._roster = roster

    def rows(
        self, kind: Kind, fields: Sequence[str], order_by: Sequence[str] = ("sourcedId",)
    ) -> Iterator[Row]:
        if kind is Kind.DEMOGRAPHICS:
            return iter(())
        return self._roster.rows(kind, fields, order_by)

    def leave_out(self, kind: Kind, sourced_id: str) -> None:
        self._roster.leave_out(kind, sourced_id)
