"""The three-way merge of one field: base, ours (the hub), theirs (the app).

The base is what the app was last known to hold. Modification times decide nothing. The SQL of
`shared.roster.merging` says the same in sets; a test compares the two.
"""

from __future__ import annotations

from enum import StrEnum

Value = str | None


class Side(StrEnum):
    """Whose value a merge takes."""

    #: Both hold the same already.
    AGREED = "agreed"
    #: The hub's; where the app can be written to, it is written there.
    OURS = "ours"
    #: The app's.
    THEIRS = "theirs"


def merge(base: Value, ours: Value, theirs: Value, *, is_linked: bool, is_owner: bool) -> Side:
    """Decide one field.

    Args:
        base: what the app was last known to hold; of no meaning unless linked.
        ours: what the hub holds.
        theirs: what the app holds now.
        is_linked: whether the app's record was linked before; a record that is only now matched
            has no base: it fills what is empty, and otherwise the owner is right.
        is_owner: whether the app comes first, in the tenant's order, of those linked to the record.

    >>> merge("a", "a", "b", is_linked=True, is_owner=False)
    <Side.THEIRS: 'theirs'>
    """
    if ours == theirs:
        return Side.AGREED
    if not is_linked:
        if ours is None:
            return Side.THEIRS
        if theirs is None:
            return Side.OURS
        return Side.THEIRS if is_owner else Side.OURS
    if theirs == base:
        return Side.OURS
    if ours == base:
        return Side.THEIRS
    return Side.THEIRS if is_owner else Side.OURS
