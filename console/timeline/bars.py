"""One job as a bar: its phases as segments, its end as a mark, its state as an icon, its words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from console.timeline.lanes import BAR_PX, TARGET_PX, Extent, Scale, percent_of, pixels_of
from console.timeline.words import duration, instant
from shared.db.views import Shown
from shared.domain.phases import PhaseKind
from shared.domain.states import UNFINISHED

#: How high a row is, in pixels, and the bar in its middle.
ROW_PX = TARGET_PX + 4
BAR_HEIGHT_PX = 18
#: What an icon takes, in pixels, with the air around it.
_ICON_PX = 18
#: How far into its segment an icon stands.
INSIDE_PX = 3
#: What the mark of a bar that began before the window, or goes on after it, takes, in pixels.
EDGE_PX = 8
#: About how wide a letter of a label is, in pixels, in the stylesheet's size.
_LETTER_PX = 6.2
#: Less of a label says nothing.
_FEWEST_LETTERS = 6


@dataclass(frozen=True, slots=True)
class Segment:
    """A phase of a job inside the window, clipped to it.

    Attributes:
        kind: a wait's kind; of a run the job's state, or `retried` where it was tried again.
        is_narrow: whether it would hardly be seen: a mark of a fixed width stands for it.
        label: what fits into it; empty if nothing does.
    """

    extent: Extent
    kind: str
    is_wait: bool
    is_narrow: bool
    label: str


@dataclass(frozen=True, slots=True)
class Icon:
    """The icon of a state: its place in per cent, and pixels to the right of that."""

    state: str
    x: float
    shift_px: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A job inside the window.

    Attributes:
        job: its id.
        state: the job's.
        title: everything of it in words.
        extent: what it takes of its row, at least as wide as a target.
        icon: None while it waits.
        from_before: whether it began before the window.
        goes_on: whether it goes on after it.
    """

    job: int
    state: str
    href: str
    title: str
    extent: Extent
    segments: list[Segment]
    icon: Icon | None
    from_before: bool
    goes_on: bool


def draw(job: Shown, href: str, title: str, scale: Scale) -> Bar:
    """Return a job as a bar; some of it lies in the window."""
    since, until = lifetime(job)
    segments = list(_segments(job, scale))
    icon = icon_of(segments[-1]) if segments and not segments[-1].is_wait else None
    from_before = since < scale.since
    taken = scale.extent(since, until)
    if from_before and icon is not None and icon.x < 1 and icon.shift_px == INSIDE_PX:
        icon = replace(icon, shift_px=INSIDE_PX + EDGE_PX)
    elif icon is not None and icon.shift_px > INSIDE_PX:
        taken = Extent(taken.x, taken.width + percent_of(_ICON_PX))
    return Bar(
        job=job["id"],
        state=job["state"],
        href=href,
        title=title,
        extent=taken.widened(TARGET_PX),
        segments=segments,
        icon=icon,
        from_before=from_before,
        goes_on=until > scale.until,
    )


def lifetime(job: Shown) -> tuple[datetime, datetime]:
    """Return from when a job was due until it ended, or until now; both may be one instant."""
    if job["phases"]:
        return instant(job["phases"][0]["from"]), instant(job["phases"][-1]["to"])
    at = instant(job["finished_at"] or job["due_at"])
    return at, at


def _segments(job: Shown, scale: Scale) -> Iterator[Segment]:
    phases = job["phases"]
    for index, phase in enumerate(phases):
        since, until = instant(phase["from"]), instant(phase["to"])
        if not scale.overlaps(since, until):
            continue
        extent = scale.extent(since, until)
        room = extent.width - (percent_of(EDGE_PX) if since < scale.since else 0)
        if phase["kind"] != PhaseKind.RUNNING:
            words = phase["words"].removeprefix("waited ").removeprefix("waits ")
            yield Segment(extent, phase["kind"], True, False, _fit(words, room))
            continue
        is_last = index + 1 == len(phases)
        if is_last:
            room -= percent_of(_ICON_PX)
        label = _fit(duration(until - since), room, whole=True)
        yield run(extent, job["state"] if is_last else "retried", label)
    _, end = lifetime(job)
    # it ended without a run at the end of its life: what is left to show is the end itself
    ended_waiting = not phases or phases[-1]["kind"] != PhaseKind.RUNNING
    if ended_waiting and job["state"] not in UNFINISHED and end <= scale.until:
        yield run(scale.extent(end, end), job["state"])


def run(extent: Extent, kind: str, label: str = "") -> Segment:
    """Return a run, or an end, as a segment that can be seen."""
    is_narrow = extent.width < percent_of(BAR_PX)
    if is_narrow:  # a mark must not stand beyond the edge
        extent = Extent(extent.widened(BAR_PX).x, extent.width)
    return Segment(extent, kind, False, is_narrow, label)


def icon_of(segment: Segment) -> Icon:
    """Place the icon of a state inside its segment, else after it, at the edge before it."""
    extent = segment.extent
    if extent.width >= percent_of(_ICON_PX):
        return Icon(segment.kind, extent.x, INSIDE_PX)
    mark_px = BAR_PX if segment.is_narrow else 0
    if extent.end + percent_of(mark_px + _ICON_PX) <= 100:
        x = extent.x if segment.is_narrow else extent.end
        return Icon(segment.kind, x, mark_px + 2)
    return Icon(segment.kind, extent.x, -_ICON_PX + 2)


def _fit(words: str, width: float, *, whole: bool = False) -> str:
    """Return what fits of a label into a width in per cent, empty if that says nothing.

    Args:
        words: the label.
        width: of what it stands in.
        whole: leave it out rather than shorten it.
    """
    letters = int((pixels_of(width) - 8) / _LETTER_PX)
    if len(words) <= letters:
        return words
    if whole or letters < _FEWEST_LETTERS:
        return ""
    return f"{words[: letters - 1].rstrip()}…"
