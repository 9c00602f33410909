"""The streams: one event a change, for who may see the tenant, as long as they may."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from console.service import apps, jobs
from console.service.wish import Because
from console.web import live
from shared.db import accounts, sessions
from shared.db.pulse import pulse
from shared.domain.roles import Role
from tests.console_site import ConsoleSite


def test_the_pulse_is_another_after_every_change_and_the_same_without(site: ConsoleSite) -> None:
    oak, elm = site.tenant_id("oak"), site.tenant_id("elm")
    seen = [pulse(site.database, oak)]
    unmoved = pulse(site.database, elm)
    everywhere = pulse(site.database, None)
    asked = site.desk.call(jobs.run_app, tenant="oak", app="sis", wish=jobs.RunNow(cascade=True))
    seen.append(pulse(site.database, oak))
    assert pulse(site.database, oak) == seen[-1]
    site.desk.call(jobs.cancel_job, tenant="oak", job=asked["id"], wish=jobs.By())
    seen.append(pulse(site.database, oak))
    assert len(set(seen)) == 3
    assert pulse(site.database, elm) == unmoved
    assert pulse(site.database, None) != everywhere


@pytest.fixture
def stream(site: ConsoleSite, monkeypatch) -> Iterator[httpx.Response]:
    """Oak's stream, watched by its viewer; looks and beats come fast."""
    monkeypatch.setattr(live, "LOOK_S", 0.05)
    monkeypatch.setattr(live, "BEAT_S", 0.1)
    cookies = {"bellringer": site.session_of(Role.VIEWER)}
    with (
        site.served(with_workers=False) as url,
        httpx.Client(base_url=url, cookies=cookies, timeout=20) as client,
        client.stream(
            "GET",
            "/tenants/oak/live",
            params={"since": pulse(site.database, site.tenant_id("oak"))},
        ) as answer,
    ):
        yield answer


@pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)
def test_a_change_is_an_event_and_it_tells_nothing(site: ConsoleSite, stream) -> None:
    assert stream.headers["content-type"].startswith("text/event-stream")
    lines = stream.iter_lines()
    assert next(lines).startswith("retry: ")
    # somebody watches by the first beat
    assert next(line for line in lines if line) == ": still here"
    site.desk.call(jobs.run_app, tenant="oak", app="sis", wish=jobs.RunNow())
    told = [line for line in _until_event(lines) if line and not line.startswith(":")]
    now = pulse(site.database, site.tenant_id("oak"))
    assert told == [f"id: {now}", "event: changed", f"data: {now}"]


@pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)
def test_another_tenant_s_change_is_none(site: ConsoleSite, stream) -> None:
    lines = stream.iter_lines()
    assert next(line for line in lines if line.startswith(":"))
    site.desk.call(jobs.run_app, tenant="elm", app="sis", wish=jobs.RunNow())
    site.desk.call(apps.pause_app, tenant="elm", app="sis", wish=Because())
    beats = [line for _, line in zip(range(10), filter(None, lines), strict=False)]
    assert set(beats) == {": still here"}


@pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)
def test_it_ends_with_the_session(site: ConsoleSite, stream) -> None:
    lines = stream.iter_lines()
    assert next(line for line in lines if line.startswith(":"))
    with site.database.write() as connection:
        account = accounts.find_account(connection, Role.VIEWER)
        assert account is not None
        sessions.end_sessions(connection, account.id)
    assert {line for line in lines if line} <= {": still here"}, "it ends, or this waits"


@pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)
def test_what_has_changed_since_the_page_was_made_is_told_at_once(site: ConsoleSite) -> None:
    seen = pulse(site.database, site.tenant_id("oak"))
    site.desk.call(jobs.run_app, tenant="oak", app="sis", wish=jobs.RunNow())
    cookies = {"bellringer": site.session_of(Role.VIEWER)}
    with site.served(with_workers=False) as url, httpx.Client(cookies=cookies) as client:
        for given in ({"params": {"since": seen}}, {"headers": {"last-event-id": seen}}, {}):
            with client.stream("GET", f"{url}/tenants/oak/live", **given) as answer:
                assert "event: changed" in list(_until_event(answer.iter_lines()))


def _until_event(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line
        if line.startswith("data:"):
            return


@pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)
def test_nobody_takes_the_streams_of_all_others(site: ConsoleSite, monkeypatch) -> None:
    monkeypatch.setattr(live, "MOST_OF_ONE", 1)
    one, other = (
        {"cookie": f"bellringer={site.session_of(role)}"} for role in (Role.VIEWER, Role.OPERATOR)
    )
    with site.served(with_workers=False) as url, httpx.Client(timeout=20) as client:
        path = f"{url}/tenants/oak/live"
        with client.stream("GET", path, headers=one) as first:
            # kept: who drops it hangs up
            lines = first.iter_lines()
            assert next(lines).startswith("retry: ")
            assert client.get(path, headers=one).status_code == 503
            with client.stream("GET", path, headers=other) as second:
                assert second.status_code == 200
