"""What somebody is to a student, in OneRoster's words, by what a student system calls it."""

from __future__ import annotations

_PARENTS = frozenset({"mother", "father", "parent", "stepmother", "stepfather", "mom", "dad"})
_RELATIVES = ("grand", "aunt", "uncle", "sibling", "brother", "sister", "cousin", "relative")


def family_role(relationship: str | None) -> str:
    """Return the role of whoever stands for a student.

    A word that is neither a parent's nor a relative's, or none, is a guardian's.

    >>> family_role("Step-Mother"), family_role("Grandfather"), family_role("Foster")
    ('parent', 'relative', 'guardian')
    """
    told = (relationship or "").lower().replace("-", "").replace(" ", "")
    if told in _PARENTS:
        return "parent"
    return "relative" if told.startswith(_RELATIVES) else "guardian"
