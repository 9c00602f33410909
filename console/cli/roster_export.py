"""`bellringer roster export`."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from connectors.oneroster.csv_export import reads
from connectors.oneroster.delivery import check_name, deliver_set, is_zip, pack
from connectors.oneroster.feeds import BulkFeed, ChangesFeed
from connectors.oneroster.set_writer import SetWriter
from connectors.sdk import RenderedFile
from connectors.transport.folder import FolderPlace
from console.cli.output import Json, print_facts, print_json
from console.cli.session import open_session
from console.cli.tenants import Tenant
from shared.db.engine import Database
from shared.db.tenants import find_tenant
from shared.db.views import iso
from shared.errors import ConfigurationError, ConnectorError
from shared.roster.history import PastSnapshot, parse_as_of
from shared.roster.snapshot import Snapshot

#: Under which errors of a place are raised.
_NAME = "roster export"


class Format(StrEnum):
    """What a set is written as."""

    ONEROSTER_1_1 = "oneroster-1.1"
    ONEROSTER_1_2 = "oneroster-1.2"

    @property
    def version(self) -> str:
        """Of OneRoster."""
        return self.value.removeprefix("oneroster-")


def export(
    tenant: Tenant,
    out: Annotated[Path, typer.Option(help="A zip, by its name, or a folder.")],
    format_: Annotated[
        Format, typer.Option("--format", help="The standard and its version.")
    ] = Format.ONEROSTER_1_2,
    delta: Annotated[
        bool, typer.Option("--delta", help="Only what has changed, removals among it.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="For --delta: ISO 8601 with its zone."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="As it was then: ISO 8601, in the tenant's zone."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the hub as a OneRoster CSV set; what is there is replaced by it."""
    start = _start(delta, since)
    if start is not None and as_of is not None:
        raise ConfigurationError(
            "--as-of", "changes lead to the hub as it is now", "Leave out --delta, or --as-of."
        )
    _check(out)
    with (
        open_session() as session,
        tempfile.TemporaryDirectory(
            prefix=f".{out.name}.", suffix=".part", dir=out.parent
        ) as folder,
    ):
        with session.database.read() as connection:
            found = find_tenant(connection, tenant)
        then = parse_as_of(as_of, found.zone) if as_of is not None else None
        with _picture(session.database, found.id, format_.version, then) as roster:
            writer = _writer(roster, format_.version, start)
            files = writer.write(Path(folder))
        packed = (pack(files, Path(folder) / out.name),) if is_zip(out) else files
        with _place(out) as place:
            delivery = deliver_set(packed, place)
    facts = {
        "tenant": tenant,
        "format": format_.value,
        "mode": "delta" if start is not None else "bulk",
        "since": iso(start),
        "as_of": iso(then),
        "out": str(out),
        "changed": bool(delivery.changed),
    }
    _tell(facts, files, writer.left_out, as_json=as_json)


def _picture(database: Database, tenant_id: int, version: str, as_of: datetime | None) -> Snapshot:
    if as_of is None:
        return Snapshot(database, tenant_id, reads(version))
    return PastSnapshot(database, tenant_id, reads(version), as_of)


def _writer(roster: Snapshot, version: str, since: datetime | None) -> SetWriter:
    if since is None:
        return SetWriter(BulkFeed(roster, version), version)
    return SetWriter(ChangesFeed(roster, version, since), version)


def _place(out: Path) -> FolderPlace:
    return FolderPlace(_NAME, out.parent if is_zip(out) else out)


def _check(out: Path) -> None:
    try:
        check_name(_NAME, out)
        with _place(out) as place:
            place.probe()
    except ConnectorError as error:
        told = error.user_message.removeprefix("path: ")
        raise ConfigurationError("--out", told, "Give another place.") from error


def _start(delta: bool, since: str | None) -> datetime | None:
    if delta != (since is not None):
        raise ConfigurationError(
            "--since" if delta else "--delta",
            "one was given without the other",
            "Give both, or neither for all of the hub.",
        )
    if since is None:
        return None
    try:
        at = datetime.fromisoformat(since)
    except ValueError as error:
        raise ConfigurationError(
            "--since", f"{since!r} is no time", "Give 2026-11-23T00:00:00Z."
        ) from error
    if at.tzinfo is None:
        raise ConfigurationError(
            "--since", f"{since!r} names no zone", "End it in Z, or in an offset such as -05:00."
        )
    return at.astimezone(UTC)


def _tell(
    facts: dict[str, Any],
    files: Sequence[RenderedFile],
    left_out: dict[str, int],
    *,
    as_json: bool,
) -> None:
    rows = {file.path.name: file.rows for file in files}
    if as_json:
        print_json({**facts, "files": rows, "left_out": left_out})
        return
    told = [f"{name.removesuffix('.csv')} {count}" for name, count in rows.items()]
    dropped = [f"{count} {reason}" for reason, count in left_out.items()]
    print_facts({**facts, "files": told, "left_out": dropped}, as_json=False)
