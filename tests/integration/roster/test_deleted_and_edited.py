"""What one side has deleted and another edited stays, and the job says so."""

from __future__ import annotations

from shared.db.hub_tables import HUB, change_log
from shared.db.tables import apps
from shared.domain.records import Kind
from shared.roster.rules import AppRules
from tests.integration.roster.district import Hub
from tests.integration.roster.test_conflicts import Disputed, Vendor


def remove(hub: Hub, app: int) -> dict[str, int]:
    return hub.sync(app, {Kind.USERS: []}, deleted={Kind.USERS: ["u1"]}, complete=()).get(
        "users", {}
    )


def district(hub: Hub) -> tuple[Vendor, Vendor]:
    sis, directory = Vendor(hub, hub.app(1)), Vendor(hub, hub.app(2, "two_way"))
    sis.sync()
    directory.sync()
    return sis, directory


def test_an_edit_outlives_the_removal_at_the_last_import(hub: Hub) -> None:
    sis, directory = district(hub)
    assert remove(hub, sis.app) == {"removed": 1}
    directory.email = "edited@example.org"
    counts = directory.sync()
    assert (counts["restored"], counts["survived"], counts["added"]) == (1, 1, 0)
    assert hub.records(Kind.USERS)["user1"]["email"] == "edited@example.org"
    assert [row["op"] for row in hub.table(change_log)] == ["remove", "restore"]
    # it is the app's alone now, and goes with it
    assert directory.sync()["survived"] == 0
    assert remove(hub, directory.app) == {"removed": 1}


def test_an_echo_of_our_own_write_brings_nobody_back(hub: Hub) -> None:
    sis, directory = district(hub)
    sis.email = "new@example.org"
    sis.sync()
    assert directory.sync()["written"] == 1
    assert remove(hub, sis.app) == {"removed": 1}
    counts = directory.sync()  # its row has changed since the last read, by our write
    assert (counts["restored"], counts["updated"], counts["survived"]) == (0, 0, 0)
    assert hub.records(Kind.USERS) == {}
    assert directory.written == []


def test_who_was_removed_and_is_shown_again_comes_back_without_an_edit(hub: Hub) -> None:
    sis, _ = district(hub)
    remove(hub, sis.app)
    counts = sis.sync()
    assert (counts["restored"], counts["survived"]) == (1, 0)


def test_what_the_hub_has_edited_outlives_the_removal_at_the_app(hub: Hub) -> None:
    mine = Vendor(hub, hub.app(1, "two_way"))
    mine.sync()
    with hub.database.write() as connection:
        connection.execute(HUB[Kind.USERS].update().values(email="person@example.org"))
    assert remove(hub, mine.app) == {"survived": 1}
    assert hub.records(Kind.USERS)["user1"]["email"] == "person@example.org"


def test_without_an_edit_it_goes_and_an_owner_is_obeyed(hub: Hub) -> None:
    mine = Vendor(hub, hub.app(1, "two_way"))
    mine.sync()
    assert remove(hub, mine.app) == {"removed": 1}
    mine.sync()
    rules = AppRules.model_validate({"fields": {"users": "owner"}}).model_dump(mode="json")
    with hub.database.write() as connection:
        connection.execute(apps.update().values(rules=rules))
        connection.execute(HUB[Kind.USERS].update().values(email="person@example.org"))
    assert remove(hub, mine.app) == {"removed": 1}


def test_an_import_is_believed_though_a_2_way_app_has_edited_since(hub: Hub) -> None:
    disputed = Disputed(hub)
    assert remove(hub, disputed.sis.app) == {"removed": 1}
