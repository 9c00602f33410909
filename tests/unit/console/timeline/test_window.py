"""The window: its neighbours, its ticks in wall time, and the changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.timeline.window import Window, Zoom
from shared.errors import ConfigurationError

NOW = datetime(2026, 3, 8, 9, 12, 30, tzinfo=UTC)
ZONES = ["America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
INSTANTS = st.datetimes(datetime(1975, 1, 1), datetime(2100, 1, 1)).map(
    lambda naive: naive.replace(microsecond=0, tzinfo=UTC)
)


def window(zoom: str, since: str, zone: str = "America/New_York") -> Window:
    return Window.parse(zoom=zoom, since=since, zone=zone, now=NOW)


def test_an_address_without_words_shows_twelve_hours_up_to_now() -> None:
    made = Window.parse(zoom=None, since=None, zone="America/Chicago", now=NOW)
    assert made.zoom is Zoom.NIGHT
    assert made.until == datetime(2026, 3, 8, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zoom", "since", "field"),
    [
        ("2h", None, "zoom"),
        ("6h", "yesterday", "since"),
        ("6h", "2026-03-08T02:00:00", "since"),
        ("6h", "0001-01-01T00:00:00+14:00", "since"),
        ("6h", "9999-12-31T00:00:00Z", "since"),
    ],
)
def test_what_an_address_says_wrongly_is_named(zoom: str, since: str | None, field: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Window.parse(zoom=zoom, since=since, zone="UTC", now=NOW)
    assert refused.value.field == field


def test_a_wall_time_that_comes_twice_stands_there_twice() -> None:
    autumn = window("6h", "2026-11-01T03:00:00Z")
    assert [tick.label for tick in autumn.ticks()] == [
        "23:00",
        "00:00",
        "01:00 EDT",
        "01:00 EST",
        "02:00",
        "03:00",
    ]
    assert [tick.day for tick in autumn.ticks()] == [
        "Sat 31 Oct",
        "Sun 1 Nov",
        None,
        None,
        None,
        None,
    ]
    (change,) = autumn.clock_changes()
    assert change.at == datetime(2026, 11, 1, 6, tzinfo=UTC)
    assert change.words == "clocks go back 1 h: 02:00 EDT is 01:00 EST"


def test_a_wall_time_that_is_left_out_does_not_stand_there() -> None:
    spring = window("6h", "2026-03-08T05:00:00Z")
    assert [tick.label for tick in spring.ticks()] == [
        "00:00",
        "01:00",
        "03:00",
        "04:00",
        "05:00",
        "06:00",
    ]
    (change,) = spring.clock_changes()
    assert change.words == "clocks go forward 1 h: 02:00 EST is 03:00 EDT"


def test_a_change_of_half_an_hour_is_told_by_offsets() -> None:
    (change,) = window("6h", "2026-04-04T12:00:00Z", "Australia/Lord_Howe").clock_changes()
    assert change.words == "clocks go back 30 min: 02:00 UTC+11 is 01:30 UTC+1030"


@given(INSTANTS, st.sampled_from(list(Zoom)), st.sampled_from(ZONES))
def test_ticks_lie_in_the_window_on_full_steps(since: datetime, zoom: Zoom, zone: str) -> None:
    made = Window(since, zoom, zone)
    ticks = made.ticks()
    assert [tick.at for tick in ticks] == sorted({tick.at for tick in ticks})
    assert all(made.contains(tick.at) for tick in ticks)
    for tick in ticks:
        local = tick.at.astimezone(ZoneInfo(zone))
        midnight = local.replace(hour=0, minute=0, second=0, tzinfo=None)
        assert (local.replace(tzinfo=None) - midnight) % zoom.tick == timedelta()
    assert len(ticks) <= zoom.length / zoom.tick + 3


@given(INSTANTS, st.sampled_from(list(Zoom)), st.sampled_from(list(Zoom)))
def test_an_address_leads_to_the_window_that_wrote_it(
    since: datetime, zoom: Zoom, other: Zoom
) -> None:
    made = Window(since, zoom, "UTC")
    for there in (made.earlier, made.later, made.zoomed(other)):
        zoom_said, since_said = (part.split("=")[1] for part in there.query.split("&"))
        assert window(zoom_said, since_said, "UTC") == there
    assert made.earlier.later == made
    assert made.zoomed(other).contains(made.since + zoom.length / 2 - timedelta(minutes=1))
