"""T1' and T7: a wish becomes a job once, in its place; a person ends a job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert, select

from shared.db.apps import change_app, pause_app, remove_app
from shared.db.asking import Ask, ask, cancel
from shared.db.claiming import beat, fail, give_back, retry_later
from shared.db.review_tables import plan_rows
from shared.db.sweeping import requeue_expired
from shared.db.tables import apps, inbox, job_events
from shared.db.tenants import add_tenant, suspend_tenant
from shared.domain.states import JobState, Mode, Tier
from shared.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _apps(district: Any) -> None:
    district.three_tiers()


def test_a_wish_becomes_a_queued_job(district: Any) -> None:
    asked = district.ask("oak/sis", asked_by="ops", mode=Mode.INCREMENTAL)
    assert (asked.coalesced, asked.duplicate) == (False, False)
    job = district.job(asked.job_id)
    assert (job.state, job.trigger, job.asked_by, job.mode) == (
        "queued",
        "run_now",
        "ops",
        "incremental",
    )
    assert [publication.routing_key for publication in asked.publications] == ["sync.import"]


def test_the_same_message_makes_one_job(district: Any) -> None:
    first = district.ask("oak/sis", user_id="ops", message_id="m1")
    again = district.ask("oak/sis", user_id="ops", message_id="m1")
    assert (again.job_id, again.duplicate, again.publications) == (first.job_id, True, [])
    assert len(district.rows()) == 1


def test_a_message_id_counts_for_each_sender_alone(district: Any) -> None:
    for user_id in ("", "ops", "sis"):
        assert not district.ask("oak/sis", user_id=user_id, message_id="m1").duplicate
    assert len(district.rows(inbox)) == 3


def test_copies_at_the_same_moment_make_one_job(
    district: Any, together: Callable[..., list[Any]]
) -> None:
    wish = Ask(app="oak/sis", message_id="m1")
    asked = together(*[lambda: ask(district.gate, wish)] * 4)
    assert len({answer.job_id for answer in asked}) == 1
    assert sum(answer.duplicate for answer in asked) == 3
    assert len(district.rows()) == 1


def test_a_wish_without_a_message_id_is_guarded_by_coalescing_alone(district: Any) -> None:
    asked = [district.ask("oak/sis") for _ in range(4)]
    assert [answer.coalesced for answer in asked] == [False, False, True, True]
    assert [answer.job_id for answer in asked] == [1, 2, 2, 2]
    district.drain()
    assert district.violations() == []


def test_a_full_absorbs_an_incremental_and_never_the_reverse(district: Any) -> None:
    district.ask("oak/sis")
    for mode, expected in [
        (Mode.INCREMENTAL, "incremental"),
        (Mode.FULL, "full"),
        (Mode.INCREMENTAL, "full"),
    ]:
        district.ask("oak/sis", mode=mode)
        assert district.job(2).mode == expected


def test_a_cascade_runs_everything_downstream_in_order(district: Any) -> None:
    district.app("google", Tier.TWO_WAY, after="ad")
    asked = district.ask("oak/sis", cascade=True)
    rows = {row.id: row for row in district.rows()}
    assert {row.wave for row in rows.values()} == {1}
    assert rows[asked.job_id].trigger == "run_now"
    assert {row.trigger for row in rows.values() if row.id != asked.job_id} == {"cascade"}
    assert [row.tier for row in rows.values()] == ["import", "two_way", "two_way", "export"]
    order = []
    while "queued" in district.states().values():
        queued = [id_ for id_, state in district.states().items() if state == "queued"]
        order.append(queued)
        for job_id in queued:
            district.run(job_id)
        district.decide()
    assert order == [[1], [2], [3], [4]]


def test_a_cascade_leaves_what_is_upstream_or_paused_alone(district: Any) -> None:
    pause_app(district.gate, "oak/mdm", None)
    district.ask("oak/ad", cascade=True)
    assert [row.tier for row in district.rows()] == ["two_way"]


def test_what_was_due_before_the_wish_gets_the_earlier_wave(district: Any, clock: Any) -> None:
    district.schedule("oak/sis")
    clock.turn(hours=2)
    asked = district.ask("oak/mdm")
    assert [(row.tier, row.wave) for row in district.rows()] == [("import", 1), ("export", 2)]
    assert district.job(asked.job_id).state == "held"
    assert district.slots() == [("05 02:00", "fired", 1)]


def test_a_removed_app_takes_the_rows_of_its_last_plan_along(district: Any) -> None:
    ids = [row.id for row in district.rows(apps)][:2]
    with district.database.write() as connection:
        for app_id in ids:
            values = {"job_id": app_id, "n": 1, "app_id": app_id, "op": "adds", "kind": "users"}
            connection.execute(insert(plan_rows).values(**values, external_id="u1"))
    remove_app(district.gate, "oak/sis")
    with district.database.read() as connection:
        assert len(connection.execute(select(plan_rows)).all()) == 1


def _pause(district: Any) -> None:
    pause_app(district.gate, "oak/sis", "summer")


def _suspend(district: Any) -> None:
    suspend_tenant(district.gate, "oak", "unpaid")


def _remove(district: Any) -> None:
    remove_app(district.gate, "oak/sis")


@pytest.mark.parametrize(
    ("prepare", "wish", "field", "told"),
    [
        (None, {"app": "elm/sis"}, "app", "there is no tenant 'elm'"),
        (None, {"app": "oak/hr"}, "app", "oak has no app 'hr'"),
        (None, {"app": "oak"}, "app", "'oak' names no app of a tenant"),
        (_pause, {"app": "oak/sis"}, "app", "sis is paused: summer"),
        (_suspend, {"app": "oak/sis"}, "app", "oak is suspended: unpaid"),
        (_remove, {"app": "oak/sis"}, "app", "oak has no app 'sis'"),
        (None, {"app": "oak/csv", "mode": Mode.INCREMENTAL}, "mode", "csv cannot read incremental"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_and_leaves_nothing(
    district: Any, prepare: Callable[[Any], None] | None, wish: Any, field: str, told: str
) -> None:
    district.app("csv", Tier.IMPORT, modes=[Mode.FULL])
    if prepare is not None:
        prepare(district)
    with pytest.raises(ConfigurationError) as refused:
        district.ask(**wish, message_id="m1")
    assert (refused.value.field, refused.value.problem) == (field, told)
    assert refused.value.fix
    assert district.rows() == district.rows(inbox) == []


def test_a_cascade_names_its_jobs_upstream_first(district: Any) -> None:
    asked = district.ask("oak/sis", cascade=True, message_id="m1")
    assert (asked.job_id, *asked.cascaded) == tuple(row.id for row in district.rows())
    assert len(asked.cascaded) > 0
    assert district.ask("oak/sis", message_id="m2").cascaded == ()
    assert district.ask("oak/sis", cascade=True, message_id="m1").cascaded == ()


def test_a_refused_message_can_be_sent_again_once_it_can_be_met(district: Any) -> None:
    with pytest.raises(ConfigurationError):
        district.ask("oak/hr", message_id="m1")
    district.app("hr", Tier.IMPORT)
    assert not district.ask("oak/hr", message_id="m1").duplicate


def test_an_app_of_the_same_name_in_another_district_is_another_app(district: Any) -> None:
    add_tenant(district.gate, "elm", "UTC")
    other = district.app("sis", Tier.IMPORT, tenant="elm")
    asked = district.ask("elm/sis")
    assert district.job(asked.job_id).app_id == other


def test_wishes_at_the_same_moment_are_all_carried(
    district: Any, together: Callable[..., list[Any]]
) -> None:
    names = ["oak/sis", "oak/ad", "oak/mdm"] * 2
    asked = together(*[lambda name=name: ask(district.gate, Ask(app=name)) for name in names])
    assert all(not isinstance(answer, Exception) for answer in asked), asked
    district.drain()
    assert district.violations() == []


# Cancel


@pytest.mark.parametrize("state", ["held", "queued"])
def test_what_does_not_run_is_cancelled_at_once(district: Any, state: str) -> None:
    district.ask("oak/sis", cascade=True)
    job_id = {"queued": 1, "held": 2}[state]
    assert district.job(job_id).state == state
    now, publications = cancel(district.gate, job_id, actor="cli", by="ops")
    assert now == "cancelled"
    assert district.job(job_id).reason == "cancelled by ops"
    assert f"job.{district.job(job_id).tier}.cancelled" in [p.routing_key for p in publications]
    if state == "queued":
        assert district.job(2).state == "queued"
        assert "the last run of sis (cancelled)" in district.job(2).reason
    district.drain()
    assert district.violations() == []


def test_a_running_job_is_cancelled_at_its_next_beat(district: Any) -> None:
    job_id = district.ask("oak/sis").job_id
    mine = district.claim(job_id)
    assert cancel(district.gate, job_id, actor="cli", by=None)[0] == "running"
    seen = beat(district.gate, mine, lease_s=60, progress=None)
    assert seen.is_mine
    assert seen.is_cancelled
    fail(district.gate, mine, reason="a person cancelled it", state=JobState.CANCELLED)
    district.clear_outbox()
    assert district.violations() == []
    assert district.rows(apps)[0].last_outcome == "cancelled"


@pytest.mark.parametrize("by", [None, "ops"])
@pytest.mark.parametrize("way", ["beat", "given back", "transient", "lease lost"])
def test_a_job_that_shall_end_ends_and_tells_by_whom(
    district: Any, clock: Any, way: str, by: str | None
) -> None:
    job_id = district.ask("oak/sis").job_id
    mine = district.claim(job_id)
    cancel(district.gate, job_id, actor="cli", by=by)
    cancel(district.gate, job_id, actor="cli", by="who came too late")
    match way:
        case "beat":
            fail(district.gate, mine, reason="it was seen", state=JobState.CANCELLED)
        case "given back":
            give_back(district.gate, mine)
        case "transient":
            retry_later(district.gate, mine, reason="503", terms=district.terms, retry_after_s=None)
        case _:
            clock.turn(seconds=61)
            requeue_expired(district.gate, max_failures=9)
    last = district.rows(job_events)[-1]
    told = f"cancelled by {by}" if by else "cancelled"
    assert (last.job_id, last.to_state) == (job_id, "cancelled")
    assert last.reason.partition(";")[0] == district.job(job_id).reason.partition(";")[0] == told
    district.clear_outbox()
    assert district.violations() == []


@pytest.mark.parametrize("end", [JobState.SUCCEEDED, JobState.FAILED])
def test_an_ended_job_is_left_alone(district: Any, end: JobState) -> None:
    job_id = district.ask("oak/sis").job_id
    mine = district.claim(job_id)
    if end is JobState.FAILED:
        fail(district.gate, mine, reason="broken")
    else:
        district.finish(mine)
    assert cancel(district.gate, job_id, actor="cli", by=None) == (end, [])
    assert district.job(job_id).state == end


def test_there_must_be_such_a_job(district: Any) -> None:
    with pytest.raises(ConfigurationError, match="there is no job 99"):
        cancel(district.gate, 99, actor="cli", by=None)


def test_an_after_that_is_set_meanwhile_sends_a_queued_job_back(district: Any) -> None:
    district.app("hr", Tier.IMPORT)
    hr, sis = district.ask("oak/hr").job_id, district.ask("oak/sis").job_id
    change_app(district.gate, "oak/sis", after="hr")
    assert district.refuse(sis) == f"waits for hr (import), job {hr}, queued"
    job = district.job(sis)
    assert (job.state, job.attempt) == ("held", 0)
    district.drain()
    assert district.violations() == []
