"""Users found by the beginning of a name, an address or an id, by indexes of PostgreSQL.

Why the beginning, and not any part: see docs/decisions/015-a-search-finds-beginnings.md.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_

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


def plan_for_the_words(connection: Connection) -> None:
    """Let PostgreSQL look at what is asked for in each query that this transaction makes.

    It plans a query that it has seen a few times without the values, and then no index can be used
    for the beginning of one.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")


def in_order(search: str, sourced_id: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return what found users are ordered by: their sourcedId, in an order that no index has.

    Else PostgreSQL, which expects them to be many, walks through the tenant in the order of its
    ids until it has met enough of them, which may be never, and leaves the search's indexes alone.
    Of a single letter they are many, and soon met.
    """
    is_letter = all(len(word) == 1 for word in search.split())
    return sourced_id if is_letter else sourced_id + ""


def _begins(columns: Any, word: str) -> ColumnElement[bool]:
    return or_(
        *(func.lower(columns[name]).startswith(word.lower(), autoescape=True) for name in SEARCHED),
        columns.identifier.startswith(word, autoescape=True),
        columns.sourced_id == word,
    )
