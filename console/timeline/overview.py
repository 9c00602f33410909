"""The timeline of all tenants laid out: a lane a tenant, a row a tier."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from console.timeline.axis import AXIS_PX, Axis
from console.timeline.bars import ROW_PX, Icon, Segment, icon_of, run
from console.timeline.lanes import TARGET_PX, Extent, Scale
from console.timeline.picture import LANE_AIR_PX, shorten, summary
from console.timeline.window import OVERVIEW_ZOOMS, Window, Zoom
from console.timeline.words import TIER_LABELS, Clock, duration, instant
from shared.db.views import Shown
from shared.domain.states import Tier

#: The most letters of a tenant's name that fit beside its tiers' names.
_NAME_LETTERS = 16


@dataclass(frozen=True, slots=True)
class TierBar:
    """A tier's jobs of a tenant inside the window.

    Attributes:
        extent: what it takes of its row, at least as wide as a target.
        wait: from when the first was due until the first started; None: none waited.
        run: from the first start to the last end, in the worst state of its jobs; None: none began.
        icon: of that state; None: none began.
        from_before: whether it began before the window.
        goes_on: whether it goes on after it.
        title: all of it in words; `summary`, `due` and `ran` are its parts, for the table.
    """

    extent: Extent
    state: str
    wait: Extent | None
    run: Segment | None
    icon: Icon | None
    from_before: bool
    goes_on: bool
    title: str
    summary: str
    due: str
    ran: str


@dataclass(frozen=True, slots=True)
class TierRow:
    """A tier of a tenant; `y` is the row's upper edge in pixels."""

    label: str
    y: int
    bar: TierBar


@dataclass(frozen=True, slots=True)
class TenantLane:
    """A tenant's part of the picture.

    Attributes:
        href: its own timeline of the window.
        y: the upper edge in pixels.
        rows: of the tiers that did anything in the window, in the gate's order.
    """

    name: str
    label: str
    href: str
    y: int
    height: int
    rows: list[TierRow]


@dataclass(frozen=True, slots=True)
class Overview:
    """What is drawn of the timeline of all tenants; its height in pixels.

    Attributes:
        next: the tenant after which the next page starts; None: this is the last.
        zooms: the zoom levels to choose from.
    """

    window: Window
    axis: Axis
    height: int
    lanes: list[TenantLane]
    next: str | None
    zooms: tuple[Zoom, ...] = OVERVIEW_ZOOMS


def overview_of(timeline: Shown) -> Overview:
    """Lay a page of the timeline of all tenants out.

    Args:
        timeline: what `console.service.timelines.list_timelines` returned.
    """
    window = Window(instant(timeline["from"]), Zoom(timeline["zoom"]), timeline["zone"])
    scale = Scale(window)
    clock = Clock(window.zone)
    lanes: list[TenantLane] = []
    y = AXIS_PX
    for tenant in timeline["tenants"]:
        lanes.append(_lane(tenant, scale, clock, y))
        y += lanes[-1].height
    return Overview(window, Axis.of(window, instant(timeline["now"])), y, lanes, timeline["next"])


def _lane(tenant: Shown, scale: Scale, clock: Clock, y: int) -> TenantLane:
    name = tenant["tenant"]
    rows: list[TierRow] = []
    for tier in tenant["tiers"]:
        bar = _bar(name, tier, scale, clock)
        if bar is not None:
            top = y + LANE_AIR_PX + len(rows) * ROW_PX
            rows.append(TierRow(TIER_LABELS[Tier(tier["tier"])], top, bar))
    height = max(1, len(rows)) * ROW_PX + 2 * LANE_AIR_PX
    href = f"/tenants/{quote(name, safe='')}/timeline?{scale.window.query}"
    return TenantLane(name, shorten(name, _NAME_LETTERS), href, y, height, rows)


def _bar(tenant: str, tier: Shown, scale: Scale, clock: Clock) -> TierBar | None:
    due, until = instant(tier["due_at"]), instant(tier["until"])
    started = instant(tier["started_at"]) if tier["started_at"] else None
    if not scale.overlaps(due, until):
        return None
    wait = scale.extent(due, until if started is None else started)
    ran = None if started is None else run(scale.extent(started, until), tier["worst"])
    icon = None if ran is None else icon_of(ran)
    words = _words(tier, due, started, until, clock)
    return TierBar(
        extent=scale.extent(due, until).widened(TARGET_PX),
        state=tier["worst"],
        wait=wait if wait.width > 0 else None,
        run=ran,
        icon=icon,
        from_before=due < scale.since,
        goes_on=until > scale.until,
        title=f"{tenant}, {TIER_LABELS[Tier(tier['tier'])]}: {'; '.join(words)}",
        summary=words[0],
        due=clock.day_time(due),
        ran="" if started is None else clock.span(started, until),
    )


def _words(
    tier: Shown, due: datetime, started: datetime | None, until: datetime, clock: Clock
) -> list[str]:
    words = [summary(tier["counts"])]
    if started is None:
        return [*words, f"due {clock.day_time(due)}, none began"]
    if started > due:
        words.append(f"due {clock.day_time(due)}, the first waited {duration(started - due)}")
    return [*words, f"ran {clock.span(started, until)} ({duration(until - started)})"]
