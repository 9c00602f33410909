"""Users found by the beginning of a name, an address or an id, by indexes of PostgreSQL.

Why the beginning, and not any part: see docs/decisions/015-a-search-finds-beginnings.md.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_

from shared.db.hub_tables import HUB, SEARCHED
from shared.domain.records import Kind


def begins_with(search: str, users: Any = None) -> ColumnElement[bool]:
    """Return the condition: a search, or each word of it, is the beginning of something of a user.

    That is a name, preferred ones among them, the e-mail, the username (all whatever their case) or
    the identifier, or the whole sourcedId. "ann le" finds whose names begin so, in either order.

    Args:
        search: what a person has typed.
        users: the columns of the users; None: the hub's.
    """
    columns = HUB[Kind.USERS].c if users is None else users
    words = search.split()
    whole = _begins(columns, search.strip())
    if len(words) < 2:
        return whole
    return or_(whole, and_(*(_begins(columns, word) for word in words)))


def _begins(columns: Any, word: str) -> ColumnElement[bool]:
    return or_(
        *(func.lower(columns[name]).startswith(word.lower(), autoescape=True) for name in SEARCHED),
        columns.identifier.startswith(word, autoescape=True),
        columns.sourced_id == word,
    )
