"""Reads by dateLastModified: the same as full ones, on servers that prove that they filter."""

from __future__ import annotations

import pytest

from connectors import registry
from connectors.district.generate import generate
from connectors.network import Network, parse_networks
from connectors.oneroster.rest.source import OneRosterRest
from connectors.simulator.server import SimulatorServer
from shared.domain.records import Kind
from shared.domain.states import Mode

HERE = Network(allowed=parse_networks("127.0.0.0/8"))


def applied(known, items, kit):
    """Return what is known after a read of changes."""
    gone = kit.deleted(items)
    return {key: values for key, values in {**known, **kit.rows(items)}.items() if key not in gone}


@pytest.mark.parametrize("connector", ["oneroster_rest", "skyward"])
@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_incremental_is_full_day_by_day(connector, version, kit):
    with SimulatorServer([generate("oak", seed=3, students=120)]) as server:
        made = registry.get(connector)
        settings = {**server.settings["oak"][connector], "version": version}
        source = made.connect(registry.parse_config(made, settings), HERE)
        assert isinstance(source, OneRosterRest)
        items = kit.read(source)
        known, cursor = kit.rows(items), items[-1].cursor
        for day in (1, 2, 3):
            server.turn(day)
            items = kit.read(source, Mode.INCREMENTAL, cursor)
            assert items[-1].mode is Mode.INCREMENTAL
            assert items[-1].complete == frozenset()
            assert sum(items[-1].counts.values()) < len(known) / 2
            before, known, cursor = known, applied(known, items, kit), items[-1].cursor
            assert known != before
            assert known == kit.rows(kit.read(source))


def test_only_what_changed_comes_and_deletions_are_named(vendor, kit):
    full = kit.read(vendor.source())
    vendor.edit("users", "user-100003", familyName="Nowak")
    vendor.remove("users", "user-100004")
    items = kit.read(vendor.source(), Mode.INCREMENTAL, full[-1].cursor)
    names = {
        key: values["familyName"]
        for (kind, key), values in kit.rows(items).items()
        if kind is Kind.USERS
    }
    assert names["user-100003"] == "Nowak"
    assert len(names) < 15  # those that the overlap brings again are the last few minutes'
    assert kit.deleted(items) == {(Kind.USERS, "user-100004"), (Kind.ROLES, "user-100004/primary")}


def test_whoever_moves_to_another_school_keeps_the_role(vendor, kit):
    full = kit.read(vendor.source(version="1.1"))
    other = {"sourcedId": "school-110", "type": "org", "href": "x"}
    vendor.edit("users", "user-100003", orgs=[other])
    items = kit.read(vendor.source(version="1.1"), Mode.INCREMENTAL, full[-1].cursor)
    known = applied(kit.rows(full), items, kit)
    assert known[Kind.ROLES, "user-100003/primary"]["orgSourcedId"] == "school-110"
    assert known == kit.rows(kit.read(vendor.source(version="1.1")))


def test_a_first_read_of_changes_is_a_full_one(vendor, kit):
    items = kit.read(vendor.source(), Mode.INCREMENTAL, None)
    assert items[-1].mode is Mode.FULL


@pytest.mark.parametrize("filters", ["ignored", "refused", "empty"])
def test_a_server_that_does_not_filter_is_read_in_full(vendor, kit, filters):
    full = kit.read(vendor.source())
    vendor.set(filters=filters)
    vendor.edit("users", "user-100003", familyName="Nowak")
    items = kit.read(vendor.source(), Mode.INCREMENTAL, full[-1].cursor)
    assert items[-1].mode is Mode.FULL
    assert items[-1].complete == frozenset(Kind)
    assert kit.rows(items)[Kind.USERS, "user-100003"]["familyName"] == "Nowak"


def test_a_server_that_fails_on_a_filter_is_read_in_full(vendor, kit):
    full = kit.read(vendor.source())
    vendor.fault("error", on="filter=", times=3)
    assert kit.read(vendor.source(), Mode.INCREMENTAL, full[-1].cursor)[-1].mode is Mode.FULL


def test_a_filter_that_is_not_wanted_is_not_tried(vendor, kit):
    full = kit.read(vendor.source(use_filter=False))
    assert full[-1].cursor is None
    items = kit.read(vendor.source(use_filter=False), Mode.INCREMENTAL, "2026-08-01T00:00:00.000Z")
    assert items[-1].mode is Mode.FULL
    assert not any("filter=" in request for request in vendor.requests())


@pytest.mark.parametrize("skew_s", [-7200, 7200])
def test_the_servers_clock_decides(vendor, kit, skew_s):
    vendor.set(clock_skew_s=skew_s)
    vendor.edit("users", "user-100003", familyName="Nowak")
    full = kit.read(vendor.source())
    vendor.edit("users", "user-100005", familyName="Moreau")
    items = kit.read(vendor.source(), Mode.INCREMENTAL, full[-1].cursor)
    assert items[-1].mode is Mode.INCREMENTAL
    assert kit.rows(items)[Kind.USERS, "user-100005"]["familyName"] == "Moreau"


def test_one_date_of_a_time_to_come_hides_nothing(vendor, kit):
    vendor.edit("users", "user-100003", dateLastModified="2099-01-01T00:00:00.000Z")
    full = kit.read(vendor.source())
    vendor.edit("users", "user-100005", familyName="Moreau")
    items = kit.read(vendor.source(), Mode.INCREMENTAL, full[-1].cursor)
    assert kit.rows(items)[Kind.USERS, "user-100005"]["familyName"] == "Moreau"


def test_a_quiet_time_keeps_the_cursor(vendor, kit):
    vendor.edit("users", "user-100003", familyName="Nowak")
    cursor = kit.read(vendor.source())[-1].cursor
    for _ in range(3):
        items = kit.read(vendor.source(overlap_minutes=0), Mode.INCREMENTAL, cursor)
        assert items[-1].cursor >= cursor
        cursor = items[-1].cursor
