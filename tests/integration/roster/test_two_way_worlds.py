"""What must hold of three apps around one hub, whatever happens to them; see `two_way_world`."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.db.engine import Database
from shared.db.hub_tables import snake
from shared.db.tables import metadata
from shared.domain.records import Kind, decode_list
from shared.settings import Settings
from tests.integration.roster.district import Hub
from tests.integration.roster.two_way_world import EDITED, USERS, World

STEPS = 14
ROUNDS = 4


def play(world: World, steps: int = STEPS) -> None:
    for _ in range(steps):
        world.step()


def settle(world: World) -> None:
    """Edits have stopped, and every app runs some more rounds."""
    for _ in range(ROUNDS):
        world.round(world.apps)


def check_agreed(world: World) -> None:
    """All agree on every field that waits for nobody and was not refused by the vendor."""
    waiting = world.open_conflicts()
    for number in USERS:
        held = world.held(number)
        for app in world.two_way:
            if world.last_write(app, number) == "rejected":
                continue
            for name in EDITED:
                if (app.id, number, name) in waiting:
                    continue
                ours, theirs = held[snake(name)], app.people[number][name]
                made = app.make(ours) if ours is not None and name != "grades" else ours
                assert theirs in {ours, made}, (app.id, number, name)


def check_nothing_invented(world: World) -> None:
    """The hub holds what somebody entered, or what a vendor made of it."""
    entered: dict[str, set[str]] = {name: set() for name in EDITED}
    for _, _, name, value in world.entered:
        if name == "grades":
            entered[name].update(decode_list(value))
        elif value is not None:
            entered[name].update({value, *(app.make(value) for app in world.apps)})
            for one in world.apps:
                entered[name].update(app.make(one.make(value)) for app in world.apps)
    for number in USERS:
        held = world.held(number)
        for name in EDITED:
            value = held[snake(name)]
            found = decode_list(value) if name == "grades" else [value] if value else []
            assert set(found) <= entered[name], (number, name)


def check_nothing_lost(world: World) -> None:
    """What stands at a vendor as it was entered last is known to the hub.

    The first app is right by rule, and so are the 2-way apps where nobody better has moved; that
    is looked at as they are written to.
    """
    told = world.told()
    seen = set()
    for app, number, name, value in reversed(world.entered):
        if (app.id, number, name) in seen or number == 0:
            continue
        if app.tier == "import" and app.position > 1:
            continue  # it only fills what is empty
        seen.add((app.id, number, name))
        if name == "grades" or value is None:
            continue
        # where the hub is right by rule, and the vendor refuses its value, the app's is its own
        refused = world.last_write(app, number) == "rejected"
        if app.people[number][name] == app.make(value) and not refused:
            assert value[:3] in told, (app.id, number, name, value)


def check_no_element_lost(world: World) -> None:
    """What was added to a set stays, whoever else has changed the set meanwhile.

    An import that is right by rule says what the whole set is; another only fills what is empty.
    """
    if world.apps[0].tier == "import":
        return
    for (number, element), is_added in world.elements.items():
        if is_added:
            assert element in decode_list(world.held(number)["grades"]), (number, element)


@pytest.fixture(params=range(16))
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def run(world: World) -> None:
    users = len(world.hub.records(Kind.USERS))
    play(world)
    settle(world)
    check_agreed(world)
    check_nothing_invented(world)
    check_nothing_lost(world)
    check_no_element_lost(world)
    before = world.hub.everything()
    assert world.round(world.apps) == 0
    assert world.hub.everything() == before
    assert len(world.hub.records(Kind.USERS)) == users == len(USERS)


def test_on_sqlite(sqlite_hub: Hub, seed: int) -> None:
    run(World(sqlite_hub, seed))


@pytest.mark.parametrize("few", range(100, 103))
def test_on_postgresql(postgresql_hub: Hub, few: int) -> None:
    run(World(postgresql_hub, few))


@pytest.mark.parametrize("few", range(200, 204))
def test_the_order_in_which_apps_run_does_not_count_where_nothing_conflicts(
    tmp_path: Path, few: int
) -> None:
    outcomes = []
    for turn in (1, -1):
        database = Database(
            Settings(database_url=f"sqlite:///{tmp_path}/{turn}.db").resolved_database_url()
        )
        metadata.create_all(database.engine)
        world = World(Hub(database), few)
        for number in USERS:
            for name in EDITED:
                # each field is edited in one place, but a set in both 2-way apps
                one = world.random.choice([*world.two_way, world.apps[0]])
                for app in world.two_way if name == "grades" else [one]:
                    world.edit(app, number, name)
        for _ in range(ROUNDS):
            world.round(world.apps[::turn])
        outcomes.append([[world.held(n)[snake(name)] for name in EDITED] for n in USERS])
        database.dispose()
    assert outcomes[0] == outcomes[1]
