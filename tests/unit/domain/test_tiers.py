"""The gate, rule by rule in the order of docs/protocol.md, each with what it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.states import JobState, Tier
from shared.domain.tiers import (
    AppView,
    Cause,
    Hold,
    JobView,
    Join,
    New,
    Policy,
    Release,
    Skip,
    decide,
    firing_order,
    is_downstream,
    judge_claim,
    place,
)

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
HELD, QUEUED, RUNNING = JobState.HELD, JobState.QUEUED, JobState.RUNNING
SIS, AD, MDM = 1, 2, 3


def app(id_: int, tier: Tier, **values: object) -> AppView:
    return AppView(id=id_, name=f"app{id_}", tier=tier, **values)


def job(id_: int, app_id: int, wave: int, state: JobState = HELD, **values: object) -> JobView:
    values = {"last_wave": wave, **values}
    return JobView(id=id_, app_id=app_id, state=state, wave=wave, **values)


def apps_of(*changed: AppView) -> dict[int, AppView]:
    views = {
        SIS: app(SIS, Tier.IMPORT),
        AD: app(AD, Tier.TWO_WAY),
        MDM: app(MDM, Tier.EXPORT),
    }
    return views | {view.id: view for view in changed}


def decided(
    *jobs: JobView, apps: dict[int, AppView] | None = None, policy: Policy | None = None
) -> list[object]:
    return decide(jobs, apps or apps_of(), policy or Policy(), NOW)


# 1. Closed periods


def test_a_paused_app_skips_what_is_held_and_what_is_queued() -> None:
    apps = apps_of(app(SIS, Tier.IMPORT, closed="sis is paused"))
    held = decided(job(1, SIS, 1), apps=apps)
    queued = decided(job(1, SIS, 1, QUEUED), apps=apps)
    assert held == queued == [Skip(1, "sis is paused")]


def test_what_runs_is_left_alone_when_its_app_is_paused() -> None:
    apps = apps_of(app(SIS, Tier.IMPORT, closed="sis is paused"))
    assert decided(job(1, SIS, 1, RUNNING), apps=apps) == []


def test_a_closed_tier_skips_its_jobs_and_no_others() -> None:
    policy = Policy(closed={Tier.EXPORT: "rollover"})
    made = decided(job(1, SIS, 1), job(2, MDM, 2), policy=policy)
    assert made == [Release(1), Skip(2, "rollover")]


def test_a_skip_opens_the_gate_in_the_same_decision() -> None:
    apps = apps_of(app(SIS, Tier.IMPORT, closed="sis is paused"))
    made = decided(job(1, SIS, 1, QUEUED), job(2, MDM, 1), apps=apps)
    assert made == [Skip(1, "sis is paused"), Release(2)]


def test_closed_comes_before_every_other_rule() -> None:
    apps = apps_of(app(MDM, Tier.EXPORT, closed="mdm is paused"))
    made = decided(
        job(1, SIS, 1, RUNNING), job(2, MDM, 1, not_before=NOW + timedelta(1)), apps=apps
    )
    assert made == [Skip(2, "mdm is paused")]


# 2. Order, by waves


def test_a_wave_starts_tier_by_tier() -> None:
    made = decided(job(1, SIS, 1), job(2, AD, 1), job(3, MDM, 1))
    assert made == [
        Release(1),
        Hold(2, Cause.UPSTREAM, on=1),
        Hold(3, Cause.UPSTREAM, on=1),
    ]
    assert decided(job(2, AD, 1), job(3, MDM, 1)) == [Release(2), Hold(3, Cause.UPSTREAM, on=2)]


@pytest.mark.parametrize("state", [HELD, QUEUED, RUNNING])
def test_upstream_holds_back_in_each_unfinished_state(state: JobState) -> None:
    later = NOW + timedelta(minutes=1) if state is HELD else None
    made = decided(job(1, SIS, 3, state, not_before=later), job(2, MDM, 3))
    assert Hold(2, Cause.UPSTREAM, on=1) in made


@pytest.mark.parametrize(("import_wave", "waits"), [(1, True), (2, True), (3, False)])
def test_only_waves_decide_the_order(import_wave: int, waits: bool) -> None:
    made = decided(job(9, SIS, import_wave, RUNNING), job(1, MDM, 2))
    assert made == [Hold(1, Cause.UPSTREAM, on=9) if waits else Release(1)]


def test_a_job_waits_up_to_its_last_wave_for_the_first_wave_of_others() -> None:
    waiting = job(1, MDM, 1, last_wave=3)
    assert decided(job(2, SIS, 3, RUNNING), waiting) == [Hold(1, Cause.UPSTREAM, on=2)]
    assert decided(job(2, SIS, 2, RUNNING, last_wave=9), waiting) == [Hold(1, Cause.UPSTREAM, on=2)]
    assert decided(job(2, SIS, 4, RUNNING), waiting) == [Release(1)]


def test_downstream_never_holds_back_upstream() -> None:
    assert decided(job(1, MDM, 1, RUNNING), job(2, SIS, 2)) == [Release(2)]


def test_the_one_that_runs_is_named_before_the_one_that_waits() -> None:
    apps = apps_of(app(4, Tier.IMPORT))
    made = decided(job(1, SIS, 1, QUEUED), job(2, 4, 1, RUNNING), job(3, MDM, 1), apps=apps)
    assert made == [Hold(3, Cause.UPSTREAM, on=2)]


def test_after_makes_an_app_of_the_same_tier_upstream() -> None:
    apps = apps_of(app(4, Tier.IMPORT, after=SIS))
    made = decided(job(1, 4, 1), job(2, SIS, 1), apps=apps)
    assert made == [Hold(1, Cause.UPSTREAM, on=2), Release(2)]


def test_a_chain_of_after_runs_link_by_link() -> None:
    apps = {
        1: app(1, Tier.IMPORT, after=2),
        2: app(2, Tier.IMPORT, after=3),
        3: app(3, Tier.IMPORT),
    }
    wave = [job(1, 1, 1), job(2, 2, 1), job(3, 3, 1)]
    assert decided(*wave, apps=apps) == [
        Hold(1, Cause.UPSTREAM, on=2),
        Hold(2, Cause.UPSTREAM, on=3),
        Release(3),
    ]
    assert decided(*wave[:2], apps=apps) == [Hold(1, Cause.UPSTREAM, on=2), Release(2)]


# 3. No overlap


def test_an_app_runs_one_job_at_a_time() -> None:
    made = decided(job(1, SIS, 1, RUNNING), job(2, SIS, 2))
    assert made == [Hold(2, Cause.OVERLAP, on=1)]
    assert decided(job(1, SIS, 1), job(2, SIS, 2)) == [Release(1), Hold(2, Cause.OVERLAP, on=1)]


def test_a_retry_keeps_its_place_as_the_first() -> None:
    at = NOW + timedelta(minutes=1)
    made = decided(job(1, SIS, 1, not_before=at), job(2, SIS, 2))
    assert made == [Hold(1, Cause.NOT_BEFORE, until=at), Hold(2, Cause.OVERLAP, on=1)]


def test_a_retry_starts_when_its_time_has_come() -> None:
    assert decided(job(1, SIS, 1, not_before=NOW)) == [Release(1)]


# 4. Upstream failed

FAILED_SIS = app(SIS, Tier.IMPORT, last_outcome=JobState.FAILED, last_wave=2)


def test_by_default_it_runs_on_the_last_good_hub_and_says_so() -> None:
    assert decided(job(1, MDM, 2), apps=apps_of(FAILED_SIS)) == [
        Release(1, despite="app1 (failed)")
    ]


@pytest.mark.parametrize("outcome", [JobState.FAILED, JobState.CANCELLED])
def test_it_is_skipped_where_the_app_says_so(outcome: JobState) -> None:
    apps = apps_of(
        app(SIS, Tier.IMPORT, last_outcome=outcome, last_wave=2),
        app(MDM, Tier.EXPORT, skips_when_upstream_failed=True),
    )
    reason = f"the last upstream run did not succeed: app1 ({outcome})"
    assert decided(job(1, MDM, 2), apps=apps) == [Skip(1, reason)]


@pytest.mark.parametrize(
    "upstream",
    [
        app(SIS, Tier.IMPORT, last_outcome=JobState.SUCCEEDED, last_wave=2),
        app(SIS, Tier.IMPORT, last_outcome=JobState.FAILED, last_wave=3),
        app(SIS, Tier.IMPORT),
    ],
    ids=["it succeeded", "it failed in a later wave", "it never ran"],
)
def test_it_runs_without_a_word(upstream: AppView) -> None:
    apps = apps_of(upstream, app(MDM, Tier.EXPORT, skips_when_upstream_failed=True))
    assert decided(job(1, MDM, 2), apps=apps) == [Release(1)]


def test_a_failure_downstream_or_beside_does_not_matter() -> None:
    apps = apps_of(
        app(MDM, Tier.EXPORT, last_outcome=JobState.FAILED, last_wave=1),
        app(4, Tier.IMPORT, last_outcome=JobState.FAILED, last_wave=1),
    )
    assert decided(job(1, SIS, 2), apps=apps) == [Release(1)]


def test_a_failure_of_the_app_that_it_comes_after_matters() -> None:
    apps = apps_of(FAILED_SIS, app(4, Tier.IMPORT, after=SIS, skips_when_upstream_failed=True))
    assert isinstance(decided(job(1, 4, 2), apps=apps)[0], Skip)


# 5. Fair share


def test_the_oldest_waves_share_the_places_of_each_tier() -> None:
    apps = {n: app(n, Tier.IMPORT) for n in (1, 2, 3)} | {4: app(4, Tier.EXPORT)}
    made = decided(
        job(1, 1, 3), job(2, 2, 1), job(3, 3, 2), job(4, 4, 1), apps=apps, policy=Policy(2)
    )
    assert made == [
        Release(2),
        Hold(4, Cause.UPSTREAM, on=2),
        Release(3),
        Hold(1, Cause.FAIR_SHARE, on=2),
    ]


def test_another_tier_takes_no_place() -> None:
    made = decided(job(1, SIS, 2, RUNNING), job(2, MDM, 1), policy=Policy(1))
    assert made == [Release(2)]


def test_a_retry_that_waits_takes_no_place() -> None:
    apps = apps_of(app(4, Tier.IMPORT))
    later = NOW + timedelta(minutes=1)
    made = decided(job(1, SIS, 1, not_before=later), job(2, 4, 2), apps=apps, policy=Policy(1))
    assert made == [Hold(1, Cause.NOT_BEFORE, until=later), Release(2)]


def test_a_queued_job_that_is_skipped_leaves_its_place() -> None:
    apps = apps_of(app(SIS, Tier.IMPORT, closed="paused"), app(4, Tier.IMPORT))
    made = decided(job(1, 4, 1), job(2, SIS, 2, QUEUED), apps=apps, policy=Policy(1))
    assert set(made) == {Release(1), Skip(2, "paused")}


# The claim


def claim_of(job_id: int, *jobs: JobView, apps: dict[int, AppView] | None = None) -> object:
    return judge_claim(job_id, jobs, apps or apps_of(), Policy(1), NOW)


def test_a_claim_is_judged_by_every_rule_but_the_fair_share() -> None:
    other = {4: app(4, Tier.EXPORT)}
    mine = job(1, MDM, 2, QUEUED)
    assert claim_of(1, mine, job(2, 4, 1, RUNNING), apps=apps_of() | other) == Release(1)
    assert claim_of(1, mine, job(2, SIS, 2)) == Hold(1, Cause.UPSTREAM, on=2)
    assert claim_of(1, mine, job(2, MDM, 1, HELD)) == Hold(1, Cause.OVERLAP, on=2)
    paused = apps_of(app(MDM, Tier.EXPORT, closed="paused"))
    assert claim_of(1, mine, apps=paused) == Skip(1, "paused")
    later = NOW + timedelta(seconds=1)
    early = job(1, MDM, 2, QUEUED, not_before=later)
    assert claim_of(1, early) == Hold(1, Cause.NOT_BEFORE, until=later)
    skipping = apps_of(FAILED_SIS, app(MDM, Tier.EXPORT, skips_when_upstream_failed=True))
    assert isinstance(claim_of(1, mine, apps=skipping), Skip)


# Requests find their place


def test_a_first_request_is_a_job_of_its_own() -> None:
    assert place(SIS, 1, [], apps_of()) == New()
    assert place(SIS, 1, [job(1, MDM, 1)], apps_of()) == New()


@pytest.mark.parametrize("state", [QUEUED, RUNNING])
def test_nothing_joins_what_may_have_read_already(state: JobState) -> None:
    assert place(SIS, 2, [job(1, SIS, 1, state)], apps_of()) == New()


def test_a_request_joins_the_held_first_where_it_waits_for_nothing_more() -> None:
    waiting = [job(1, SIS, 1, RUNNING), job(2, MDM, 1)]
    assert place(MDM, 2, waiting, apps_of()) == Join(2)


def test_a_request_that_would_wait_for_more_is_held_behind() -> None:
    waiting = [job(1, SIS, 1, RUNNING), job(2, MDM, 1), job(3, SIS, 2)]
    assert place(MDM, 2, waiting, apps_of()) == New()
    assert place(MDM, 3, [*waiting, job(4, MDM, 2)], apps_of()) == Join(4)


def test_what_carries_out_a_plan_takes_no_request_and_is_not_counted() -> None:
    planned = job(1, SIS, 1, is_planned=True)
    assert place(SIS, 2, [planned], apps_of()) == New()
    assert place(SIS, 3, [planned, job(2, SIS, 2, RUNNING)], apps_of()) == New()
    assert place(SIS, 4, [planned, job(2, SIS, 2, RUNNING), job(3, SIS, 3)], apps_of()) == Join(3)


def test_apps_fire_upstream_first() -> None:
    apps = {
        1: app(1, Tier.EXPORT),
        2: app(2, Tier.IMPORT, after=4),
        3: app(3, Tier.TWO_WAY),
        4: app(4, Tier.IMPORT, after=5),
        5: app(5, Tier.IMPORT),
        6: app(6, Tier.IMPORT),
    }
    assert firing_order(apps, {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 5}) == [6, 5, 4, 2, 3, 1]


def test_downstream_follows_tiers_and_chains() -> None:
    apps = apps_of(app(4, Tier.IMPORT, after=SIS), app(5, Tier.IMPORT, after=4))
    assert is_downstream(apps[MDM], apps[SIS], apps)
    assert is_downstream(apps[5], apps[SIS], apps)
    assert not is_downstream(apps[SIS], apps[5], apps)
    assert not is_downstream(apps[SIS], apps[MDM], apps)


def test_an_hourly_import_of_seventy_minutes_starves_no_hourly_export() -> None:
    """For a hundred hours: the export's jobs each wait for a set of imports that never grows."""
    apps = apps_of()
    jobs: dict[int, JobView] = {}
    exported: list[tuple[int, int]] = []
    ends_at: dict[int, int] = {}
    for minute in range(100 * 60):
        for job_id in [key for key, end in ends_at.items() if end == minute]:
            del jobs[job_id], ends_at[job_id]
        if minute % 60 == 0:
            wave = minute // 60 + 1
            for app_id in (SIS, MDM):
                placed = place(app_id, wave, jobs.values(), apps)
                if isinstance(placed, Join):
                    there = jobs[placed.job_id]
                    jobs[there.id] = job(there.id, app_id, there.wave, last_wave=wave)
                else:
                    made = 2 * wave + (app_id == MDM)
                    jobs[made] = job(made, app_id, wave)
        for made in decide(jobs.values(), apps, Policy(), NOW):
            if isinstance(made, Release):
                there = jobs[made.job_id]
                jobs[there.id] = job(
                    there.id, there.app_id, there.wave, RUNNING, last_wave=there.last_wave
                )
                ends_at[there.id] = minute + (70 if there.app_id == SIS else 5)
                if there.app_id == MDM:
                    exported.append((minute // 60 + 1, there.wave))
    waits = [hour - wave for hour, wave in exported]
    assert len(exported) >= 80
    assert max(waits) <= 3
