"""The three-way merge of one field: base, ours (the hub), theirs (the app).

The base is what the app was last known to hold. Modification times decide nothing. The SQL of
`shared.roster.merging` says the same in sets; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from shared.domain.records import decode_list, encode_list

Value = str | None


class Side(StrEnum):
    """Whose value a merge takes."""

    #: Both hold the same already, or the app holds what it makes of the hub's value.
    AGREED = "agreed"
    #: The hub's; where the app can be written to, it is written there.
    OURS = "ours"
    #: The app's.
    THEIRS = "theirs"
    #: Of a set, what `merge_elements` makes of the two; the app is written to where it differs.
    BOTH = "both"
    #: Nobody's by rule: the hub keeps its own, the app is left alone, and a person decides.
    CONFLICT = "conflict"


def merge(
    base: Value,
    ours: Value,
    theirs: Value,
    *,
    is_linked: bool,
    is_owner: bool,
    fills: bool = False,
    is_settled: bool = True,
    is_set: bool = False,
    renderings: Collection[Value] = (),
) -> Side:
    """Decide one field.

    Args:
        base: what the app was last known to hold; of no meaning unless linked.
        ours: what the hub holds.
        theirs: what the app holds now.
        is_linked: whether the app's record was linked before; a record that is only now matched
            has no base: it fills what is empty, and otherwise the owner is right.
        is_owner: whether the app owns the field, see `shared.roster.ownership`.
        fills: whether an app that is not the owner only fills what is empty (an import, or by a
            rule), instead of bringing its edits in.
        is_settled: whether the hub's value is the owner's own.
        is_set: whether the field is set-valued, and merged by element where both have moved.
        renderings: what the app is known to make of the hub's value when it is written there (in
            lower case, cut off); to hold that is to hold the hub's.

    >>> merge("a", "a", "b", is_linked=True, is_owner=False)
    <Side.THEIRS: 'theirs'>
    """
    if ours == theirs or theirs in renderings:
        return Side.AGREED
    if not is_linked:
        if ours is None:
            return Side.THEIRS
        return Side.THEIRS if is_owner and theirs is not None else Side.OURS
    if theirs == base:
        return Side.OURS
    if fills and not is_owner:
        return Side.THEIRS if ours is None else Side.OURS
    if ours == base or base in renderings:
        return Side.THEIRS
    if is_set and not fills:
        return Side.BOTH
    if is_owner:
        return Side.THEIRS
    return Side.OURS if is_settled else Side.CONFLICT


def merge_elements(base: Value, ours: Value, theirs: Value) -> Value:
    """Merge a set-valued field that both sides have changed, element by element.

    What one side added stays, what one side removed goes.

    >>> merge_elements('["a","b"]', '["a","b","c"]', '["b"]')
    '["b","c"]'
    """
    before, mine, other = (set(decode_list(value)) for value in (base, ours, theirs))
    return encode_list((mine & other) | (mine - before) | (other - before))
