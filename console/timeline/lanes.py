"""Where bars stand: positions along the axis as percentages, and rows in which none overlap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.timeline.window import Window

#: The narrowest that the chart is drawn, in pixels; the stylesheet keeps it from being narrower.
CHART_PX = 820
#: What a finger or a pointer can hit, in pixels (WCAG 2.2, 2.5.8 target size, minimum).
TARGET_PX = 24
#: The narrowest bar that can be seen, in pixels.
BAR_PX = 6
#: Rows of one lane; what finds no room is told as "more".
MAX_ROWS = 4


@dataclass(frozen=True, slots=True)
class Extent:
    """A stretch of the axis, in per cent of its width."""

    x: float
    width: float

    @property
    def end(self) -> float:
        """Where it ends."""
        return self.x + self.width

    def widened(self, px: float) -> Extent:
        """Return it at least so many pixels wide on the narrowest chart, within the axis."""
        width = max(self.width, percent_of(px))
        return Extent(round(max(0.0, min(self.x, 100 - width)), 3), round(width, 3))


def percent_of(px: float) -> float:
    """Return pixels of the narrowest chart in per cent."""
    return 100 * px / CHART_PX


def pixels_of(percent: float) -> float:
    """Return a part of the narrowest chart in pixels."""
    return percent * CHART_PX / 100


class Scale:
    """Instants of a window to places on its axis.

    Attributes:
        window: the window.
        since: its first instant.
        until: the first one after it.
    """

    def __init__(self, window: Window) -> None:
        self.window = window
        self.since = window.since
        self.until = window.until
        self._length_s = window.zoom.length.total_seconds()

    def x(self, at: datetime) -> float:
        """Return an instant's place in per cent, that of the nearest edge if it lies outside."""
        share = (at - self.since).total_seconds() / self._length_s
        return round(100 * min(max(share, 0.0), 1.0), 3)

    def extent(self, since: datetime, until: datetime) -> Extent:
        """Return a period's place, clipped to the window."""
        x = self.x(since)
        return Extent(x, round(self.x(until) - x, 3))

    def overlaps(self, since: datetime, until: datetime) -> bool:
        """Whether any instant of a period, or the one instant, lies in the window."""
        return since < self.until and (until > self.since or since >= self.since)


def stack(extents: Sequence[Extent]) -> list[int | None]:
    """Give each extent the first row in which it overlaps none that has a row already.

    Args:
        extents: of one lane, in the order in which they have the choice.

    Returns:
        Their rows, from 0, in the order of `extents`; None: all rows were taken there.
    """
    rows: list[list[Extent]] = []
    found: list[int | None] = []
    for extent in extents:
        row = next(
            (
                number
                for number, taken in enumerate(rows)
                if all(extent.end <= other.x or other.end <= extent.x for other in taken)
            ),
            None,
        )
        if row is None and len(rows) < MAX_ROWS:
            rows.append([])
            row = len(rows) - 1
        if row is not None:
            rows[row].append(extent)
        found.append(row)
    return found


def merge(extents: Iterable[tuple[Extent, int]]) -> list[tuple[Extent, list[int]]]:
    """Join extents that overlap or touch.

    Args:
        extents: each with what it stands for.

    Returns:
        The joined extents, ascending, none of them overlapping, each with all that it stands for.
    """
    found: list[tuple[Extent, list[int]]] = []
    for extent, of in sorted(extents, key=lambda pair: pair[0].x):
        if found and extent.x <= found[-1][0].end:
            last, members = found[-1]
            end = max(last.end, extent.end)
            found[-1] = (Extent(last.x, round(end - last.x, 3)), [*members, of])
        else:
            found.append((extent, [of]))
    return found
