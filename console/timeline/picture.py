"""A tenant's timeline laid out: tiers in the gate's order, a lane an app, rows of bars, arrows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from urllib.parse import quote

from console.timeline.axis import AXIS_PX, Axis
from console.timeline.bars import BAR_HEIGHT_PX, ROW_PX, Bar, draw, lifetime
from console.timeline.lanes import Extent, Scale, merge, stack
from console.timeline.window import Window, Zoom
from console.timeline.words import TIER_LABELS, Clock, Row, app_name, instant, row, sentences, told
from shared.db.views import Shown
from shared.domain.states import UNFINISHED, JobState, Tier

#: How high a tier's heading is, and the air above and below a lane's rows, in pixels.
BAND_PX = 26
LANE_AIR_PX = 4
#: What the number of jobs without a room of their own takes at least, in pixels.
_MORE_PX = 34
#: The most letters of a name that fit into the column of names.
_NAME_LETTERS = 17


@dataclass(frozen=True, slots=True)
class PlacedBar:
    """A bar in its row; `y` is the row's upper edge in pixels."""

    bar: Bar
    y: int


@dataclass(frozen=True, slots=True)
class More:
    """Jobs that found no room in their lane, told as one, with a closer view of them."""

    extent: Extent
    y: int
    count: int
    href: str
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    """An app's part of the picture; `y` is its upper edge in pixels."""

    name: str
    label: str
    href: str
    y: int
    height: int
    bars: list[PlacedBar]
    more: list[More]


@dataclass(frozen=True, slots=True)
class Band:
    """A tier's part of the picture; `y` is its upper edge in pixels."""

    label: str
    y: int
    lanes: list[Lane]


@dataclass(frozen=True, slots=True)
class Arrow:
    """From the end of a job to the bar that had waited for it, straight up or down.

    Attributes:
        x: in per cent.
        y1: where it begins, in pixels; `y2`: where it ends.
    """

    job: int
    waiter: int
    x: float
    y1: int
    y2: int


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn of a tenant's timeline; its height in pixels.

    Attributes:
        summary: how many jobs of which states, a sentence.
        rows: the jobs as a table, by due time.
        limit: how many jobs are drawn where there are more; None: all are.
        zooms: the zoom levels to choose from.
    """

    tenant: str
    window: Window
    axis: Axis
    height: int
    bands: list[Band]
    arrows: list[Arrow]
    summary: str
    rows: list[Row]
    limit: int | None
    zooms: tuple[Zoom, ...] = tuple(Zoom)


def picture_of(timeline: Shown) -> Picture:
    """Lay a tenant's timeline out.

    Args:
        timeline: what `console.service.timelines.show_timeline` returned.
    """
    window = Window(instant(timeline["from"]), Zoom(timeline["zoom"]), timeline["zone"])
    return _Layout(timeline, window).picture()


class _Layout:
    def __init__(self, timeline: Shown, window: Window) -> None:
        self.timeline = timeline
        self.window = window
        self.scale = Scale(window)
        self.clock = Clock(window.zone)
        self.sentences: dict[int, list[str]] = {}
        self.home = f"/tenants/{quote(timeline['tenant'], safe='')}"

    def picture(self) -> Picture:
        # the query and the window agree, but an unfinished job ends now, which may be before it
        jobs = [job for job in self.timeline["jobs"] if self.scale.overlaps(*lifetime(job))]
        self.sentences = {job["id"]: sentences(job, self.clock) for job in jobs}
        bands, height = self._bands(jobs)
        placed = {
            placed.bar.job: placed for band in bands for lane in band.lanes for placed in lane.bars
        }
        return Picture(
            tenant=self.timeline["tenant"],
            window=self.window,
            axis=Axis.of(self.window, instant(self.timeline["now"])),
            height=height,
            bands=bands,
            arrows=list(self._arrows(jobs, placed)),
            summary=summary(Counter(job["state"] for job in jobs)),
            rows=[
                row(job, self._job_href(job), self.sentences[job["id"]], self.clock) for job in jobs
            ],
            limit=len(self.timeline["jobs"]) if self.timeline["is_cut"] else None,
        )

    def _bands(self, jobs: Iterable[Shown]) -> tuple[list[Band], int]:
        by_app: dict[str, list[Shown]] = {app["app"]: [] for app in self.timeline["apps"]}
        for job in jobs:
            by_app[job["app"]].append(job)
        bands: list[Band] = []
        y = AXIS_PX
        for tier, apps in groupby(self.timeline["apps"], key=lambda app: str(app["tier"])):
            lanes: list[Lane] = []
            top, y = y, y + BAND_PX
            for app in apps:
                lanes.append(self._lane(app["app"], by_app[app["app"]], y))
                y += lanes[-1].height
            bands.append(Band(TIER_LABELS[Tier(tier)], top, lanes))
        return bands, y

    def _lane(self, app: str, jobs: Sequence[Shown], y: int) -> Lane:
        drawn = [self._draw(job) for job in jobs]
        bars = sorted(drawn, key=lambda bar: bar.extent.x)
        rows = stack([bar.extent for bar in bars])
        top = y + LANE_AIR_PX
        placed = [
            PlacedBar(bar, top + number * ROW_PX)
            for bar, number in zip(bars, rows, strict=True)
            if number is not None
        ]
        deep = max((number + 1 for number in rows if number is not None), default=1)
        left_over = [bar for bar, number in zip(bars, rows, strict=True) if number is None]
        more = self._more(app, left_over, {job["id"]: job for job in jobs}, top + deep * ROW_PX)
        height = (deep + bool(more)) * ROW_PX + 2 * LANE_AIR_PX
        name = app_name(app)
        href = f"{self.home}/apps/{quote(name, safe='')}"
        return Lane(name, shorten(name), href, y, height, placed, more)

    def _draw(self, job: Shown) -> Bar:
        title = told(job, self.sentences[job["id"]], self.clock)
        return draw(job, self._job_href(job), title, self.scale)

    def _more(self, app: str, bars: Iterable[Bar], jobs: Mapping[int, Shown], y: int) -> list[More]:
        found: list[More] = []
        for extent, ids in merge((bar.extent.widened(_MORE_PX), bar.job) for bar in bars):
            times = [lifetime(jobs[job_id]) for job_id in ids]
            since, until = min(a for a, _ in times), max(b for _, b in times)
            closer = closer_view(self.window, since, until)
            noun = "job" if len(ids) == 1 else "jobs"
            title = (
                f"{len(ids)} more {noun} of {app_name(app)}, {self.clock.span(since, until)}: look"
                " closer"
            )
            href = f"{self.home}/timeline?{closer.query}"
            found.append(More(extent, y, len(ids), href, title))
        return found

    def _arrows(self, jobs: Iterable[Shown], placed: Mapping[int, PlacedBar]) -> Iterator[Arrow]:
        for job in jobs:
            waiter = placed.get(job["id"])
            # what still waits has nothing to point at: its words name whom it waits for
            for phase, _ in pairwise(job["phases"]):
                other = placed.get(phase["on"])
                at = instant(phase["to"])
                if waiter is None or other is None or not self.window.contains(at):
                    continue
                is_below = waiter.y > other.y
                air = (ROW_PX - BAR_HEIGHT_PX) // 2
                upper, lower = air, ROW_PX - air
                yield Arrow(
                    job=phase["on"],
                    waiter=job["id"],
                    x=self.scale.x(at),
                    y1=other.y + (lower if is_below else upper),
                    y2=waiter.y + (upper if is_below else lower),
                )

    def _job_href(self, job: Shown) -> str:
        return f"{self.home}/jobs/{job['id']}"


def closer_view(window: Window, since: datetime, until: datetime) -> Window:
    """Return the shortest window below this one that shows a period whole, else one around it."""
    shorter = [zoom for zoom in Zoom if zoom.length < window.zoom.length]
    fitting = (zoom for zoom in shorter if zoom.length >= until - since)
    zoom = next(fitting, shorter[-1] if shorter else window.zoom)
    return window.zoomed(zoom, since + (until - since) / 2)


#: Ended states first, then those that go on.
_ORDER = sorted((state.value for state in JobState), key=lambda state: state in UNFINISHED)


def summary(counts: Mapping[str, int]) -> str:
    """Say how many jobs there are of which state.

    >>> summary({"succeeded": 2, "failed": 1})
    '3 jobs: 2 succeeded, 1 failed'
    """
    total = sum(counts.values())
    if not total:
        return "No jobs"
    parts = [f"{counts[state]} {state}" for state in sorted(counts, key=_ORDER.index)]
    return f"{total} {'job' if total == 1 else 'jobs'}: {', '.join(parts)}"


def shorten(name: str, letters: int = _NAME_LETTERS) -> str:
    """Return a name so that it fits into the column of names."""
    return name if len(name) <= letters else f"{name[: letters - 1]}…"
