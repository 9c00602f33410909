"""Full reads: pages at every boundary, whatever the server's habits, and what its records say."""

from __future__ import annotations

from collections import Counter

import pytest

from connectors.sdk import ReadRequest
from shared.domain.reading import Batch, ReadCertificate, Refused
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError, TransientConnectorError

HABITS = [
    {"totals": True, "links": True},
    {"totals": True, "links": False},
    {"totals": False, "links": True},
    {"totals": False, "links": False},
    {"totals": False, "links": False, "behind": "missing"},
]


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_full_read(vendor, kit, version):
    items = kit.read(vendor.source(version=version))
    known, certificate = kit.rows(items), items[-1]
    assert not any(isinstance(item, Refused) for item in items)
    assert certificate.complete == frozenset(Kind)
    assert certificate.mode is Mode.FULL
    assert Counter(kind for kind, _ in known) == Counter(certificate.counts)
    assert certificate.counts[Kind.DEMOGRAPHICS] == kit.students
    user = next(v for (k, _), v in known.items() if k is Kind.USERS and v["agentSourcedIds"])
    assert user["enabledUser"] == "true"
    assert user["userIds"] == f'["{{LDAP:{user["username"]}}}"]'
    assert ("pronouns" in user) == (version == "1.2")
    assert known[Kind.ORGS, "school-100"]["parentSourcedId"] == "district"
    section = next(v for (k, _), v in known.items() if k is Kind.CLASSES)
    assert section["termSourcedIds"].startswith('["term-')
    role = next(v for (k, i), v in known.items() if k is Kind.ROLES and i.endswith("/primary"))
    assert role["roleType"] == "primary"
    assert certificate.evidence["/users"].startswith(f"{certificate.counts[Kind.USERS]} records")


def test_both_versions_say_the_same_of_whom_both_know(vendor, kit):
    of_1_1 = kit.rows(kit.read(vendor.source(version="1.1")))
    of_1_2 = kit.rows(kit.read(vendor.source(version="1.2")))
    assert set(of_1_1) == set(of_1_2)
    for key, values in of_1_1.items():
        assert values == {name: of_1_2[key][name] for name in values}


@pytest.mark.parametrize("habits", HABITS, ids=str)
def test_paging_at_every_boundary(vendor, kit, habits):
    whole = kit.rows(kit.read(vendor.source()))
    users = sum(kind is Kind.USERS for kind, _ in whole)
    vendor.set(**habits)
    for size in (1, 7, users - 1, users, users + 1):
        assert kit.rows(kit.read(vendor.source(page_size=size))) == whole


@pytest.mark.parametrize("habits", HABITS, ids=str)
def test_a_server_whose_pages_are_shorter_than_asked_for_is_read_to_its_end(vendor, kit, habits):
    whole = kit.rows(kit.read(vendor.source()))
    vendor.set(**habits, page_size=10)
    assert kit.rows(kit.read(vendor.source(page_size=1000))) == whole


@pytest.mark.parametrize("habits", HABITS[:4], ids=str)
def test_a_collection_without_records(vendor, kit, habits):
    vendor.set(**habits, tombstones=False)
    for key in {
        key for kind, key in kit.rows(kit.read(vendor.source())) if kind is Kind.DEMOGRAPHICS
    }:
        vendor.remove("demographics", key)
    items = kit.read(vendor.source())
    assert items[-1].counts[Kind.DEMOGRAPHICS] == 0
    assert Kind.DEMOGRAPHICS in items[-1].complete
    assert any(isinstance(i, Batch) and i.kind is Kind.DEMOGRAPHICS for i in items)


def test_what_is_tobedeleted_is_gone(vendor, kit):
    vendor.remove("users", "user-100000")
    items = kit.read(vendor.source())
    assert (Kind.USERS, "user-100000") not in kit.rows(items)
    assert (Kind.ROLES, "user-100000/primary") not in kit.rows(items)
    assert items[-1].evidence["/users tobedeleted"] == "1"


def test_a_record_that_breaks_a_rule_is_refused_and_the_others_go_on(vendor, kit):
    vendor.edit("users", "user-100000", familyName=None)
    vendor.edit("users", "user-100001", email=["a", "b"])
    vendor.edit("demographics", "user-100002", birthDate="02/01/2012")
    items = kit.read(vendor.source())
    refused = {(i.kind, i.external_id): i for i in items if isinstance(i, Refused)}
    assert {key: one.field for key, one in refused.items()} == {
        (Kind.USERS, "user-100000"): "familyName",
        (Kind.USERS, "user-100001"): "email",
        (Kind.DEMOGRAPHICS, "user-100002"): "birthDate",
    }
    assert (Kind.USERS, "user-100003") in kit.rows(items)


def test_what_servers_were_seen_to_write_otherwise(vendor, kit):
    vendor.edit(
        "users", "user-100000",
        enabledUser=True, identifier=100000, givenName="  Zoë ", familyName="王 小明", grades="09,10",
        middleName="",
    )  # fmt: skip
    vendor.edit("academicSessions", "term-1", schoolYear=2027, startDate="2026-08-20T00:00:00.000Z")
    items = kit.read(vendor.source())
    assert not any(isinstance(item, Refused) for item in items)
    user = kit.rows(items)[Kind.USERS, "user-100000"]
    assert user["enabledUser"] == "true"
    assert (user["identifier"], user["givenName"], user["familyName"]) == (
        "100000",
        "Zoë",
        "王 小明",
    )
    assert user["grades"] == '["09","10"]'
    session = kit.rows(items)[Kind.ACADEMIC_SESSIONS, "term-1"]
    assert (session["schoolYear"], session["startDate"]) == ("2027", "2026-08-20")


def test_administrators_are_of_a_school_or_of_the_district(vendor, kit):
    for number, org in ((100000, "district"), (100001, "school-100")):
        ref = {"sourcedId": org, "type": "org", "href": "x"}
        vendor.edit("users", f"user-{number}", role="administrator", orgs=[ref])
    known = kit.rows(kit.read(vendor.source(version="1.1")))
    assert known[Kind.ROLES, "user-100000/primary"]["role"] == "districtAdministrator"
    assert known[Kind.ROLES, "user-100001/primary"]["role"] == "siteAdministrator"


@pytest.mark.parametrize(
    ("fault", "habits"),
    [
        ("leaves", {"totals": True, "links": False}),
        ("leaves", {"totals": True, "links": True}),
        ("joins", {"totals": True, "links": False}),
        ("joins", {"totals": False, "links": False}),
        ("joins", {"totals": False, "links": True}),
        ("miscount", {"totals": True, "links": False}),
        ("short", {"totals": True, "links": True}),
        ("empty", {"totals": True, "links": False}),
    ],
)
def test_what_changes_while_it_is_read_gives_no_certificate(vendor, fault, habits):
    vendor.set(**habits)
    vendor.fault(fault, on="/users", after=1)
    got = []
    with pytest.raises(TransientConnectorError, match="changed while it was read"):
        got.extend(vendor.source(page_size=10).read(ReadRequest(Mode.FULL)))
    assert not any(isinstance(item, ReadCertificate) for item in got)


def test_demographics_that_are_not_wanted_are_not_asked_for(vendor, kit):
    items = kit.read(vendor.source(demographics=False))
    assert Kind.DEMOGRAPHICS not in items[-1].complete
    assert not any("demographics" in request for request in vendor.requests())


def test_a_teacher_of_skyward_without_an_identifier_has_the_records_id(skyward, kit):
    known = kit.rows(kit.read(skyward.source()))
    teachers = [
        k for (kind, k), v in known.items() if kind is Kind.ROLES and v["role"] == "teacher"
    ]
    assert teachers
    for key in teachers:
        user = key.removesuffix("/primary")
        assert known[Kind.USERS, user]["identifier"] == user
    assert all(
        v["familyName"] == v["familyName"].strip() for (k, _), v in known.items() if k is Kind.USERS
    )


def test_skywards_1_2_lies_without_rostering(skyward, kit):
    kit.read(skyward.source(version="1.2"))
    assert any(
        request.startswith("GET /ims/oneroster/v1p2/users") for request in skyward.requests()
    )


def test_a_wrong_path_names_the_setting(vendor):
    with pytest.raises(PermanentConnectorError, match="service_path"):
        vendor.source(service_path="/elsewhere").check()
