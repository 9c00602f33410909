"""The axis of a timeline: ticks, changes of the clocks, and now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from console.timeline.lanes import Scale, percent_of
from console.timeline.window import Window

#: How high the axis is, in pixels: a line of days, a line of times.
AXIS_PX = 44
#: What a label takes to the right of its tick, in pixels; nearer to the edge it is left out.
_TIME_PX = 34
_DAY_PX = 74


@dataclass(frozen=True, slots=True)
class Mark:
    """A tick: its place in per cent and what is written there, "" or None where there is no room.

    Attributes:
        label: the time of day.
        day: the day, where one begins.
    """

    x: float
    label: str
    day: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the clocks: its place in per cent, and its words."""

    x: float
    words: str


@dataclass(frozen=True, slots=True)
class Axis:
    """What stands along a window.

    Attributes:
        now: in per cent; None: it lies outside.
    """

    marks: list[Mark]
    changes: list[Change]
    now: float | None

    @classmethod
    def of(cls, window: Window, now: datetime) -> Axis:
        """Return the axis of a window."""
        scale = Scale(window)
        return cls(
            marks=_marks(window, scale),
            changes=[Change(scale.x(change.at), change.words) for change in window.clock_changes()],
            now=scale.x(now) if window.contains(now) else None,
        )


def _marks(window: Window, scale: Scale) -> list[Mark]:
    marks: list[Mark] = []
    day_until = 0.0
    # a new day's name matters more than that of the day on which the window begins
    days = [scale.x(tick.at) for tick in window.ticks() if tick.day]
    second = days[1] if len(days) > 1 else 100.0
    for index, tick in enumerate(window.ticks()):
        x = scale.x(tick.at)
        has_room = x >= day_until and x + percent_of(_DAY_PX) <= 100
        if index == 0:
            has_room = has_room and x + percent_of(_DAY_PX) <= second
        day = tick.day if has_room else None
        if day:
            day_until = x + percent_of(_DAY_PX)
        label = tick.label if x + percent_of(_TIME_PX) <= 100 else ""
        marks.append(Mark(x, label, day))
    return marks
