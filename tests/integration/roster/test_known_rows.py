"""Rows that are known again, and never staged, mean what they would mean if they were."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from connectors.district.generate import generate
from connectors.district.oneroster_files import write_oneroster
from shared.db.hub_tables import HUB, LINKS, STAGES, hubs, quarantine, stage_unseen
from shared.db.review_tables import approvals
from shared.db.tables import tenants
from shared.domain.records import FIELDS, Kind, decode_list
from shared.errors import TransientConnectorError
from shared.roster.staging import Staging
from tests.integration.roster.district import Hub
from tests.integration.roster.oneroster_sets import plan_set, rows_of, sync_set, write_good

#: A user who leaves takes these along; the files in which rows are broken at random.
_FILES = ("users.csv", "roles.csv", "enrollments.csv", "demographics.csv", "classes.csv")


class World:
    """One district whose set is read with or without knowing rows again."""

    def __init__(self, hub: Hub, *, knows: bool, **rules: Any) -> None:
        self.hub = hub
        self.app = hub.app(1, **rules)
        self._knows = knows

    def sync(self, path: Path) -> dict[str, Any]:
        plan = plan_set(self.hub, self.app, path, knows=self._knows)
        assert bool(plan.known) == self._knows
        return self.hub.apply(plan)

    def told(self) -> dict[str, Any]:
        """All that hangs on the app, with external ids in place of the hub's, which differ."""
        names = {
            row["sourced_id"]: row["external_id"]
            for kind in Kind
            for row in self._rows(LINKS[kind])
        }
        made: dict[str, Any] = {}
        for kind in Kind:
            made[f"links {kind}"] = sorted(
                [row["external_id"], row["ended_why"], self._values(kind, row, names)]
                for row in self._rows(LINKS[kind])
            )
            made[f"records {kind}"] = sorted(
                [names.get(row["sourced_id"], ""), row["status"], self._values(kind, row, names)]
                for row in self.hub.table(HUB[kind])
                if row["tenant_id"] == self.hub.tenant_id
            )
        made["quarantine"] = sorted(
            {(row["kind"], row["external_id"]) for row in self._rows(quarantine)}
        )
        made["approvals"] = sorted(
            [row["kind"], row["op"], row["state"], names.get(row["school"] or "", "")]
            for row in self._rows(approvals)
        )
        return made

    def _rows(self, table: Any) -> list[dict[str, Any]]:
        with self.hub.database.read() as connection:
            found = connection.execute(select(table).where(table.c.app_id == self.app))
            return [dict(row) for row in found.mappings()]

    @staticmethod
    def _values(kind: Kind, row: dict[str, Any], names: dict[str, str]) -> str:
        by_column = dict(
            zip([column.name for column in HUB[kind].c][8:], FIELDS[kind], strict=True)
        )
        told = {}
        for column, field in by_column.items():
            value = row[column]
            if field.ref is not None and value is not None:
                ids = decode_list(value) if field.many else (value,)
                value = sorted(names.get(one, one) for one in ids)
            told[column] = value
        return repr(told)


@pytest.fixture
def worlds(hub: Hub) -> tuple[World, World]:
    """The same district twice: rows are known again, and not."""
    with hub.database.write() as connection:
        connection.execute(update(tenants).values(name="plain"))
    return World(Hub(hub.database, hub.jobs), knows=True), World(hub, knows=False)


def _messed(chance: random.Random, folder: Path) -> None:
    """Break, repeat, change and leave out rows at random."""
    for name in _FILES:
        if (folder / name).exists() and chance.random() < 0.5:
            rows_of(name, lambda rows: _mess(chance, rows))(folder)


def _mess(chance: random.Random, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    made: list[dict[str, str]] = []
    for row in rows:
        kind = chance.random()
        if kind < 0.02:
            continue
        made.append(row)
        if kind < 0.04:
            made.append(row)  # repeated as it is
        elif kind < 0.06:
            made.append(_edited(chance, row))  # the id with other values, too
        elif kind < 0.09:
            made[-1] = _edited(chance, row)
    chance.shuffle(made)
    return made or rows


def _edited(chance: random.Random, row: dict[str, str]) -> dict[str, str]:
    column = chance.choice([name for name in row if name not in {"sourcedId", "status"}])
    return row | {column: chance.choice(["", "x", row[column], "2027-01-01", row[column] + "1"])}


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("seed", range(2))
def test_a_known_row_means_what_a_staged_one_means(
    worlds: tuple[World, World], tmp_path: Path, version: str, seed: int
) -> None:
    chance = random.Random(seed)
    for turn, day in enumerate([0, 0, *(chance.choice([0, 3, 12, 30]) for _ in range(4))]):
        folder = tmp_path / f"{turn}"
        write_oneroster(generate("oak", seed=5, students=40, day=day), folder, version=version)
        if turn != 1:
            _messed(chance, folder)
        known, plain = [_comparable(world.sync(folder)) for world in worlds]
        assert known == plain
        assert worlds[0].told() == worlds[1].told()


def _comparable(counts: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Count a known row whose id has come with other values, too, like these: it is in quarantine."""
    return {
        kind: {
            **counted,
            "quarantined": counted["quarantined"] + counted["unchanged"],
            "unchanged": 0,
        }
        for kind, counted in counts.items()
    }


def test_what_has_not_changed_is_not_staged(hub: Hub, tmp_path: Path) -> None:
    app = hub.app(1)
    folder = write_good(tmp_path / "set")
    added = sync_set(hub, app, folder)
    unchanged = sync_set(hub, app, folder)
    assert {kind: of["added"] for kind, of in added.items()} == {
        kind: of["unchanged"] for kind, of in unchanged.items()
    }
    staged = {kind for kind in Kind if hub.count(STAGES[kind])}
    assert staged == {Kind.ORGS}  # which may be mapped to schools
    assert hub.count(stage_unseen) == 0


Edit = Callable[[list[dict[str, str]]], list[dict[str, str]]]


@pytest.mark.parametrize(
    "edit",
    [
        lambda rows: [{**row, "metadata.room": "1"} for row in rows],
        lambda rows: rows[:1] + [row | {"phone": "555-0100"} for row in rows[1:]],
    ],
    ids=["a new column", "all but one row"],
)
def test_what_may_mean_something_else_is_read_again(hub: Hub, tmp_path: Path, edit: Edit) -> None:
    app = hub.app(1)
    folder = write_good(tmp_path / "set")
    sync_set(hub, app, folder)
    users = len(hub.table(LINKS[Kind.USERS]))
    rows_of("users.csv", edit)(folder)
    plan = plan_set(hub, app, folder)
    assert plan.staged.get(Kind.USERS, 0) >= users - 1
    assert plan.known[Kind.USERS] == users - plan.staged[Kind.USERS]


def test_a_rule_that_gives_rows_another_meaning_has_all_read(hub: Hub, tmp_path: Path) -> None:
    app = hub.app(1)
    folder = write_good(tmp_path / "set")
    sync_set(hub, app, folder)
    hub.set_rules(app, fields={"users.phone": "ignore"})
    plan = plan_set(hub, app, folder)
    assert plan.known[Kind.USERS] == 0
    assert plan.known[Kind.ENROLLMENTS] > 0
    hub.set_rules(app, filters={"grades": ["01"]})
    assert plan_set(hub, app, folder).known == {}


def test_an_id_that_comes_as_it_was_and_otherwise_keeps_its_last_good_version(
    hub: Hub, tmp_path: Path
) -> None:
    app = hub.app(1)
    folder = write_good(tmp_path / "set")
    sync_set(hub, app, folder)
    before = hub.everything()
    rows_of("users.csv", lambda rows: [*rows, rows[3] | {"familyName": "Other"}])(folder)
    counts = sync_set(hub, app, folder)
    assert counts["users"]["quarantined"] == 1
    assert len(hub.quarantined()) == 1
    assert hub.everything() == before


def test_links_whose_fingerprints_begin_alike_are_read(hub: Hub, tmp_path: Path) -> None:
    app = hub.app(1)
    folder = write_good(tmp_path / "set")
    sync_set(hub, app, folder)
    link = LINKS[Kind.USERS]
    one, other, *rest = hub.table(link)
    alike = one["fingerprint"][:16] + other["fingerprint"][16:]
    with hub.database.write() as connection:
        connection.execute(
            update(link).where(link.c.external_id == other["external_id"]).values(fingerprint=alike)
        )
    plan = plan_set(hub, app, folder)
    assert plan.known[Kind.USERS] == len(rest)
    assert plan.staged[Kind.USERS] == 2
    counts = hub.apply(plan)[Kind.USERS]
    assert (counts["unchanged"], counts["removed"]) == (len(rest) + 2, 0)


def test_a_hub_that_moved_under_known_rows_has_them_read_again(hub: Hub, tmp_path: Path) -> None:
    app = hub.app(1)
    folder = write_good(tmp_path / "set")
    sync_set(hub, app, folder)
    plan = plan_set(hub, app, folder)
    link = LINKS[Kind.USERS]
    with hub.database.write() as connection:
        # as an approval or an undo would
        some = select(link.c.external_id).where(link.c.app_id == app).limit(1).scalar_subquery()
        connection.execute(
            update(link)
            .where(link.c.app_id == app, link.c.external_id == some)
            .values(ended_why="removed", ended_job=1, ended_at=hub.database.now(connection))
        )
        connection.execute(update(hubs).values(version=hubs.c.version + 1))
    with pytest.raises(TransientConnectorError, match="changed while they were read"):
        hub.apply(plan)
    assert sync_set(hub, app, folder)["users"]["unchanged"] > 1


def test_what_an_attempt_that_died_has_noted_is_forgotten(hub: Hub, tmp_path: Path) -> None:
    app = hub.app(1)
    folder = write_good(tmp_path / "set")
    sync_set(hub, app, folder)
    rows_of("users.csv", lambda rows: rows[1:])(folder)
    plan_set(hub, app, folder)
    assert hub.count(stage_unseen) > 0
    Staging(hub.database, hub.key(app))
    assert hub.count(stage_unseen) == 0
