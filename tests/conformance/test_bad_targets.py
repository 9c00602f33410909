"""Targets and writers that break a promise on purpose: the kit sees each of them."""

from __future__ import annotations

import hashlib
import itertools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from connectors import registry
from connectors.conformance import rows
from connectors.conformance.kit import examine
from connectors.network import Network
from connectors.sdk import (
    AbsolutePath,
    ChangesReader,
    Connector,
    Delivery,
    RecordWrite,
    RenderedFile,
    Rendering,
    RosterReader,
    WriteOutcome,
    WriteResult,
)
from connectors.transport.folder import FolderPlace
from connectors.transport.places import deliver
from connectors.vendors.google_classroom.source import GoogleClassroom
from connectors.vendors.powerschool.source import PowerSchool
from shared.domain.provisioning import Answer, Linked, NewRecord, Result
from shared.domain.reading import Capabilities
from shared.domain.records import Kind
from shared.domain.states import Mode, Tier


class Config(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    path: AbsolutePath
    """A folder."""


class Sheet:
    """A good target: names in two files."""

    reads: Mapping[Kind, tuple[str, ...]] = {Kind.USERS: ("givenName", "familyName")}
    encoding = "utf-8"

    def __init__(self, config: Config) -> None:
        self._folder = config.path
        self._place = FolderPlace("sheet", config.path)

    def check(self) -> None:
        self._place.probe()

    def lines(self, roster: RosterReader) -> Iterator[str]:
        for row in roster.rows(Kind.USERS, ("givenName", "familyName")):
            yield "\t".join(value or "" for value in row)

    def render(self, roster: RosterReader, folder: Path) -> Rendering:
        made = list(self.lines(roster))
        text = "".join(f"{line}\n" for line in made).encode(self.encoding, "replace")
        for name in ("a.txt", "b.txt"):
            (folder / name).write_bytes(text)
        digest = hashlib.sha256(text).hexdigest()
        files = [RenderedFile(folder / name, len(made), digest) for name in ("a.txt", "b.txt")]
        return Rendering(tuple(files), {})

    def deliver(self, rendering: Rendering) -> Delivery:
        return deliver(rendering.files, self._place)


class Nosy(Sheet):
    """It reads a field that it does not list."""

    def lines(self, roster: RosterReader) -> Iterator[str]:
        yield from (str(row) for row in roster.rows(Kind.USERS, ("givenName", "email")))


class Restless(Sheet):
    """No two renderings are alike."""

    numbers = itertools.count()

    def lines(self, roster: RosterReader) -> Iterator[str]:
        yield f"rendering {next(self.numbers)}"
        yield from super().lines(roster)


class Unordered(Sheet):
    """It writes in the order in which records came."""

    def lines(self, roster: RosterReader) -> Iterator[str]:
        users = roster.kinds[Kind.USERS]  # type: ignore[attr-defined]
        yield from (f"{id_}\t{users[id_].values['givenName']}" for id_ in users)


class Empty(Sheet):
    def lines(self, roster: RosterReader) -> Iterator[str]:
        yield from ()


class Latin(Sheet):
    encoding = "latin-1"


class Ascii(Sheet):
    encoding = "ascii"


class Littering(Sheet):
    """It leaves a part beside the files."""

    def deliver(self, rendering: Rendering) -> Delivery:
        done = super().deliver(rendering)
        (self._folder / ".a.txt.part").write_bytes(b"x")
        return done


class Piecemeal(Sheet):
    """It puts one file after the other where the vendor reads."""

    def deliver(self, rendering: Rendering) -> Delivery:
        self._folder.mkdir(exist_ok=True, parents=True)
        places = [shutil.copy(file.path, self._folder) for file in rendering.files]
        return Delivery(tuple(map(str, places)), frozenset(f.path.name for f in rendering.files))


class Careless(Sheet):
    """It delivers what is there, and says that all is well."""

    def deliver(self, rendering: Rendering) -> Delivery:
        there = tuple(file for file in rendering.files if file.path.exists())
        done = deliver(there, self._place)
        return replace(done, places=tuple(str(file.path) for file in rendering.files))


class Eager(Sheet):
    """It always says that everything has changed."""

    def deliver(self, rendering: Rendering) -> Delivery:
        done = super().deliver(rendering)
        return replace(done, changed=frozenset(file.path.name for file in rendering.files))


class Silent(Eager):
    def deliver(self, rendering: Rendering) -> Delivery:
        return replace(super().deliver(rendering), changed=frozenset())


class Unchecked(Sheet):
    def check(self) -> None:
        """All is always well."""


class Fragile(Sheet):
    """A hub of nobody is more than it can bear."""

    def lines(self, roster: RosterReader) -> Iterator[str]:
        made = list(super().lines(roster))
        yield made[0]
        yield from made[1:]


class Everything(Sheet):
    """Its sets of changes hold everything, each time."""

    def render_changes(self, roster: ChangesReader, folder: Path, cursor: str | None) -> Rendering:
        return replace(self.render(roster, folder), cursor="x")


class Nothing(Everything):
    """Its first set of changes holds nothing."""

    def render_changes(self, roster: ChangesReader, folder: Path, cursor: str | None) -> Rendering:
        return Rendering((), {}, "x")


def connector_of(target: type[Sheet]) -> Connector:
    return Connector(
        name="sheet",
        title="Sheet",
        tier=Tier.EXPORT,
        capabilities=Capabilities(frozenset({Mode.FULL})),
        config=Config,
        open=target,
    )


def failing(connector: Connector, check: str) -> str:
    (row,) = examine(connector, only=[check], limit_s=10)
    assert row.result is rows.Result.FAILED, row.detail
    return row.detail


def test_a_good_target_passes():
    found = list(examine(connector_of(Sheet)))
    assert [row.detail for row in found if row.result is rows.Result.FAILED] == []
    passed = {row.check for row in found if row.result is rows.Result.PASSED}
    assert {"byte_stable_export", "whole_delivery", "partial", "idempotent_rewrite"} <= passed


@pytest.mark.parametrize(
    ("target", "check", "told"),
    [
        (Nosy, "byte_stable_export", "users.email is read"),
        (Restless, "byte_stable_export", "a.txt has other bytes the second time"),
        (Unordered, "byte_stable_export", "a.txt has other bytes the second time"),
        (Empty, "byte_stable_export", "has no rows"),
        (Latin, "unicode_names", "UnicodeDecodeError, no ConnectorError"),
        (Ascii, "unicode_names", "names are missing"),
        (Littering, "whole_delivery", "there are other files"),
        (Piecemeal, "partial", "has changed the set that was there"),
        (Careless, "partial", "says that all is well"),
        (Eager, "idempotent_rewrite", "the second delivery changed a.txt, b.txt"),
        (Silent, "idempotent_rewrite", "the first delivery says that nothing has changed"),
        (Unchecked, "check", "path cannot be written, and check() passes"),
        (Fragile, "empty", "IndexError, no ConnectorError"),
        (Everything, "incremental_equals_full", "nothing has changed, and a set of changes"),
        (Nothing, "incremental_equals_full", "holds less than everything"),
    ],
)
def test_a_target_that_breaks_a_promise(target, check, told):
    assert told in failing(connector_of(target), check)


# Writers


class Agreeing(PowerSchool):
    """It takes an answer of success for the success of each."""

    def write(self, kind: Kind, writes: Sequence[RecordWrite]) -> list[WriteResult]:
        super().write(kind, writes)
        return [WriteResult(one.external_id, WriteOutcome.CONFIRMED, one.values) for one in writes]


class Backward(PowerSchool):
    def write(self, kind: Kind, writes: Sequence[RecordWrite]) -> list[WriteResult]:
        return super().write(kind, writes)[::-1]


class Terse(PowerSchool):
    """It has no result for what failed."""

    def write(self, kind: Kind, writes: Sequence[RecordWrite]) -> list[WriteResult]:
        found = super().write(kind, writes)
        return [one for one in found if one.outcome is WriteOutcome.CONFIRMED]


class Reasonless(PowerSchool):
    def write(self, kind: Kind, writes: Sequence[RecordWrite]) -> list[WriteResult]:
        return [replace(one, reason=None) for one in super().write(kind, writes)]


class Lazy(PowerSchool):
    """It writes nothing, and says that it did."""

    def write(self, kind: Kind, writes: Sequence[RecordWrite]) -> list[WriteResult]:
        there = [one.external_id != writes[1].external_id for one in writes]
        return [
            WriteResult(
                one.external_id,
                WriteOutcome.CONFIRMED if is_there else WriteOutcome.REJECTED,
                one.values,
                None if is_there else "it is not there",
            )
            for one, is_there in zip(writes, there, strict=True)
        ]


class Counting(PowerSchool):
    """What is written again is written otherwise."""

    numbers = itertools.count()

    def write(self, kind: Kind, writes: Sequence[RecordWrite]) -> list[WriteResult]:
        number = next(self.numbers)
        return super().write(
            kind,
            [replace(one, values={"email": f"{number}.{one.values['email']}"}) for one in writes],
        )


class Unwilling(PowerSchool):
    def accepts(self, kind: Kind, external_id: str) -> bool:
        return False


def opened(writer: type[PowerSchool]) -> Connector:
    def open_(config: BaseModel, network: Network) -> PowerSchool:
        return writer(config, network)  # type: ignore[arg-type]

    return replace(registry.get("powerschool"), open=open_)


@pytest.mark.parametrize(
    ("writer", "check", "told"),
    [
        (Agreeing, "write_results", "a record that is not there is confirmed"),
        (Backward, "write_results", "not in the order of the writes"),
        (Terse, "write_results", "4 writes have 3 results"),
        (Reasonless, "write_results", "rejected without a reason"),
        (Lazy, "write_results", "is confirmed, and read otherwise"),
        (Unwilling, "write_results", "takes back none of the records"),
        (Counting, "idempotent_rewrite", "had other results the second time"),
    ],
)
def test_a_writer_that_breaks_a_promise(writer, check, told):
    assert told in failing(opened(writer), check)


# Provisioners


class Pretending(GoogleClassroom):
    """It makes no member whose account it has, and says that it did."""

    def create(self, kind: Kind, records: Sequence[NewRecord], linked: Linked) -> Sequence[Result]:
        if kind is not Kind.ENROLLMENTS or "9999" in str(records[0].values["userSourcedId"]):
            return super().create(kind, records, linked)
        return [
            Result(one.sourced_id, Answer.DONE, f"0:student:{one.sourced_id}") for one in records
        ]


class Shuffling(GoogleClassroom):
    def create(self, kind: Kind, records: Sequence[NewRecord], linked: Linked) -> Sequence[Result]:
        return super().create(kind, records, linked)[::-1]


class Believing(GoogleClassroom):
    """Whoever is not there is made all the same."""

    def create(self, kind: Kind, records: Sequence[NewRecord], linked: Linked) -> Sequence[Result]:
        made = super().create(kind, records, linked)
        return [
            one if one.answer is Answer.DONE else Result(one.sourced_id, Answer.DONE, "1:student:1")
            for one in made
        ]


class Forgetful(GoogleClassroom):
    """What it has made once it refuses the second time."""

    def create(self, kind: Kind, records: Sequence[NewRecord], linked: Linked) -> Sequence[Result]:
        made = super().create(kind, records, linked)
        known = linked.external_ids(kind, [one.sourced_id for one in records])
        return [
            Result(one.sourced_id, Answer.REJECTED, reason="it is there")
            if one.sourced_id in known
            else one
            for one in made
        ]


@pytest.mark.parametrize(
    ("provisioner", "check", "told"),
    [
        (Pretending, "write_results", "answered as made, and are not there"),
        (Shuffling, "write_results", "in another order"),
        (Believing, "write_results", "name somebody who is not there are confirmed"),
        (Forgetful, "idempotent_rewrite", "made again are rejected: it is there"),
    ],
)
def test_a_provisioner_that_breaks_a_promise(provisioner, check, told):
    classroom = replace(registry.get("google_classroom"), open=provisioner)
    assert told in failing(classroom, check)
