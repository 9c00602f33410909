"""A 2-way job and its fence: before each batch, and once more when it ends."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.sdk import RecordWrite, WriteOutcome, WriteResult
from shared.db.claiming import Beat
from shared.db.hub_tables import vendor_writes
from shared.domain.records import Kind
from shared.errors import TransientConnectorError
from tests.integration.roster.district import Hub
from tests.integration.roster.test_write_back import WRITABLE, Vendor, students
from workers.control import Control, LeaseLostError
from workers.opening import Opener
from workers.runner import Work
from workers.two_way import TwoWay


class Writer:
    """Takes batches of two; the lease is lost while it takes one of them."""

    batch_size = 2

    def __init__(self, lost_in: int | None = None, answers: int = 2) -> None:
        self.lost_in = lost_in
        self.answers = answers
        self.batches: list[list[str]] = []
        self.beats = 0

    def accepts(self, kind: Kind, external_id: str) -> bool:
        return True

    def write(self, kind: Kind, writes: list[RecordWrite]) -> list[WriteResult]:
        self.batches.append([write.external_id for write in writes])
        return [
            WriteResult(write.external_id, WriteOutcome.CONFIRMED, write.values)
            for write in writes[: self.answers]
        ]

    def beat(self, progress: dict[str, Any] | None) -> Beat:
        self.beats += 1
        return Beat(is_mine=self.lost_in is None or len(self.batches) < self.lost_in)


def write_back(hub: Hub, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    first, app = hub.app(1), hub.app(2, "two_way")
    students(hub, first, 7)
    plan = hub.plan(app, Vendor({number: {} for number in range(1, 8)}).roster())
    capable = SimpleNamespace(capabilities=SimpleNamespace(writes=WRITABLE))
    monkeypatch.setattr("workers.two_way.registry.get", lambda name: capable)
    work = Work(
        SimpleNamespace(connector="generated"),  # type: ignore[arg-type]
        SimpleNamespace(database=hub.database),  # type: ignore[arg-type]
        Control(writer.beat, 60.0, threading.Event()),
        Path(),
    )
    TwoWay(Opener(None))._write_back(work, writer, plan)  # type: ignore[arg-type]


def states(hub: Hub) -> list[str]:
    return [row["state"] for row in hub.table(vendor_writes)]


def test_it_asks_for_its_lease_before_every_batch(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer()
    write_back(hub, writer, monkeypatch)
    assert [len(batch) for batch in writer.batches] == [2, 2, 2, 1]
    assert writer.beats == 4
    assert states(hub) == ["confirmed"] * 7


def test_who_has_lost_it_begins_no_batch_after_the_one_in_flight(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(lost_in=2)
    with pytest.raises(LeaseLostError):
        write_back(hub, writer, monkeypatch)
    assert len(writer.batches) == 2
    # what the vendor said is kept all the same; the batch that never left is known as such
    assert states(hub) == ["confirmed"] * 4 + ["intended"] * 2


def test_who_has_lost_it_before_the_first_writes_nothing(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(lost_in=0)
    with pytest.raises(LeaseLostError):
        write_back(hub, writer, monkeypatch)
    assert writer.batches == []


def test_a_batch_of_which_a_record_has_no_answer_confirms_nothing(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TransientConnectorError):
        write_back(hub, Writer(answers=1), monkeypatch)
    assert states(hub) == ["intended"] * 2
