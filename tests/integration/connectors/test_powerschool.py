"""PowerSchool's connector against its simulator, over real HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from connectors import registry
from connectors.district.generate import generate
from connectors.network import Network, parse_networks
from connectors.sdk import ReadRequest, RecordWrite, WriteOutcome
from connectors.simulator.server import SimulatorServer
from shared.domain.reading import Batch, ReadCertificate, Refused
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError, TransientConnectorError

HERE = Network(allowed=parse_networks("127.0.0.0/8"))
STUDENTS = 30


class Vendor:
    """A simulated server with the connector that talks to it."""

    def __init__(self, settings) -> None:
        self.settings = dict(settings)
        self.url = self.settings["url"]

    def source(self, **changes):
        connector = registry.get("powerschool")
        config = registry.parse_config(connector, {**self.settings, **changes})
        return type(connector.open(config))(config, HERE, wait=lambda _seconds: None)

    def faults(self, **faults) -> None:
        httpx.post(f"{self.url}/_simulator/faults", json=faults).raise_for_status()

    def edit(self, table: str, dcid: int, **changes) -> None:
        httpx.patch(f"{self.url}/_simulator/{table}/{dcid}", json=changes).raise_for_status()

    def delete(self, table: str, dcid: int) -> None:
        httpx.delete(f"{self.url}/_simulator/{table}/{dcid}").raise_for_status()


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with SimulatorServer([generate("oak", seed=2, students=STUDENTS)]) as server:
        yield Vendor(server.settings["oak"]["powerschool"])


def _read(source, mode=Mode.FULL, cursor=None):
    return list(source.read(ReadRequest(mode, cursor)))


def _rows(items) -> dict[Kind, dict[str, dict[str, str | None]]]:
    found: dict[Kind, dict] = {}
    for item in items:
        if isinstance(item, Batch):
            for row in item.rows:
                values = dict(zip(item.fields, row[1:], strict=True))
                found.setdefault(item.kind, {})[row[0]] = values
    return found


def test_a_full_read(vendor):
    items = _read(vendor.source())
    rows, certificate = _rows(items), items[-1]
    assert isinstance(certificate, ReadCertificate)
    assert certificate.complete == frozenset(Kind)
    assert not any(isinstance(item, Refused) for item in items)
    students = [row for key, row in rows[Kind.USERS].items() if key.startswith("student:")]
    assert len(students) == STUDENTS == len(rows[Kind.DEMOGRAPHICS])
    assert Counter({kind: len(of) for kind, of in rows.items()}) == certificate.counts
    one = rows[Kind.USERS]["student:5000"]
    # numbers stand for text on the wire, an empty expansion is "", a null is left out
    assert (one["identifier"], one["email"], one["username"]) == ("100000", None, "100000")
    org = next(iter(rows[Kind.ORGS].values()))
    assert (org["type"], org["identifier"]) == ("school", "100")
    session = rows[Kind.ACADEMIC_SESSIONS]["term:2000"]
    assert (session["type"], session["endDate"], session["schoolYear"]) == (
        "schoolYear",
        "2027-06-10",
        "2027",
    )
    roles = {row["role"] for row in rows[Kind.ENROLLMENTS].values()}
    assert roles == {"student", "teacher"}


@pytest.mark.parametrize("page", [1, 7, STUDENTS - 1, STUDENTS, STUDENTS + 1])
def test_paging_at_every_boundary(vendor, page):
    whole = _rows(_read(vendor.source()))
    vendor.faults(page_size=page)
    assert _rows(_read(vendor.source())) == whole


def test_a_token_that_expires_while_paging(vendor):
    source = vendor.source(page_size=5)
    reading = source.read(ReadRequest(Mode.FULL))
    for _ in range(6):
        next(reading)
    vendor.faults(expire=1)
    assert isinstance(list(reading)[-1], ReadCertificate)


def test_incremental_brings_what_changed_and_removes_nobody(vendor):
    full = _read(vendor.source())
    cursor = full[-1].cursor
    vendor.edit("students", 5003, name={"last_name": "Novu"})
    vendor.edit("students", 5004, school_enrollment={"enroll_status_code": 2, "enroll_status": "T"})
    vendor.delete("students", 5005)
    items = _read(vendor.source(), Mode.INCREMENTAL, cursor)
    users = _rows(items)[Kind.USERS]
    assert set(users) == {"student:5003", "student:5004"}
    assert users["student:5003"]["familyName"] == "Novu"
    assert users["student:5004"]["enabledUser"] == "false"
    assert items[-1].complete == frozenset()
    assert items[-1].mode is Mode.INCREMENTAL
    assert not any(item.deleted for item in items if isinstance(item, Batch))
    again = _read(vendor.source(), Mode.INCREMENTAL, items[-1].cursor)
    assert _rows(again) == {}
    # only a full read tells that one has gone
    gone = _rows(_read(vendor.source()))[Kind.USERS]
    assert "student:5004" not in gone
    assert "student:5005" not in gone


def test_a_first_incremental_read_is_a_full_one(vendor):
    certificate = _read(vendor.source(), Mode.INCREMENTAL, None)[-1]
    assert certificate.mode is Mode.FULL


def test_incremental_needs_an_application_name(vendor):
    with pytest.raises(PermanentConnectorError, match="application_name"):
        _read(vendor.source(application_name=None), Mode.INCREMENTAL, "1")


def test_each_record_of_a_write_is_answered(vendor):
    writes = [
        RecordWrite("student:5000", "a", {"email": "new@oak.example", "username": "new.one"}),
        RecordWrite("student:5001", "b", {"email": "no address"}),
        RecordWrite("student:999999", "c", {"email": "x@oak.example"}),
    ]
    results = vendor.source().write(Kind.USERS, writes)
    assert [result.outcome for result in results] == [
        WriteOutcome.CONFIRMED,
        WriteOutcome.REJECTED,
        WriteOutcome.REJECTED,
    ]
    assert results[0].values == {"email": "new@oak.example", "username": "new.one"}
    assert "e-mail" in results[1].reason
    again = vendor.source().write(Kind.USERS, writes[:1])
    assert again[0].outcome is WriteOutcome.CONFIRMED
    users = _rows(_read(vendor.source()))[Kind.USERS]
    assert users["student:5000"]["email"] == "new@oak.example"


def test_a_write_that_is_not_answered_is_not_taken_for_done(vendor):
    vendor.faults(silent=1)
    with pytest.raises(TransientConnectorError, match="nothing is known"):
        vendor.source().write(Kind.USERS, [RecordWrite("student:5000", "a", {"email": "a@b.c"})])


def test_staff_cannot_be_written(vendor):
    source = vendor.source()
    assert source.accepts(Kind.USERS, "student:1")
    assert not source.accepts(Kind.USERS, "staff:1")
    assert not source.accepts(Kind.ORGS, "school:1")


@pytest.mark.parametrize(
    ("faults", "error", "told"),
    [
        ({"down": 99}, TransientConnectorError, "302"),
        ({"busy": 99}, TransientConnectorError, "429"),
        ({"error": 99}, TransientConnectorError, "500"),
        ({"html": 99}, TransientConnectorError, "not JSON"),
        ({"cut": 99}, TransientConnectorError, "cut off"),
        ({"miscount": 1}, TransientConnectorError, "counts"),
        ({"access": "NONE"}, PermanentConnectorError, "accessLevelV1Api"),
    ],
)
def test_what_fails_gives_no_certificate(vendor, faults, error, told):
    vendor.faults(**faults)
    got = []
    with pytest.raises(error, match=told):
        got.extend(vendor.source().read(ReadRequest(Mode.FULL)))
    assert not any(isinstance(item, ReadCertificate) for item in got)


def test_a_server_that_fails_twice_is_asked_again(vendor):
    vendor.faults(error=2)
    assert isinstance(_read(vendor.source())[-1], ReadCertificate)


def test_the_vendor_says_how_long_to_wait(vendor):
    vendor.faults(busy=99)
    with pytest.raises(TransientConnectorError) as caught:
        vendor.source().check()
    assert caught.value.retry_after_s == 1.0


def test_wrong_credentials_name_the_settings(vendor):
    with pytest.raises(PermanentConnectorError, match="client_id and client_secret"):
        vendor.source(client_secret="wrong").check()


def test_a_host_that_is_not_there():
    source = Vendor({"url": "http://127.0.0.1:1", "client_id": "a", "client_secret": "b"}).source()
    with pytest.raises(TransientConnectorError, match="nobody answers"):
        source.check()
