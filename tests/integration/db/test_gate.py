"""The gate's transaction: one decider a tenant at a time, and nothing on the network inside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from scheduler.intake import Intake
from scheduler.releaser import Releaser
from scheduler.sweeper import Sweeper
from scheduler.ticker import Ticker
from shared.broker.consumer import Delivery
from shared.broker.memory import EmbeddedBroker
from shared.broker.relay import Relay
from shared.clock import SystemClock
from shared.db.claiming import Outcome
from shared.db.engine import Database
from shared.db.firing import fire_locked
from shared.db.outbox import Outbox
from shared.db.schedules import set_schedule
from shared.db.tables import apps, job_events, outbox, tenants
from shared.db.tenants import add_tenant
from shared.domain.recurrence import Recurrence
from shared.domain.states import JobState, Mode, Tier
from shared.errors import ConfigurationError, TransientConnectorError
from shared.messages import COMPLETIONS_QUEUE, Publication
from shared.settings import load_settings
from workers.runner import Runner, Work

#: Long before any run of these tests: what is scheduled after it is due.
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def test_a_decision_writes_states_history_and_messages(district: Any) -> None:
    district.three_tiers()
    district.ask("oak/sis", cascade=True)
    assert district.states() == {1: "queued", 2: "held", 3: "held"}
    assert [row.reason for row in district.rows()] == [
        None,
        "waits for sis (import), job 1, queued",
        "waits for sis (import), job 1, queued",
    ]
    assert district.events(1) == [(None, "held"), ("held", "queued")]
    assert district.events(2) == [(None, "held")]
    assert district.messages() == ["sync.import"]


def test_deciding_again_writes_nothing(district: Any) -> None:
    district.three_tiers()
    district.ask("oak/sis", cascade=True)
    district.ask("oak/mdm")
    before = [district.rows(), district.rows(job_events), district.rows(outbox)]
    district.decide()
    assert [district.rows(), district.rows(job_events), district.rows(outbox)] == before


def test_a_skip_and_what_it_releases_are_one_commit(district: Any) -> None:
    district.three_tiers()
    district.ask("oak/sis", cascade=True)
    with district.gate.locked([district.tenant_id]) as locked:
        locked.connection.execute(
            update(apps).where(apps.c.name == "sis").values(paused_at=locked.now)
        )
        locked.decide("console")
    assert district.states() == {1: "skipped", 2: "queued", 3: "held"}
    assert district.messages() == ["sync.import", "job.import.skipped", "sync.two_way"]


def test_an_unknown_tenant_is_left_out(district: Any) -> None:
    with district.gate.locked([district.tenant_id, 99]) as locked:
        assert locked.tenant_ids == [district.tenant_id]
        assert list(locked.load()) == [district.tenant_id]


def wait_for_lock(database: Database) -> None:
    """Wait until some transaction of this database waits for a lock."""
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    pause = threading.Event()
    for _ in range(500):
        with database.read() as connection:
            if connection.exec_driver_sql(query).scalar_one():
                return
        pause.wait(0.02)
    raise AssertionError("nobody waits for a lock")


def test_the_clock_is_read_after_the_lock(real_district: Any) -> None:
    gate, tenant_id = real_district.gate, real_district.tenant_id
    seen: list[Any] = []

    def second() -> None:
        with gate.locked([tenant_id]) as locked:
            seen.append(locked.now)

    thread = threading.Thread(target=second)
    with gate.locked([tenant_id]) as locked:
        thread.start()
        wait_for_lock(real_district.database)
        released_at = real_district.database.now(locked.connection)
    thread.join(30)
    assert seen[0] > released_at


def test_who_skips_locked_tenants_does_not_wait(real_district: Any) -> None:
    gate, first = real_district.gate, real_district.tenant_id
    second = add_tenant(gate, "elm", "UTC")
    seen: list[Any] = []

    def other() -> None:
        with gate.locked([first, second], skip_locked=True) as locked:
            seen.append(locked.tenant_ids)

    with gate.locked([first]):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(30)
        assert seen == [[second]]


def test_an_export_never_starts_beside_an_import_that_is_not_committed_yet(
    real_district: Any,
) -> None:
    """Write skew: each transaction alone would see no reason against its own decision."""
    real_district.three_tiers()
    daily = Recurrence.parse(zone="UTC", frequency="daily", at=["02:00"])
    set_schedule(real_district.gate, "oak/sis", Mode.FULL, daily, after=MONDAY)
    answer: list[Any] = []
    thread = threading.Thread(target=lambda: answer.append(real_district.ask("oak/mdm")))
    with real_district.gate.locked([real_district.tenant_id]) as locked:
        assert fire_locked(locked)
        locked.decide("ticker")
        thread.start()
        wait_for_lock(real_district.database)
    thread.join(30)
    states = {row.tier: (row.state, row.wave) for row in real_district.rows()}
    assert states == {"import": ("queued", 1), "export": ("held", 2)}
    assert not answer[0].coalesced


def test_an_app_that_is_removed_while_a_wish_waits_is_refused(real_district: Any) -> None:
    real_district.three_tiers()
    refused: list[Exception] = []

    def wish() -> None:
        try:
            real_district.ask("oak/sis")
        except ConfigurationError as error:
            refused.append(error)

    thread = threading.Thread(target=wish)
    with real_district.gate.locked([real_district.tenant_id]) as locked:
        thread.start()
        wait_for_lock(real_district.database)
        locked.connection.execute(
            update(apps).where(apps.c.name == "sis").values(removed_at=locked.now)
        )
    thread.join(30)
    assert [str(error) for error in refused] == [
        "app: oak/sis was removed. List them: bellringer apps list oak"
    ]


def test_rows_that_point_to_a_tenant_do_not_wait_for_its_lock(real_district: Any) -> None:
    """Without `NO KEY`, every insert of a job, an app or a slot would wait for its clock."""
    database, tenant_id = real_district.database, real_district.tenant_id
    done: list[bool] = []

    def point() -> None:
        with database.write() as connection:
            row = {"tenant_id": tenant_id, "name": "sis", "connector": "test", "tier": "import"}
            row |= {"modes": ["full"], "position": 1, "config": {}}
            connection.execute(insert(apps).values(**row, created_at=database.now(connection)))
            done.append(True)

    with real_district.gate.locked([tenant_id]):
        thread = threading.Thread(target=point)
        thread.start()
        thread.join(30)
        assert done == [True]


class WatchedBroker(EmbeddedBroker):
    """Refuses whatever goes to the network inside a transaction that writes."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self.calls: list[str] = []

    def publish(self, publications: Sequence[Publication]) -> list[bool]:
        self._look("publish")
        return super().publish(publications)

    def reply(self, delivery: Delivery, body: bytes) -> None:
        self._look("reply")

    def depth(self, name: str) -> int | None:
        self._look("depth")
        return 0

    def _look(self, call: str) -> None:
        assert not self._database.is_writing, f"{call} inside a transaction"
        self.calls.append(call)


@pytest.fixture
def system(district: Any, tmp_path: Any) -> Callable[..., Any]:
    """Build the real loops and the real runner over a watched broker."""

    def build(procedure: Callable[[Work], Any]) -> Any:
        broker = WatchedBroker(district.database)
        gate, relay = district.gate, Relay(broker, Outbox(district.database))
        return {
            "broker": broker,
            "relay": relay,
            "ticker": Ticker(gate, relay),
            "intake": Intake(gate, relay, broker.reply),
            "releaser": Releaser(gate, relay),
            "sweeper": Sweeper(
                gate, relay, lambda tier: broker.depth(tier), SystemClock(), load_settings()
            ),
            "runner": Runner(
                gate,
                relay,
                dict.fromkeys(Tier, procedure),
                terms=district.terms,
                beat_s=60,
                worker="host:1",
                work_dir=tmp_path / "work",
                stopping=threading.Event(),
            ),
        }

    return build


def test_nothing_on_the_network_happens_inside_a_transaction(
    district: Any, clock: Any, system: Callable[..., Any]
) -> None:
    failures = iter([True, False, False, False])

    def procedure(work: Work) -> Any:
        assert not district.database.is_writing, "a vendor is called inside a transaction"
        if next(failures, False):
            raise TransientConnectorError("test", "it is down")

        def apply(connection: Any) -> Outcome:
            assert district.database.is_writing
            return Outcome(counts={})

        return apply

    made = system(procedure)
    broker: WatchedBroker = made["broker"]
    district.three_tiers()
    for app in ("sis", "ad", "mdm"):
        district.schedule(f"oak/{app}")
    clock.turn(hours=2)
    made["ticker"].run_once()
    made["intake"].handle([Delivery(body=b'{"app": "oak/mdm"}', reply_to="me")])
    for _ in range(20):
        clock.turn(minutes=2)
        for job_id, state in district.states().items():
            if state == "queued":
                made["runner"].run(job_id)
        events = []
        while not broker.queues[COMPLETIONS_QUEUE].empty():
            events.append(broker.queues[COMPLETIONS_QUEUE].get())
        made["releaser"].handle(events)
        made["sweeper"].run_once()
        made["relay"].run_once()
    assert set(broker.calls) == {"publish", "reply", "depth"}
    assert district.violations() == []
    with district.database.read() as connection:
        assert connection.execute(select(tenants.c.wave)).scalar_one() == 2
    assert {row.state for row in district.rows()} == {JobState.SUCCEEDED}
