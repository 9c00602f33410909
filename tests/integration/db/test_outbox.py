"""T2: what a commit causes is published at least once, by whoever gets to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.db import outbox
from shared.db.outbox import Outbox
from shared.domain.states import Tier
from shared.messages import Publication


def put(district: Any, count: int) -> list[int]:
    made = [
        Publication(
            exchange="bellringer.events",
            routing_key="job.import.succeeded",
            body=b"\x00\xff",
            message_id=f"m{number}",
            headers={"x": "y"},
            mandatory=False,
        )
        for number in range(count)
    ]
    with district.database.write() as connection:
        stored = outbox.put(connection, made, now=district.clock.now(), after_s=2)
    return [publication.id for publication in stored]


def test_rows_are_left_to_their_committer_at_first(district: Any, clock: Any) -> None:
    ids = put(district, 3)
    relay = Outbox(district.database)
    assert relay.take(10) == []
    clock.turn(seconds=2)
    taken = relay.take(10)
    assert [publication.id for publication in taken] == ids
    assert taken[0] == Publication(
        exchange="bellringer.events",
        routing_key="job.import.succeeded",
        body=b"\x00\xff",
        message_id="m0",
        headers={"x": "y"},
        mandatory=False,
        id=ids[0],
    )


def test_what_is_taken_is_left_alone_until_its_lease_ends(district: Any, clock: Any) -> None:
    put(district, 2)
    clock.turn(seconds=2)
    relay = Outbox(district.database, lease_s=30)
    assert len(relay.take(10)) == 2
    assert relay.take(10) == []
    clock.instant += timedelta(seconds=30)
    assert len(relay.take(10)) == 2


def test_what_is_confirmed_is_gone(district: Any, clock: Any) -> None:
    ids = put(district, 3)
    relay = Outbox(district.database)
    relay.mark(ids[:2])
    relay.mark(ids[:2])
    relay.mark([])
    clock.turn(seconds=2)
    assert [publication.id for publication in relay.take(10)] == ids[2:]


def test_the_oldest_are_taken_first(district: Any, clock: Any) -> None:
    old = put(district, 2)
    clock.turn(seconds=1)
    put(district, 2)
    clock.turn(seconds=5)
    assert [publication.id for publication in Outbox(district.database).take(2)] == old


def test_relays_at_once_take_each_row_once(
    district: Any, clock: Any, together: Callable[..., list[Any]]
) -> None:
    ids = put(district, 300)
    clock.turn(seconds=2)

    def relay() -> list[int]:
        box, mine = Outbox(district.database), []
        while taken := box.take(17):
            mine += [publication.id for publication in taken]
            box.mark([publication.id for publication in taken])
        return mine

    first, second, third = together(relay, relay, relay)
    assert sorted(first + second + third) == ids
    assert district.messages() == []


def test_what_is_rolled_back_is_never_published(district: Any, clock: Any) -> None:
    district.three_tiers()

    def publish_and_fail() -> None:
        with district.gate.locked([district.tenant_id]) as locked:
            locked.publish_job(1, Tier.IMPORT, attempt=1)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        publish_and_fail()
    assert district.messages() == []
