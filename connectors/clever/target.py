"""The target that keeps a set of five files in a place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from connectors.clever.reads import reads
from connectors.clever.set_writer import SetWriter
from connectors.clever.settings import CleverSettings
from connectors.sdk import Delivery, Rendering, RosterReader
from connectors.transport.drop import SftpDrop
from connectors.transport.places import deliver, refuse_to_empty
from shared.domain.records import Kind


class CleverTarget:
    """An export target, whoever takes the set.

    Args:
        name: of the connector.
        settings: of the set.
        drop: where it goes.
    """

    def __init__(self, name: str, settings: CleverSettings, drop: SftpDrop) -> None:
        self._name = name
        self._settings = settings
        self._drop = drop
        self.reads: Mapping[Kind, tuple[str, ...]] = reads(settings)

    def check(self) -> None:
        """See that the place can be written.

        Raises:
            ConnectorError: it cannot; names the setting.
        """
        with self._drop.place(self._name) as place:
            place.probe()

    def render(self, roster: RosterReader, folder: Path) -> Rendering:
        """Write the five files into an empty local folder.

        Raises:
            PermanentConnectorError: nobody is left although there were some in the last export.
        """
        writer = SetWriter(self._settings, roster)
        files = writer.write(folder)
        for file, who in ((files[1], "student"), (files[2], "teacher")):
            if not file.rows:
                with self._drop.place(self._name) as place:
                    refuse_to_empty(self._name, place, file, who)
        return Rendering(files, dict(writer.left_out), altered=writer.altered)

    def deliver(self, rendering: Rendering) -> Delivery:
        """Bring the files to their place: all of them beside it first, then renamed together.

        Raises:
            ConnectorError: the place cannot be reached or written.
        """
        with self._drop.place(self._name) as place:
            again = self._drop.unchanged == "send"
            return deliver(rendering.files, place, send_unchanged=again)
