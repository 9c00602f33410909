"""Who would go off the feed: people of the last delivery who are not in this one.

Source: Finalsite's "Off-feed utility" article (read 2026-11-23): nothing is deleted for being
absent; who was not seen for 48 hours is off the feed, and is dealt with there. How many may go at
once is our own rule, since a feed that shrinks by mistake would put them all there.
"""

from __future__ import annotations

from connectors.sdk import RenderedFile
from connectors.transport.places import Place
from shared.errors import PermanentConnectorError

#: As many may always go.
_FEW = 4


def people_gone(
    connector: str, place: Place, file: RenderedFile, who: str, percent: int
) -> tuple[int, bool]:
    """Compare a sheet with the one that is there.

    Args:
        connector: which delivers.
        place: an open one.
        file: of the new sheet.
        who: its people.
        percent: of the people there, how many may go.

    Returns:
        How many people are gone, and whether the columns are other ones.

    Raises:
        PermanentConnectorError: they are too many, or all.
    """
    blocks = place.read(file.path.name)
    if blocks is None:
        return 0, False
    old_header, old = _people(b"".join(blocks))
    header, new = _people(file.path.read_bytes())
    gone = len(old - new)
    if gone and not new:
        raise PermanentConnectorError(
            connector, f"no {who} would be left of {len(old)}: nothing was delivered"
        )
    if gone > _FEW and gone * 100 > percent * len(old):
        raise PermanentConnectorError(
            connector,
            f"off_feed_percent: {gone} of {len(old)} {who} would go off the feed, more than"
            f" {percent} %: nothing was delivered. If they are to go, raise it for one run",
        )
    return gone, bool(old_header) and old_header != header


def _people(content: bytes) -> tuple[str, set[str]]:
    """Return a sheet's header, and the ImportIDs below it."""
    lines = content.decode("utf-8-sig", errors="replace").splitlines()
    return (lines[0] if lines else ""), {line.split("\t", 1)[0] for line in lines[1:] if line}
