"""What the readers of bulk and delta files share: a file's header, and a line that is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.oneroster.layout import HEADERS
from connectors.oneroster.mapping import BadRowError
from connectors.oneroster.package import Block, Line, Package
from shared.domain.reading import Refused
from shared.domain.records import Kind


def header_of(package: Package, kind: Kind, first: Block | None, version: str) -> tuple[str, ...]:
    """Return a file's header.

    Args:
        package: the set.
        kind: whose file it is.
        first: the file's first line; None: it is empty.
        version: of OneRoster.

    Raises:
        PermanentConnectorError: it is another one than the version has.
    """
    header = tuple(first.rows[0]) if first is not None else ()
    for expected in HEADERS[version][kind]:
        if header[: len(expected)] != expected:
            continue
        more = header[len(expected) :]
        if len(set(header)) != len(header) or any(not m.startswith("metadata.") for m in more):
            continue
        return header
    expected = HEADERS[version][kind][0]
    differs = next(
        (
            f"column {place} is {found[:40]!r}, not {wanted!r}"
            for place, (found, wanted) in enumerate(zip(header, expected, strict=False), start=1)
            if found != wanted
        ),
        f"it has {len(header)} columns, not {len(expected)}",
    )
    raise package.broken(
        f"{kind}.csv",
        f"the header is wrong: {differs}",
        f"OneRoster {version} wants {','.join(expected)}.",
    )


def check_width(line: Line, header: Sequence[str]) -> None:
    """See that a row has as many columns as the header.

    Raises:
        BadRowError: it has not.
    """
    if len(line.values) != len(header):
        raise BadRowError("sourcedId", f"the row has {len(line.values)} of {len(header)} columns")


def refused(
    kind: Kind, of: Kind, number: int, values: Mapping[str, str], error: BadRowError
) -> Refused:
    """Return a row that is wrong.

    Args:
        kind: of the record that it would have been.
        of: whose file it stands in.
        number: of its line.
        values: by column.
        error: what is wrong.
    """
    name = f"{of}.csv"
    external_id = values.get("sourcedId") or f"{name}:{number}"
    # a password is nobody's business, and least of all a quarantine's
    source = {name: value for name, value in values.items() if name != "password"}
    return Refused(kind, external_id, error.field, f"{name}:{number}: {error.reason}", source)
