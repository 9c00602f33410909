"""What a set's manifest says: its version, and of each file whether it is bulk, delta or absent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.oneroster.layout import HEADERS, REQUIRED
from connectors.oneroster.package import MANIFEST, Package
from shared.domain.records import Kind

#: Lines of a manifest, which is held as a whole.
MAX_PROPERTIES = 1000
BULK, DELTA, ABSENT = "bulk", "delta", "absent"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that fits its files.

    Attributes:
        version: "1.1" or "1.2".
        modes: of the kinds that are there: bulk or delta; empty: nothing has changed.
    """

    version: str
    modes: Mapping[Kind, str]

    @property
    def is_bulk(self) -> bool:
        """Whether it is a whole roster, and no set of changes."""
        return all(self.modes.get(kind) == BULK for kind in REQUIRED[self.version]) and (
            DELTA not in self.modes.values()
        )


def read_manifest(package: Package) -> Manifest:
    """Read a set's manifest, and compare it with the files that are there.

    Raises:
        PermanentConnectorError: they are no set of OneRoster 1.1 or 1.2; says why.
    """
    version, modes = _properties(package)
    for name, mode in modes.items():
        if mode not in {ABSENT, BULK, DELTA}:
            raise package.broken(
                MANIFEST, f"file.{name[:40]} is {mode[:40]!r}", "Give absent, bulk or delta."
            )
        if (mode == ABSENT) == (f"{name}.csv" in package.files):
            state = "there" if mode == ABSENT else "not there"
            raise package.broken(
                f"{name}.csv",
                f"the manifest says {mode}, the file is {state}",
                "Export the set again.",
            )
    present = {kind: modes[kind] for kind in HEADERS[version] if modes.get(kind, ABSENT) != ABSENT}
    if BULK in modes.values() and DELTA not in modes.values():
        missing = [kind for kind in REQUIRED[version] if kind not in present]
        if missing:
            raise package.broken(
                f"{missing[0]}.csv",
                f"it is missing, and a {version} roster needs it",
                "Export it too.",
            )
    return Manifest(version, present)


def _properties(package: Package) -> tuple[str, Mapping[str, str]]:
    """Return the version, and the mode of each file by its name without `.csv`."""
    if MANIFEST not in package.files:
        raise package.broken(
            MANIFEST, "it is missing, so the set is OneRoster 1.0", "Export OneRoster 1.1 or 1.2."
        )
    properties: dict[str, str] = {}
    for line in package.rows(MANIFEST):
        if line.number > MAX_PROPERTIES:
            raise package.broken(MANIFEST, f"it has over {MAX_PROPERTIES} lines", "Correct it.")
        if len(line.values) < 2 or line.values[0] in properties:
            raise package.broken(
                MANIFEST, f"line {line.number}: a property is missing or doubled", "Correct it."
            )
        properties[line.values[0]] = line.values[1].strip()
    if properties.pop("propertyName", None) != "value":
        raise package.broken(
            MANIFEST, "its header is not propertyName,value", "Export the set again."
        )
    version = properties.get("oneroster.version", "")
    if version not in HEADERS:
        raise package.broken(
            MANIFEST, f"oneroster.version is {version[:40]!r}", f"Export {' or '.join(HEADERS)}."
        )
    modes = {
        name.removeprefix("file."): mode
        for name, mode in properties.items()
        if name.startswith("file.")
    }
    return version, modes
