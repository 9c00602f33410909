"""The merge of one field, by what must hold of it whatever the values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.merge import Side, merge

VALUES = st.sampled_from([None, "a", "b", "c"])


def outcome(base: str | None, ours: str | None, theirs: str | None, **how: bool) -> str | None:
    return theirs if merge(base, ours, theirs, **how) is Side.THEIRS else ours


@given(VALUES, VALUES, VALUES, st.booleans(), st.booleans())
def test_no_value_is_invented_and_agreement_is_left_alone(
    base: str | None, ours: str | None, theirs: str | None, is_linked: bool, is_owner: bool
) -> None:
    side = merge(base, ours, theirs, is_linked=is_linked, is_owner=is_owner)
    assert (side is Side.AGREED) == (ours == theirs)


@given(VALUES, VALUES, st.booleans())
def test_the_one_side_that_moved_is_taken_whoever_owns(
    base: str | None, new: str | None, is_owner: bool
) -> None:
    assert outcome(base, base, new, is_linked=True, is_owner=is_owner) == new
    assert outcome(base, new, base, is_linked=True, is_owner=is_owner) == new


@given(VALUES, VALUES, VALUES)
def test_when_both_moved_the_two_sides_agree_on_who_is_right(
    base: str | None, ours: str | None, theirs: str | None
) -> None:
    if base in {ours, theirs} or ours == theirs:
        return
    assert outcome(base, ours, theirs, is_linked=True, is_owner=True) == theirs
    assert outcome(base, ours, theirs, is_linked=True, is_owner=False) == ours


@given(VALUES, VALUES, VALUES, st.booleans(), st.booleans())
def test_merging_again_changes_nothing(
    base: str | None, ours: str | None, theirs: str | None, is_linked: bool, is_owner: bool
) -> None:
    merged = outcome(base, ours, theirs, is_linked=is_linked, is_owner=is_owner)
    # the app holds what it held, or what was written to it; the base is what it holds
    for held in (theirs, merged):
        assert outcome(held, merged, held, is_linked=True, is_owner=is_owner) == merged


@given(VALUES, VALUES, VALUES, st.booleans())
def test_a_first_match_loses_no_value_to_an_empty_one(
    base: str | None, ours: str | None, theirs: str | None, is_owner: bool
) -> None:
    merged = outcome(base, ours, theirs, is_linked=False, is_owner=is_owner)
    assert (merged is None) == (ours is None and theirs is None)
