"""`oneroster_csv`: imports a OneRoster 1.1 or 1.2 set, bulk or delta, from a folder or a zip."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from connectors.oneroster.archive import NAME
from connectors.oneroster.bulk_reading import BulkReading
from connectors.oneroster.delta_reading import DeltaReading
from connectors.oneroster.manifest import Manifest, read_manifest
from connectors.oneroster.package import MANIFEST, Package, stamps
from connectors.sdk import Connector, ReadRequest
from connectors.transport.pickup import Pickup
from shared.domain.reading import Batch, Capabilities, Known, ReadCertificate, Refused
from shared.domain.records import Kind
from shared.domain.states import Mode, Tier
from shared.errors import PermanentConnectorError, TransientConnectorError


class OneRosterCsvConfig(Pickup):
    """Where the set lies: a folder with the CSV files, or a zip of them."""


class OneRosterCsv:
    """Reads the set as it lies there, as a whole or not at all.

    Args:
        config: where it lies.
        wait: waits some seconds; tests hand in their own.
    """

    def __init__(
        self,
        config: OneRosterCsvConfig,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._config = config
        self._wait = wait or threading.Event().wait

    def check(self) -> None:
        """See that a set is there, and read its manifest.

        Raises:
            PermanentConnectorError: it is not there, or no set of a version that we know.
            TransientConnectorError: the server does not answer, or it is being written.
        """
        with self._at_hand(None) as path, closing(Package(path)) as package:
            read_manifest(package)

    def read(self, request: ReadRequest) -> Iterator[Batch | Refused | ReadCertificate]:
        """Yield the set's records: all of a bulk set, in either mode; of a delta set the changes.

        Raises:
            PermanentConnectorError: the set is broken, or it is a delta set, and a full sync or
                the first one needs a bulk set; names file, line and fix.
            TransientConnectorError: it is being written, or the server does not answer.
        """
        with self._at_hand(request.folder) as path:
            self._wait_until_quiet(path)
            with closing(Package(path)) as package:
                try:
                    manifest = read_manifest(package)
                    if manifest.is_bulk:
                        yield from _bulk(package, manifest, request.known)
                    else:
                        _check_request(package, manifest, request)
                        yield from _delta(package, manifest)
                except PermanentConnectorError:
                    # what looks broken may be half of what somebody writes now
                    package.check_unchanged()
                    raise

    @contextmanager
    def _at_hand(self, folder: Path | None) -> Iterator[Path]:
        if self._config.path is not None:
            yield self._config.path
            return
        with self._config.fetched(NAME, folder, _is_of_a_set, self._wait) as path:
            yield path

    def _wait_until_quiet(self, path: Path) -> None:
        """A file that is still being written is not read: it must stand still for a while."""
        if self._config.path is None:
            return  # it stood still on its server before it was fetched
        before = stamps(path)
        if self._config.quiet_s:
            self._wait(self._config.quiet_s)
            if stamps(path) != before:
                raise TransientConnectorError(NAME, "the files are still being written", 30)


def _is_of_a_set(name: str) -> bool:
    return name.endswith(".csv")


def _check_request(package: Package, manifest: Manifest, request: ReadRequest) -> None:
    """See that a set of changes is what is asked for, and follows on a bulk set."""
    told = "it says that this is a delta set" if manifest.modes else "it names no file"
    if request.mode is Mode.FULL:
        raise package.broken(MANIFEST, told, "Sync it incrementally, or export a bulk set.")
    if request.cursor is None:
        raise package.broken(
            MANIFEST, f"{told}, and no bulk set was read before", "Export a bulk set first."
        )
    before = request.cursor.partition(" ")[0]
    if before != manifest.version:
        raise package.broken(
            MANIFEST,
            f"{told} of OneRoster {manifest.version}, and the last bulk set was {before}",
            "Export a bulk set of it first.",
        )


def _bulk(
    package: Package, manifest: Manifest, known: Known | None
) -> Iterator[Batch | Refused | ReadCertificate]:
    reading = BulkReading(package, manifest.version, known)
    for kind in (kind for kind in Kind if kind in manifest.modes):
        yield from reading.kind(kind)
        if kind is Kind.USERS and manifest.version == "1.1":
            yield from reading.roles_of_1_1()
    package.check_unchanged()
    yield ReadCertificate(
        mode=Mode.FULL,
        complete=frozenset(reading.counts),
        counts=dict(reading.counts),
        cursor=_cursor(package, manifest),
        evidence=_evidence(package, manifest),
    )


def _delta(package: Package, manifest: Manifest) -> Iterator[Batch | Refused | ReadCertificate]:
    reading = DeltaReading(package, manifest)
    yield from reading.read()
    package.check_unchanged()
    yield ReadCertificate(
        mode=Mode.INCREMENTAL,
        complete=frozenset(),
        counts=dict(reading.counts),
        cursor=_cursor(package, manifest),
        evidence={
            **_evidence(package, manifest),
            **{f"{kind} tobedeleted": str(count) for kind, count in reading.gone.items() if count},
        },
    )


def _cursor(package: Package, manifest: Manifest) -> str:
    """Return what the next set of changes follows on: the version, and which set it was."""
    told = "".join(f"{name}={digest}\n" for name, digest in sorted(package.digests.items()))
    return f"{manifest.version} {hashlib.sha256(told.encode()).hexdigest()}"


def _evidence(package: Package, manifest: Manifest) -> dict[str, str]:
    return {
        "oneroster.version": manifest.version,
        **{f"file.{kind}": mode for kind, mode in manifest.modes.items() if not manifest.is_bulk},
        **{f"sha256 {name}": digest for name, digest in package.digests.items()},
    }


CONNECTOR = Connector(
    name=NAME,
    title="OneRoster CSV",
    tier=Tier.IMPORT,
    capabilities=Capabilities(modes=frozenset(Mode), reads=frozenset(Kind)),
    config=OneRosterCsvConfig,
    open=OneRosterCsv,
    bench="connectors.district.oneroster_files:lay_down",
)
