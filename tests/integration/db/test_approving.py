"""Approvals are decided once, by whoever comes first; each yes makes one job through the gate."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from shared.db.approving import Decided, approve, lapse, reject
from shared.db.apps import pause_app
from shared.db.asking import cancel
from shared.db.claiming import fail
from shared.db.review_tables import approvals
from shared.db.tables import apps
from shared.db.tenants import set_rollover
from shared.domain.rollover import Rollover
from shared.domain.states import Tier
from shared.errors import ConfigurationError
from tests.integration.db.conftest import MIDNIGHT


@pytest.fixture
def sis(district: Any) -> int:
    return int(district.app("sis", Tier.IMPORT))


def propose(district: Any, app_id: int, school: str, state: str = "pending") -> int:
    """Make an approval as a read does; returns its id."""
    with district.database.write() as connection:
        made: int = connection.execute(
            insert(approvals)
            .values(
                tenant_id=district.tenant_id,
                app_id=app_id,
                job_id=1,
                op="remove",
                kind="users",
                school=school,
                state=state,
                fingerprint=school,
                counts={"proposed": 12, "of": 40},
                created_at=district.clock.now(),
                deadline_at=district.clock.now() + timedelta(days=7),
            )
            .returning(approvals.c.id)
        ).scalar_one()
    return made


def yes(district: Any, *ids: int, by: str = "ann") -> list[Decided]:
    return approve(district.gate, ids, by=by, actor="cli")[0]


def state_of(district: Any, approval_id: int) -> tuple[str, str | None]:
    row = next(row for row in district.rows(approvals) if row.id == approval_id)
    return row.state, row.decided_by


def test_a_yes_makes_a_job_that_goes_through_the_gate(district: Any, sis: int) -> None:
    running = district.ask("oak/sis").job_id
    mine = district.claim(running)
    first, second = propose(district, sis, "a"), propose(district, sis, "b")
    told = yes(district, first, second)
    assert [(one.approval, one.state, one.is_new) for one in told] == [
        (first, "approved", True), (second, "approved", True)
    ]  # fmt: skip
    jobs = [district.job(one.job) for one in told]
    assert [(job.trigger, job.state, job.approval_id, job.asked_by) for job in jobs] == [
        ("approval", "held", first, "ann"), ("approval", "held", second, "ann")
    ]  # fmt: skip
    # neither takes a run-now in, nor stands in for one
    assert district.ask("oak/sis").coalesced is False
    district.finish(mine)
    district.drain()
    assert {row.state for row in district.rows()} == {"succeeded"}
    assert district.violations() == []


def test_an_approved_one_changes_no_outcome_of_the_app(district: Any, sis: int) -> None:
    failed = district.ask("oak/sis").job_id
    fail(district.gate, district.claim(failed), reason="wrong password")
    (told,) = yes(district, propose(district, sis, "a"))
    district.run(told.job)
    assert district.rows(apps)[0].last_outcome == "failed"


def test_a_second_yes_finds_the_job_of_the_first(district: Any, sis: int) -> None:
    id_ = propose(district, sis, "a")
    (first,) = yes(district, id_)
    (second,) = yes(district, id_, by="bob")
    assert second == Decided(id_, "approved", first.job, is_new=False)
    assert state_of(district, id_) == ("approved", "ann")
    district.drain()
    assert yes(district, id_)[0].job == first.job
    assert len(district.rows()) == 1


def test_a_yes_whose_job_was_ended_can_be_given_again(district: Any, sis: int) -> None:
    id_ = propose(district, sis, "a")
    (first,) = yes(district, id_)
    cancel(district.gate, first.job, actor="cli", by=None)
    (again,) = yes(district, id_, by="bob")
    assert again.is_new
    assert again.job != first.job
    assert state_of(district, id_) == ("approved", "bob")


def test_two_who_say_yes_at_once_make_one_job(
    district: Any, sis: int, together: Callable[..., list[Any]]
) -> None:
    id_ = propose(district, sis, "a")
    told = together(*[lambda: yes(district, id_)] * 3)
    assert sum(one[0].is_new for one in told) == 1
    assert len({one[0].job for one in told}) == 1
    assert len(district.rows()) == 1


def test_yes_and_no_at_once_are_one_of_both(
    district: Any, sis: int, together: Callable[..., list[Any]]
) -> None:
    id_ = propose(district, sis, "a")
    told = together(lambda: yes(district, id_), lambda: reject(district.gate, [id_], by="bob"))
    lost = [one for one in told if isinstance(one, ConfigurationError)]
    assert len(lost) == 1
    state, by = state_of(district, id_)
    assert f"approval {id_} was {state} by {by} before" in str(lost[0])
    assert len(district.rows()) == (state == "approved")


@pytest.mark.parametrize("state", ["replaced", "lapsed", "rejected"])
def test_what_is_decided_otherwise_is_refused_and_nothing_beside_it_is_done(
    district: Any, sis: int, state: str
) -> None:
    good, bad = propose(district, sis, "a"), propose(district, sis, "b", state)
    told = {"replaced": "newer read", "lapsed": "has lapsed", "rejected": "was rejected"}[state]
    with pytest.raises(ConfigurationError, match=told):
        yes(district, good, bad)
    assert state_of(district, good) == ("pending", None)
    assert district.rows() == []


def test_a_no_is_harmless_twice_and_final(district: Any, sis: int) -> None:
    id_ = propose(district, sis, "a")
    assert reject(district.gate, [id_], by="ann") == [Decided(id_, "rejected", None, is_new=True)]
    assert reject(district.gate, [id_], by="bob") == [Decided(id_, "rejected", None, is_new=False)]
    assert state_of(district, id_) == ("rejected", "ann")
    with pytest.raises(ConfigurationError, match="there is no approval 99"):
        reject(district.gate, [id_, 99], by="ann")


def test_past_the_deadline_nobody_can_say_yes_and_the_sweep_lets_it_lapse(
    district: Any, sis: int, clock: Any
) -> None:
    old = propose(district, sis, "a")
    clock.turn(days=6)
    young = propose(district, sis, "b")
    assert lapse(district.gate) == 0
    clock.turn(days=1)
    with pytest.raises(ConfigurationError, match="its deadline was 2026-01-12"):
        yes(district, old)
    with pytest.raises(ConfigurationError, match="its deadline was"):
        reject(district.gate, [old], by="ann")
    assert lapse(district.gate) == 1
    assert lapse(district.gate) == 0
    assert [state_of(district, id_)[0] for id_ in (old, young)] == ["lapsed", "pending"]


def test_a_closed_app_takes_no_approval(district: Any, sis: int) -> None:
    id_ = propose(district, sis, "a")
    for scope in ("imports", "removals"):
        period = Rollover(scope, MIDNIGHT, MIDNIGHT + timedelta(days=1), "UTC")
        set_rollover(district.gate, "oak", period)
        with pytest.raises(ConfigurationError, match=f"{scope} are suspended"):
            yes(district, id_)
    set_rollover(district.gate, "oak", None)
    pause_app(district.gate, "oak/sis", "exams")
    with pytest.raises(ConfigurationError, match="sis is paused: exams"):
        yes(district, id_)
    with district.database.write() as connection:
        connection.execute(update(apps).values(removed_at=district.clock.now()))
    with pytest.raises(ConfigurationError, match="was removed"):
        yes(district, id_)
    assert state_of(district, id_) == ("pending", None)
    assert district.rows() == []
