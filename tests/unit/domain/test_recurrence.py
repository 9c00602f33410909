"""The rules of recurrences, case by case, and their bad input."""

from __future__ import annotations

import doctest
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain import cron, recurrence, retry
from shared.domain.recurrence import (
    Note,
    Recurrence,
    due,
    from_local_midnight,
    next_occurrence,
    occurrences,
    stable_spread,
)
from shared.errors import ConfigurationError

NEW_YORK = "America/New_York"


def _locals(found) -> list[str]:
    return [f"{o.wall:%Y-%m-%d %H:%M} {o.at:%d %H:%M}" for o in found]


def test_the_examples_in_the_docstrings_hold():
    for module in (recurrence, cron, retry):
        assert doctest.testmod(module).failed == 0


def test_a_time_in_the_gap_runs_once_right_after_it():
    daily = Recurrence.parse(zone=NEW_YORK, frequency="daily", at=["02:30"])
    first, second = from_local_midnight(daily, date(2026, 3, 8), count=2)
    assert first.at == datetime(2026, 3, 8, 7, 0, tzinfo=UTC)
    assert first.note is Note.GAP
    assert second.at == datetime(2026, 3, 9, 6, 30, tzinfo=UTC)


def test_a_time_in_the_fold_runs_the_first_time_alone():
    daily = Recurrence.parse(zone=NEW_YORK, frequency="daily", at=["01:30"])
    first, second = from_local_midnight(daily, date(2026, 11, 1), count=2)
    assert (first.at, first.note) == (datetime(2026, 11, 1, 5, 30, tzinfo=UTC), Note.FOLD)
    assert second.at == datetime(2026, 11, 2, 6, 30, tzinfo=UTC)


def test_a_wildcard_hour_follows_real_time_through_gap_and_fold():
    hourly = Recurrence.parse(zone=NEW_YORK, cron="0 * * * *")
    for day in (date(2026, 3, 8), date(2026, 11, 1)):
        found = from_local_midnight(hourly, day, count=8)
        assert {b.at - a.at for a, b in pairwise(found)} == {timedelta(hours=1)}


def test_a_fixed_hour_in_cron_runs_once_in_the_fold():
    fixed = Recurrence.parse(zone=NEW_YORK, cron="30 1 * * *")
    found = from_local_midnight(fixed, date(2026, 11, 1), count=2)
    assert [o.at.day for o in found] == [1, 2]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("31", ["01-31", "02-28", "03-31", "04-30"]),
        ("last", ["01-31", "02-28", "03-31", "04-30"]),
        ("30", ["01-30", "02-28", "03-30", "04-30"]),
        ("29,31", ["01-29", "01-31", "02-28", "03-29"]),
        ("15,last", ["01-15", "01-31", "02-15", "02-28"]),
    ],
)
def test_a_day_that_a_month_lacks_is_its_last(days, expected):
    monthly = Recurrence.parse(zone="UTC", frequency="monthly", at=["02:00"], days=days)
    found = from_local_midnight(monthly, date(2026, 1, 1), count=4)
    assert [f"{o.wall:%m-%d}" for o in found] == expected


def test_a_leap_february():
    monthly = Recurrence.parse(zone="UTC", frequency="monthly", at=["02:00"], days="30")
    assert from_local_midnight(monthly, date(2028, 2, 1), count=1)[0].wall.day == 29


def test_a_calendar_day_that_a_zone_skips_has_no_run():
    daily = Recurrence.parse(zone="Pacific/Apia", frequency="daily", at=["00:00", "12:00"])
    found = from_local_midnight(daily, date(2011, 12, 29), count=4)
    assert [o.wall.day for o in found] == [29, 29, 31, 31]


def test_two_times_on_one_instant_are_one_run():
    daily = Recurrence.parse(zone=NEW_YORK, frequency="daily", at=["02:10", "02:50", "03:00"])
    found = from_local_midnight(daily, date(2026, 3, 8), count=2)
    assert found[0].at == datetime(2026, 3, 8, 7, 0, tzinfo=UTC)
    assert found[1].wall.day == 9


def test_the_end_date_is_inclusive_and_in_the_zone():
    daily = Recurrence.parse(
        zone=NEW_YORK, frequency="daily", at=["23:30"], start="2026-05-01", until="2026-05-03"
    )
    found = occurrences(daily, after=datetime(2026, 1, 1, tzinfo=UTC), count=9)
    assert _locals(found) == ["2026-05-01 23:30 02 03:30", "2026-05-02 23:30 03 03:30",
                              "2026-05-03 23:30 04 03:30"]  # fmt: skip
    assert next_occurrence(daily, found[-1].at) is None


def test_what_is_due_comes_oldest_first_and_at_most_as_many_as_asked_for():
    hourly = Recurrence.parse(zone="UTC", cron="0 * * * *")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    found = due(hourly, after=start, until=start + timedelta(days=2), limit=5)
    assert [o.at.hour for o in found] == [1, 2, 3, 4, 5]
    assert len(due(hourly, after=start, until=start + timedelta(days=2), limit=500)) == 48


def test_weekly_days_read_in_any_order():
    weekly = Recurrence.parse(zone="UTC", frequency="weekly", at=["06:00"], days="SUN, mon")
    found = from_local_midnight(weekly, date(2026, 11, 24), count=3)
    assert [f"{o.wall:%a}" for o in found] == ["Sun", "Mon", "Sun"]


@pytest.mark.parametrize(
    ("options", "field", "fix"),
    [
        ({"frequency": "monthly", "at": ["02:30"], "days": "32"}, "--days", "1 to 31"),
        ({"frequency": "monthly", "at": ["02:30"], "days": "0"}, "--days", "1 to 31"),
        ({"frequency": "monthly", "at": ["02:30"]}, "--days", "1,15,last"),
        ({"frequency": "weekly", "at": ["02:30"], "days": "funday"}, "--days", "sun"),
        ({"frequency": "weekly", "at": ["02:30"]}, "--days", "mon,wed"),
        ({"frequency": "daily", "at": ["02:30"], "days": "mon"}, "--days", "weekly"),
        ({"frequency": "daily", "at": ["25:00"]}, "--at", "HH:MM"),
        ({"frequency": "daily"}, "--at", "such as 02:30"),
        ({"frequency": "hourly", "at": ["02:30"]}, "--frequency", "--cron"),
        ({}, "--frequency", "--cron"),
        ({"frequency": "daily", "at": ["02:30"], "zone": "America/New_Yrok"}, "--zone", "New_York"),
        (
            {"frequency": "daily", "at": ["02:30"], "start": "2026-05-02", "until": "2026-05-01"},
            "--until",
            "later",
        ),
        ({"frequency": "daily", "at": ["02:30"], "until": "May 1"}, "--until", "YYYY-MM-DD"),
        ({"cron": "0 2 * * *", "frequency": "daily"}, "--cron", "either"),
        ({"cron": "0 0 2 * * *"}, "--cron", "minute, hour"),
        ({"cron": "60 2 * * *"}, "--cron", "0 to 59"),
        ({"cron": "0 2 * * 7"}, "--cron", "0 to 6"),
        ({"cron": "0 2 * * mon"}, "--cron", "numbers"),
        ({"cron": "0 2 5-1 * *"}, "--cron", "lower number"),
        ({"cron": "0 0 30 2 *"}, "--cron", "days and months"),
        ({"cron": "0 2 * * 1/2"}, "--cron", "1-6/2"),
        ({"cron": "@daily"}, "--cron", "minute"),
        ({"cron": "0,0 \N{FULLWIDTH DIGIT TWO} * * *"}, "--cron", "numbers"),
        ({"cron": "0 0 \N{ARABIC-INDIC DIGIT ONE} * *"}, "--cron", "numbers"),
        ({"frequency": "daily", "at": ["02:30"], "start": "0001-01-01"}, "--start", "1900-01-01"),
        ({"frequency": "daily", "at": ["02:30"], "until": "1899-12-31"}, "--until", "1900-01-01"),
    ],
)
def test_bad_input_names_the_option_and_the_fix(options, field, fix):
    with pytest.raises(ConfigurationError) as caught:
        Recurrence.parse(**{"zone": "UTC", **options})
    assert caught.value.field == field
    assert fix in str(caught.value)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York", "Pacific/Kiritimati"])
@pytest.mark.parametrize(
    "rule",
    [
        {"frequency": "daily", "at": ["00:00", "23:59"]},
        {"frequency": "monthly", "at": ["02:30"], "days": "29,last"},
        {"cron": "0 0 29 2 *"},
    ],
)
def test_the_first_and_the_last_dates_that_can_be_given_work(zone, rule):
    recurrence = Recurrence.parse(zone=zone, **rule, start="1900-01-01", until="9999-12-31")
    first = from_local_midnight(recurrence, date(1900, 1, 1), count=1)
    assert first[0].wall.year in {1900, 1904}
    for last in (date(9979, 12, 31), date(9980, 1, 1), date(9999, 12, 31)):
        assert len(from_local_midnight(recurrence, last, count=5)) <= 5
    after = Recurrence.parse(zone=zone, **rule, start="9999-12-31")
    assert occurrences(after, after=datetime(2026, 1, 1, tzinfo=UTC), count=1) == []


def test_a_preview_that_begins_after_the_end_is_refused():
    daily = Recurrence.parse(zone="UTC", frequency="daily", at=["02:30"], until="2026-01-31")
    with pytest.raises(ConfigurationError, match="Give a later end date") as caught:
        from_local_midnight(daily, date(2026, 2, 1), count=1)
    assert caught.value.field == "--until"
    assert len(from_local_midnight(daily, date(2026, 1, 31), count=2)) == 1


def test_a_range_of_one_value_is_that_value():
    single = Recurrence.parse(zone="UTC", cron="0 2 1-1 * *")
    found = from_local_midnight(single, date(2026, 1, 1), count=3)
    assert [o.wall.day for o in found] == [1, 1, 1]


ZONES = st.sampled_from([NEW_YORK, "Europe/London", "Australia/Lord_Howe", "UTC", "Asia/Kathmandu"])
TIMES = st.lists(st.times().map(lambda t: f"{t:%H:%M}"), min_size=1, max_size=3, unique=True)
RECURRENCES = st.one_of(
    st.builds(lambda z, t: Recurrence.parse(zone=z, frequency="daily", at=t), ZONES, TIMES),
    st.builds(
        lambda z, t, d: Recurrence.parse(zone=z, frequency="monthly", at=t, days=str(d)),
        ZONES,
        TIMES,
        st.integers(1, 31),
    ),
    st.builds(
        lambda z, m: Recurrence.parse(zone=z, cron=f"*/{m} * * * *"), ZONES, st.integers(7, 59)
    ),
)
INSTANTS = st.datetimes(
    min_value=datetime(2020, 1, 1),
    max_value=datetime(2036, 1, 1),
    timezones=st.just(UTC),
)


@given(RECURRENCES, INSTANTS)
@settings(max_examples=150, deadline=None)
def test_occurrences_ascend_and_are_found_again(rule, after):
    found = occurrences(rule, after=after, count=6)
    assert all(b.at > a.at for a, b in pairwise(found))
    assert all(o.at > after for o in found)
    for one in found:
        assert next_occurrence(rule, one.at - timedelta(microseconds=1)) == one
    assert Recurrence.from_json(rule.to_json()) == rule


@given(st.text(), st.integers(1, 10_000))
def test_a_spread_is_stable_and_inside_its_window(key, window):
    assert 0 <= stable_spread(key, window) < window
    assert stable_spread(key, window) == stable_spread(key, window)


@given(st.integers(1, 60), st.floats(0, 0.99), st.one_of(st.none(), st.floats(0, 1e6)))
def test_a_retry_waits_at_least_what_the_vendor_asks(failures, spread, asked):
    delay = retry.retry_delay_s(failures, base_s=30, retry_after_s=asked, spread=spread)
    assert 30 <= delay <= 6 * 3600
    assert delay >= min(asked or 0, 6 * 3600)
