"""No statement of a sync does more than its share of work: twice the roster is twice the work."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine

from shared.domain.reading import Row
from shared.domain.records import Kind, encode_list, field_names
from tests.integration.roster.district import Hub, Roster, user
from tests.integration.roster.reviewing import approve, schools, waiting, without_students

#: Instructions of SQLite's machine, as a unit of work.
UNIT = 20
SCHOOLS = 4
Listener = Callable[[Connection, str, Any], None]


def changed(read: Roster, numbers: range) -> Roster:
    """The same read, in which some users have another e-mail address."""
    rows = list(read[Kind.USERS])
    for number in numbers:
        school = dict(zip(range(len(rows[0])), rows[number - 1], strict=True))[17]
        rows[number - 1] = user(number, email=f"u{number}@example.org", primaryOrgSourcedId=school)
    return {**read, Kind.USERS: rows}


def twin(row: Row) -> Row:
    """The same person once more, under another id and username."""
    place = 1 + field_names(Kind.USERS).index("username")
    return (f"twin-{row[0]}", *row[1:place], f"twin-{row[place]}", *row[place + 1 :])


def with_agents(read: Roster) -> Roster:
    """The same read, in which everyone names the next user as an agent."""
    rows = read[Kind.USERS]
    place = 1 + field_names(Kind.USERS).index("agentSourcedIds")
    users = [
        (*row[:place], encode_list([agent[0] or ""]), *row[place + 1 :])
        for row, agent in zip(rows, [*rows[1:], rows[0]], strict=True)
    ]
    return {**read, Kind.USERS: users}


def renamed(size: int, prefix: str) -> Roster:
    """The same people under other ids, without a key."""
    read = schools(*[size] * SCHOOLS, per_student=2, prefix=prefix)
    read[Kind.USERS] = [
        user(number, prefix, identifier=None, primaryOrgSourcedId=row[17])
        for number, row in enumerate(read[Kind.USERS], start=1)
    ]
    return read


def live(hub: Hub, size: int) -> None:
    """Run through all that happens to a district of `SCHOOLS` × `size` students."""
    app, other, twice = hub.app(1), hub.app(2), hub.app(3)
    students = SCHOOLS * size
    read = with_agents(schools(*[size] * SCHOOLS, per_student=2))
    hub.sync(app, read)
    hub.sync(app, read)
    hub.sync(app, changed(read, range(1, students, 10)))
    # matched by key; all renamed by key; all proposed as renames, and one approved
    hub.sync(other, schools(*[size] * SCHOOLS, per_student=2, prefix="b-"))
    assert hub.sync(other, schools(*[size] * SCHOOLS, per_student=2, prefix="c-"))["users"] == {
        "renamed": students, "unchanged": students
    }  # fmt: skip
    assert hub.sync(other, renamed(size, "d-"))["users"] == {"proposed": students}
    approve(hub, waiting(hub)["rename", "users"][0])
    # a tenth goes, a third is held, all but one are held and a school of them goes
    hub.sync(app, without_students(read, range(1, students, 12)))
    hub.sync(app, read)
    assert hub.sync(app, without_students(read, range(1, students // 3)))["users"]["held"]
    hub.sync(app, without_students(read, range(1, students)))
    approve(hub, waiting(hub)["remove", "users"][0])
    hub.sync(app, read)
    # two rows of one app for each person
    doubled = read[Kind.USERS] + [twin(row) for row in read[Kind.USERS]]
    assert hub.sync(twice, {**read, Kind.USERS: doubled})["users"]["added"] == students


@contextmanager
def each_statement(before: Listener, after: Listener | None = None) -> Iterator[None]:
    """Call back around every statement."""

    def starts(
        connection: Connection,
        cursor: Any,
        statement: str,
        parameters: Any,
        context: Any,
        many: Any,
    ) -> None:
        del cursor, context, many
        before(connection, statement, parameters)

    def ends(
        connection: Connection,
        cursor: Any,
        statement: str,
        parameters: Any,
        context: Any,
        many: Any,
    ) -> None:
        del cursor, context, many
        if after is not None:
            after(connection, statement, parameters)

    event.listen(Engine, "before_cursor_execute", starts)
    event.listen(Engine, "after_cursor_execute", ends)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", starts)
        event.remove(Engine, "after_cursor_execute", ends)


def work_of(hub: Hub, size: int) -> dict[str, int]:
    """Return the most work that each statement did, its ids left out."""
    done = 0
    most: defaultdict[str, int] = defaultdict(int)

    def count() -> int:
        nonlocal done
        done += 1
        return 0

    def before(connection: Connection, statement: str, parameters: Any) -> None:
        nonlocal done
        del statement, parameters
        done = 0
        raw: Any = connection.connection.driver_connection
        raw.set_progress_handler(count, UNIT)

    def after(connection: Connection, statement: str, parameters: Any) -> None:
        del connection, parameters
        known = re.sub(r"'[^']*-7'|'[0-9a-f]{10}'|'20[^']*'", "'made'", statement)
        most[known] = max(most[known], done)

    with each_statement(before, after):
        live(hub, size)
    return dict(most)


@pytest.mark.parametrize("tables", ["sqlite"])
def test_four_times_the_roster_is_four_times_the_work(hub: Hub, tables: str) -> None:
    del tables
    little = work_of(hub, 20)
    with hub.database.write() as connection:
        for table in reversed(hub_tables()):
            connection.execute(table.delete())
    much = work_of(Hub(hub.database), 80)
    worse = {
        statement: (little[statement], work)
        for statement, work in much.items()
        # sorting is n log n, and little work has its fixed part
        if statement in little and work > 500 and work > 6 * little[statement]
    }
    assert worse == {}
    assert len(much) > 100


def hub_tables() -> list[Any]:
    from shared.db.tables import metadata

    return metadata.sorted_tables


def takes_apart(plan: dict[str, Any]) -> bool:
    """Whether a part of a plan takes the array of a row apart."""
    return plan["Node Type"] == "Function Scan" or any(map(takes_apart, plan.get("Plans", [])))


def runaways(plan: dict[str, Any], told: str, *, is_inner: bool = False) -> Iterator[str]:
    """Yield the scans of whole tables, and joins, that a plan repeats for each row of another."""
    name = plan.get("Subplan Name", "")
    if plan.get("Parent Relationship") == "SubPlan" and f"hashed {name}" not in told:
        is_inner = True
    if is_inner and plan["Node Type"] == "Seq Scan" and plan["Relation Name"] not in SMALL:
        yield plan["Relation Name"]
    if is_inner and plan["Node Type"].endswith(" Join") and takes_apart(plan):
        # the elements of a row's array, with all that they may name: once for each row
        yield "elements"
    for place, child in enumerate(plan.get("Plans", [])):
        inner = is_inner or (
            plan["Node Type"] == "Nested Loop"
            and place == 1
            and child.get("Parent Relationship") == "Inner"
        )
        yield from runaways(child, told, is_inner=inner)


#: Tables that have few rows of an app.
SMALL = {"apps", "approvals", "tenants", "jobs", "hubs"}


@pytest.mark.timeout(180)
def test_no_plan_looks_at_a_table_for_each_row_of_another(unseen_postgresql_hub: Hub) -> None:
    hub = unseen_postgresql_hub
    found: dict[str, list[str]] = {}
    seen: set[str] = set()

    def explain(connection: Connection, statement: str, parameters: Any) -> None:
        # what runs for many rows names each of them
        if (
            statement in seen
            or isinstance(parameters, list)
            or not re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)", statement)
        ):
            return
        seen.add(statement)
        raw: Any = connection.connection.driver_connection
        with raw.cursor() as cursor:
            cursor.execute("EXPLAIN (FORMAT JSON) " + statement, parameters)
            (plans,) = cursor.fetchone()
        repeated = sorted(set(runaways(plans[0]["Plan"], json.dumps(plans))))
        if repeated:
            found[statement] = repeated

    with each_statement(explain):
        live(hub, 60)
    assert found == {}
    assert len(seen) > 100
