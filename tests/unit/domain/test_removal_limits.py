"""Both parts of a limit must be passed before a person is asked."""

from __future__ import annotations

import pytest

from shared.domain.limits import Limit, is_over


@pytest.mark.parametrize(
    ("removed", "of", "over"),
    [(4, 4, False), (5, 5, True), (5, 50, False), (5, 49, True), (6, 50, True), (10, 100, False)],
)
def test_the_default(removed: int, of: int, over: bool) -> None:
    assert is_over(Limit(), removed, of) is over


def test_a_hundred_percent_is_never_over_and_none_always() -> None:
    assert not is_over(Limit(percent=100), 1000, 1000)
    assert is_over(Limit(percent=0, at_least=1), 1, 1000)
