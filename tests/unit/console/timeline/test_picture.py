"""The layout: bars in the window, none over another in its row, lanes in their order."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from console.timeline.lanes import CHART_PX, MAX_ROWS, TARGET_PX, Extent, merge, stack
from console.timeline.overview import overview_of
from console.timeline.picture import Picture, closer_view, picture_of
from console.timeline.window import Window, Zoom
from shared.db.views import iso

ZERO = datetime(2026, 3, 8, tzinfo=UTC)
APPS = [("sis", "import"), ("facts", "import"), ("ad", "two_way"), ("mdm", "export")]


def at(minute: float) -> datetime:
    return ZERO + timedelta(minutes=minute)


def job(job_id: int, app: int, *phases: tuple[str, float, float], **fields: Any) -> dict[str, Any]:
    """A job of an app whose phases are kinds with their first and last minutes."""
    state = fields.pop("state", "succeeded")
    on = fields.pop("on", None)
    begin, end = (phases[0][1], phases[-1][2]) if phases else (0, 0)
    return {
        "id": job_id,
        "app": f"oak/{APPS[app][0]}",
        "tier": APPS[app][1],
        "mode": "full",
        "trigger": "schedule",
        "state": state,
        "reason": None,
        "attempt": 1,
        "due_at": iso(at(begin)),
        "queued_at": None,
        "started_at": None,
        "finished_at": None if state in {"held", "queued", "running"} else iso(at(end)),
        "phases": [
            {
                "kind": kind,
                "from": iso(at(since)),
                "to": iso(at(until)),
                "words": "ran" if kind == "running" else "waited for sis (import), job 1",
                "on": None if kind == "running" else on,
            }
            for kind, since, until in phases
        ],
        **fields,
    }


def timeline(*jobs: dict[str, Any], now: float = 400, is_cut: bool = False) -> dict[str, Any]:
    return {
        "tenant": "oak",
        "zone": "UTC",
        "from": iso(ZERO),
        "now": iso(at(now)),
        "is_cut": is_cut,
        "apps": [{"app": f"oak/{app}", "tier": tier, "connector": "test"} for app, tier in APPS],
        "jobs": list(jobs),
    }


def picture(*jobs: dict[str, Any], zoom: Zoom = Zoom.SIX_HOURS, **how: Any) -> Picture:
    return picture_of({**timeline(*jobs, **how), "zoom": str(zoom)})


def bars(drawn: Picture) -> dict[int, Any]:
    return {
        placed.bar.job: placed.bar
        for band in drawn.bands
        for lane in band.lanes
        for placed in lane.bars
    }


@st.composite
def nights(draw: st.DrawFn) -> list[dict[str, Any]]:
    made = []
    for number in range(1, draw(st.integers(0, 30)) + 1):
        app = draw(st.integers(0, len(APPS) - 1))
        begin = draw(st.integers(-200, 400))
        held, ran = draw(st.integers(1, 200)), draw(st.integers(0, 200))
        phases = [("held", begin, begin + held)]
        if ran:
            phases.append(("running", begin + held, begin + held + ran))
        on = draw(st.integers(1, 30))
        made.append(job(number, app, *phases, on=on, state="succeeded" if ran else "cancelled"))
    return made


@given(nights(), st.sampled_from(list(Zoom)))
def test_bars_lie_in_the_window_and_none_over_another(
    jobs: list[dict[str, Any]], zoom: Zoom
) -> None:
    drawn = picture(*jobs, zoom=zoom, now=900)
    shown = 0
    for band in drawn.bands:
        for lane in band.lanes:
            rows: dict[int, list[Extent]] = {}
            for placed in lane.bars:
                assert lane.y <= placed.y < lane.y + lane.height
                rows.setdefault(placed.y, []).append(placed.bar.extent)
                for segment in placed.bar.segments:
                    assert -0.001 <= segment.extent.x <= segment.extent.end <= 100.001
            for more in lane.more:
                rows.setdefault(more.y, []).append(more.extent)
            assert len(rows) <= MAX_ROWS + 1
            shown += len(lane.bars) + sum(more.count for more in lane.more)
            for extents in rows.values():
                extents.sort(key=lambda extent: extent.x)
                assert all(extent.x >= 0 and extent.end <= 100.002 for extent in extents)
                # so that a pointer can hit it, however short the job was
                assert all(extent.width * CHART_PX / 100 >= TARGET_PX - 0.01 for extent in extents)
                for one, other in itertools.pairwise(extents):
                    assert one.end <= other.x
    # every job of the window is somewhere
    assert shown == len(drawn.rows)


@given(nights())
def test_lanes_stand_one_below_the_other_in_the_gates_order(jobs: list[dict[str, Any]]) -> None:
    drawn = picture(*jobs)
    lanes = [lane for band in drawn.bands for lane in band.lanes]
    assert [band.label for band in drawn.bands] == ["Import", "2-way", "Export"]
    assert [lane.name for lane in lanes] == [name for name, _ in APPS]
    for one, other in itertools.pairwise(lanes):
        assert one.y + one.height <= other.y
    assert drawn.height == lanes[-1].y + lanes[-1].height


@given(st.lists(st.tuples(st.floats(0, 90), st.floats(0.1, 10)), max_size=40))
def test_a_row_is_given_only_where_there_is_room(drawn: list[tuple[float, float]]) -> None:
    extents = [Extent(x, width) for x, width in drawn]
    rows = stack(extents)
    for row in {row for row in rows if row is not None}:
        there = sorted(
            (e for e, r in zip(extents, rows, strict=True) if r == row), key=lambda e: e.x
        )
        assert all(one.end <= other.x for one, other in itertools.pairwise(there))
    joined = merge((extent, index) for index, extent in enumerate(extents))
    assert sorted(index for _, of in joined for index in of) == list(range(len(extents)))
    assert all(one[0].end < other[0].x for one, other in itertools.pairwise(joined))


def test_a_job_says_everything_in_its_title_and_leads_to_its_page() -> None:
    drawn = picture(job(7, 2, ("held", 120, 123), ("running", 123, 131), on=1))
    (bar,) = bars(drawn).values()
    assert bar.href == "/tenants/oak/jobs/7"
    assert bar.title == (
        "ad, full, succeeded: waited for sis (import), job 1 8 Mar 02:00–02:03 (3 min);"
        " ran 8 Mar 02:03–02:11 (8 min)"
    )
    assert drawn.summary == "1 job: 1 succeeded"


def test_a_job_of_two_seconds_can_be_seen() -> None:
    (bar,) = bars(picture(job(7, 0, ("running", 120, 120 + 2 / 60)))).values()
    assert bar.segments[0].is_narrow
    assert bar.icon.state == "succeeded"


def test_a_bar_that_reaches_beyond_the_window_is_marked() -> None:
    drawn = bars(
        picture(job(1, 0, ("running", -30, 20)), job(2, 1, ("running", 350, 420)), now=500)
    )
    assert (drawn[1].from_before, drawn[1].goes_on) == (True, False)
    assert (drawn[2].from_before, drawn[2].goes_on) == (False, True)


def test_an_arrow_leads_from_the_end_of_the_one_to_the_start_of_the_other() -> None:
    drawn = picture(
        job(1, 0, ("running", 60, 90)), job(2, 2, ("held", 60, 90), ("running", 90, 95), on=1)
    )
    (arrow,) = drawn.arrows
    assert (arrow.job, arrow.waiter, arrow.x) == (1, 2, 25.0)
    assert arrow.y1 < arrow.y2


def test_a_job_that_never_ran_ends_with_a_mark() -> None:
    (bar,) = bars(picture(job(3, 1, ("held", 60, 90), state="cancelled"))).values()
    assert [segment.kind for segment in bar.segments] == ["held", "cancelled"]
    (bar,) = bars(picture(job(4, 1, state="skipped", finished_at=iso(at(30))))).values()
    assert [segment.kind for segment in bar.segments] == ["skipped"]


def test_what_was_tried_again_shows_its_tries() -> None:
    tries = [("running", 10, 20), ("retry", 20, 30), ("running", 30, 40)]
    (bar,) = bars(picture(job(3, 1, *tries, state="failed"))).values()
    assert [segment.kind for segment in bar.segments] == ["retried", "retry", "failed"]


def test_many_jobs_in_one_place_are_told_as_one_with_a_closer_look() -> None:
    crowd = [job(n, 0, ("running", 60 + n / 10, 60 + n / 10 + 0.05)) for n in range(1, 31)]
    drawn = picture(*crowd, zoom=Zoom.DAY)
    (more,) = drawn.bands[0].lanes[0].more
    assert more.count == 26
    assert more.href.startswith("/tenants/oak/timeline?zoom=1h&since=2026-03-08T00:3")
    assert len(drawn.rows) == 30


def test_the_closest_look_moves_and_does_not_zoom() -> None:
    closest = Window(ZERO, Zoom.HOUR, "UTC")
    assert closer_view(closest, at(10), at(20)).zoom is Zoom.HOUR
    assert closer_view(Window(ZERO, Zoom.WEEK, "UTC"), at(0), at(100)).zoom is Zoom.THREE_HOURS


def test_the_overview_has_a_row_a_tier_and_leaves_out_what_is_outside() -> None:
    def tier(name: str, due: float, start: float | None, end: float, **counts: int) -> Any:
        return {
            "tier": name,
            "due_at": iso(at(due)),
            "started_at": None if start is None else iso(at(start)),
            "until": iso(at(end)),
            "counts": counts,
            "worst": "failed" if "failed" in counts else "held",
        }

    drawn = overview_of(
        {
            "from": iso(ZERO),
            "zoom": "6h",
            "zone": "UTC",
            "now": iso(at(100)),
            "next": "oak",
            "tenants": [
                {
                    "tenant": "oak",
                    "zone": "UTC",
                    "tiers": [
                        tier("import", 60, 60, 90, succeeded=2, failed=1),
                        tier("two_way", 60, None, 100, held=1),
                        tier("export", -60, -50, -40, failed=1),
                    ],
                },
                {"tenant": "pine", "zone": "UTC", "tiers": []},
            ],
        }
    )
    oak, pine = drawn.lanes
    assert [row.label for row in oak.rows] == ["Import", "2-way"]
    assert oak.rows[0].bar.title == (
        "oak, Import: 3 jobs: 2 succeeded, 1 failed; ran 8 Mar 01:00–01:30 (30 min)"
    )
    assert oak.rows[1].bar.run is None
    assert oak.rows[1].bar.title.endswith("1 held; due 8 Mar 01:00, none began")
    assert oak.href == "/tenants/oak/timeline?zoom=6h&since=2026-03-08T00:00:00Z"
    assert pine.y == oak.y + oak.height
    assert drawn.next == "oak"
