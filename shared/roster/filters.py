"""What a filter lets through, as SQL: of what an app brings, and of what an export is given.

A **user** is in scope who has a role that the filter names at a school that it names; where it
names no roles, the primary school counts as well. A student must besides be in one of its grades.
**Family** (whose only roles are guardian, parent or relative) comes with a student: where the
record names any, one of them must be at such a school and in such a grade. A named org stands for
itself alone, not for those below it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Protocol

from shared.roster.rules import Filters

#: Roles of a student's family.
FAMILY = "'guardian', 'parent', 'relative'"


class Words(Protocol):
    """The words in which the databases differ; see `shared.roster.statements`."""

    def elements(self, column: str) -> str:
        """Return a table expression `e` with the column `value`: a JSON array's elements."""
        ...


def filter_values(filters: Filters, schools: Sequence[str]) -> dict[str, str]:
    """Return what the statements of a filter bind: each list as a JSON array.

    Args:
        filters: the filter.
        schools: ids of the orgs that it names, as the statement's records refer to them.
    """
    return {
        "schools": json.dumps(sorted(schools)),
        "grades": json.dumps(sorted(filters.grades)),
        "roles": json.dumps(sorted(filters.roles)),
    }


def among(words: Words, value: str, listed: str) -> str:
    """Return the condition: a value is one of a bound list."""
    return f"{value} IN (SELECT e.value FROM {words.elements(f':{listed}')})"


def judged_users(filters: Filters, words: Words, users: str, roles: str) -> str:
    """Return a query for (id, in_scope, is_family) of users, each 1 or 0.

    Args:
        filters: the filter; it is not empty.
        words: of the database.
        users: a query for (id, grades, org, agents).
        roles: a query for (who, org, role), of those users and perhaps of others.
    """
    at_school = among(words, "q.org", "schools") if filters.schools else "1 = 1"
    has_role = among(words, "q.role", "roles") if filters.roles else "1 = 1"
    primary = among(words, "x.org", "schools") if filters.schools else "1 = 1"
    in_grade = "1 = 1"
    if filters.grades:
        in_grade = (
            "(coalesce(r.student, 0) = 0 OR EXISTS (SELECT 1"
            f" FROM {words.elements('x.grades')} WHERE {among(words, 'e.value', 'grades')}))"
        )
    placed = f"(({primary} OR coalesce(r.placed, 0) = 1) AND {in_grade})"
    fits = f"({'coalesce(r.fits, 0) = 1 AND ' if filters.roles else ''}{placed})"
    has_place = bool(filters.schools or filters.grades)
    by_student = "k.placed = 1 AND u.named = 1" if has_place else "u.named = 1"
    is_other, is_student = f"q.role NOT IN ({FAMILY})", "q.role = 'student'"
    return (
        "WITH r AS MATERIALIZED (SELECT q.who,"
        f" {_any(is_other)} AS other, {_any(is_student)} AS student,"
        f" {_any(at_school)} AS placed, {_any(has_role)} AS named,"
        f" {_any(f'{at_school} AND {has_role}')} AS fits FROM ({roles}) AS q GROUP BY q.who),"
        " u AS MATERIALIZED (SELECT x.id, x.agents, coalesce(r.other, 1) AS other,"
        f" coalesce(r.named, {0 if filters.roles else 1}) AS named,"
        f" CASE WHEN {placed} THEN 1 ELSE 0 END AS placed, CASE WHEN {fits} THEN 1 ELSE 0 END"
        f" AS fits FROM ({users}) AS x LEFT JOIN r ON r.who = x.id),"
        f" a AS MATERIALIZED (SELECT u.id, e.value AS agent FROM u CROSS JOIN"
        f" {words.elements('u.agents')} WHERE u.agents IS NOT NULL),"
        " p AS (SELECT id, agent FROM a UNION SELECT agent, id FROM a),"
        " k AS MATERIALIZED (SELECT p.id, max(s.placed) AS placed FROM p JOIN u AS s"
        " ON s.id = p.agent AND s.other = 1 GROUP BY p.id)"
        " SELECT u.id, CASE WHEN u.other = 0 AND k.id IS NOT NULL THEN"
        f" (CASE WHEN {by_student} THEN 1 ELSE 0 END) ELSE u.fits END AS in_scope,"
        " 1 - u.other AS is_family FROM u LEFT JOIN k ON k.id = u.id"
    )


def _any(condition: str) -> str:
    return f"max(CASE WHEN {condition} THEN 1 ELSE 0 END)"
