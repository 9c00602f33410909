from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.pacing import Rate, reserve

RATES = st.lists(
    st.builds(Rate, st.integers(1, 120), st.sampled_from([1.0, 2.5, 60.0])),
    min_size=1, max_size=3, unique_by=lambda rate: (rate.requests, rate.period_s),
)  # fmt: skip


@given(RATES, st.lists(st.floats(0, 5), min_size=1, max_size=200))
def test_no_window_holds_more_requests_than_its_rate_allows(rates, gaps):
    free_at, now, turns = [0.0] * len(rates), 1_000.0, []
    for gap in gaps:
        now += gap
        turn = reserve(rates, free_at, now)
        assert turn.at >= now
        free_at = list(turn.free_at)
        turns.append(turn.at)
    assert turns == sorted(turns)
    for rate in rates:
        for place, start in enumerate(turns):
            inside = [at for at in turns[place:] if at < start + rate.period_s - 1e-6]
            assert len(inside) <= rate.requests


def test_a_tenth_may_come_at_once_and_the_budget_is_nearly_used():
    rate, free_at, turns = Rate(100, 60.0), [0.0], []
    for _ in range(1000):
        turn = reserve([rate], free_at, 0.0)
        free_at = list(turn.free_at)
        turns.append(turn.at)
    assert sum(at < 1e-6 for at in turns) == 11
    assert turns[-1] < 1000 * 60 / 100 * 1.12
