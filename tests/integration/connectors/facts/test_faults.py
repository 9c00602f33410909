"""Whatever goes wrong at the API: the right error, and no certificate; and what check() says."""

from __future__ import annotations

import pytest

from connectors.sdk import ReadRequest
from shared.domain.reading import ReadCertificate
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError, TransientConnectorError

FOR_EVER = 10_000


def fails(source, error, told):
    got = []
    with pytest.raises(error, match=told) as caught:
        got.extend(source.read(ReadRequest(Mode.FULL)))
    assert not any(isinstance(item, ReadCertificate) for item in got)
    return caught.value


@pytest.mark.parametrize("after", [0, 9])
@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("unauthorized", PermanentConnectorError, "401.*api_key and subscription_key"),
        ("denied", PermanentConnectorError, "403.*may not read /"),
        ("missing", PermanentConnectorError, "404.*Check url"),
        ("busy", TransientConnectorError, "429"),
        ("busy_silent", TransientConnectorError, "429"),
        ("error", TransientConnectorError, "500"),
        ("unavailable", TransientConnectorError, "503"),
        ("html", TransientConnectorError, "text/html, not JSON: the server may be down"),
        ("down", TransientConnectorError, r"302.*status\.example"),
        ("moved", PermanentConnectorError, r"301.*moved\.example.*settings"),
        ("cut", TransientConnectorError, "cut off"),
        ("drop", TransientConnectorError, "cut off"),
        ("shape", TransientConnectorError, "another shape"),
    ],
)
def test_a_server_in_trouble(vendor, name, error, told, after):
    vendor.fault(name, times=FOR_EVER, after=after)
    fails(vendor.source(), error, told)


def test_a_server_that_answers_slowly(vendor):
    vendor.fault("drip", value=0.05, times=FOR_EVER)
    fails(vendor.source(deadline_s=1, timeout_s=5), TransientConnectorError, "in 1 s")


def test_an_answer_without_end(vendor):
    vendor.fault("endless", times=FOR_EVER)
    fails(vendor.source(deadline_s=1), TransientConnectorError, "no whole answer|longer than")


@pytest.mark.parametrize("place", ["/People?", "/Students?", "/Classes/", "/Academics/"])
@pytest.mark.parametrize(
    ("name", "how", "told"),
    [
        ("miscount", {"value": 1, "times": FOR_EVER}, "counts .* and gave"),
        ("miscount", {"value": 1, "after": 1}, "counted .* and now counts|counts .* and gave"),
        ("short", {}, "counts .* and gave"),
        ("empty", {}, "counts .* and gave 0"),
    ],
)
def test_a_list_that_is_not_what_is_counted(vendor, place, name, how, told):
    vendor.fault(name, on=place, **how)
    error = fails(vendor.source(page_size=5), TransientConnectorError, told)
    assert "changed while it was read" in error.user_message


def test_a_student_who_comes_between_two_pages(vendor, kit):
    """The last of the first page comes again on the second."""
    first = vendor.district.students[0].person.number
    held = vendor.record("students", first)

    def wait(_seconds):
        vendor.put("students", first - 1, **held)
        vendor.remove("students", vendor.district.students[-1].person.number)

    vendor.fault("error", on="/Students?", after=1)
    fails(vendor.source(page_size=10, wait=wait), TransientConnectorError, "came twice")


@pytest.mark.parametrize("name", ["error", "unavailable", "drop", "busy", "busy_silent"])
@pytest.mark.parametrize("after", [0, 8])
def test_what_passes_is_survived(vendor, kit, name, after):
    whole = kit.rows(kit.read(vendor.source()))
    vendor.fault(name, times=2, after=after)
    assert kit.rows(kit.read(vendor.source())) == whole
    assert vendor.waits


def test_the_time_that_a_subscription_must_wait_is_waited(vendor, kit):
    """A 429 names the seconds; whoever shares the budget waits as long."""
    kit.read(vendor.source())
    vendor.fault("busy", value=7, after=3)
    source = vendor.source()
    vendor.waits.clear()
    kit.read(source)
    assert max(vendor.waits) >= 7


def test_a_plan_that_is_used_up(vendor):
    vendor.set(per_minute=3)
    error = fails(vendor.source(), TransientConnectorError, "429|used up")
    assert error.retry_after_s is not None
    assert error.retry_after_s > 30


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"subscription_key": "PRIVATE"}, "401. Check subscription_key"),
        ({"api_key": "PRIVATE"}, "401. Check api_key and subscription_key"),
        ({"student_statuses": "Attending"}, "no student has the status Attending.*student_st"),
    ],
)
def test_a_wrong_setting_is_named(vendor, changes, told):
    with pytest.raises(PermanentConnectorError, match=told) as caught:
        vendor.source(**changes).check()
    assert "PRIVATE" not in str(caught.value)


def test_an_address_that_is_no_facts(vendor):
    with pytest.raises(PermanentConnectorError, match="Check url"):
        vendor.source(url=vendor.settings["url"] + "/elsewhere").check()


def test_all_that_the_key_may_not_read_is_told_at_once(vendor):
    vendor.set(grants=["School", "Courses", "Classes", "Students"])
    with pytest.raises(PermanentConnectorError) as caught:
        vendor.source().check()
    told = str(caught.value)
    for path in ("/People", "/People/Staff", "/People/ParentStudent", "/Academics/Enrollments"):
        assert f"may not read {path}:" in told
    assert "/Courses" not in told
    vendor.set(grants=["School", "Courses", "Classes", "Students", "People/Staff", "Academics"])
    with pytest.raises(PermanentConnectorError, match="/People:"):
        vendor.source(guardians="none").check()


def test_a_server_that_takes_no_order(vendor, kit):
    whole = kit.rows(kit.read(vendor.source()))
    vendor.set(sorts=False)
    with pytest.raises(PermanentConnectorError, match="use_sorts=false"):
        vendor.source().check()
    source = vendor.source(use_sorts=False)
    source.check()
    assert kit.rows(kit.read(source)) == whole


def test_a_school_of_which_there_is_nothing(vendor):
    for number in (1, 2, 3):
        vendor.remove("schools", number)
    with pytest.raises(PermanentConnectorError, match="no school"):
        vendor.source().check()
    fails(vendor.source(), PermanentConnectorError, "no school")


def test_records_without_an_id_are_no_crash(vendor, kit):
    # each is there beside the one that it was made of
    vendor.edit("schools", 3, configSchoolID=None)
    vendor.edit("years", 14, "S100-CA", yearId=None)
    section = vendor.district.sections[0]
    vendor.edit("enrollments", section.students[0], section.number, classId=None)
    vendor.source().check()
    items = kit.read(vendor.source())
    assert [one.external_id for one in kit.refused(items)] == ["without an id"]


def test_all_is_well(vendor):
    vendor.source().check()
    assert len(vendor.requests()) == 10


def test_no_error_tells_a_secret(vendor):
    told = []
    for name in ("unauthorized", "down", "busy", "error", "html", "cut", "shape"):
        vendor.fault(name, times=FOR_EVER)
        with pytest.raises((TransientConnectorError, PermanentConnectorError)) as caught:
            vendor.source().check()
        told.append(str(caught.value))
        vendor.ask("DELETE", "faults")
    for name in ("subscription_key", "api_key"):
        assert not any(vendor.settings[name] in one for one in told)


def test_a_read_that_is_not_finished_gives_nothing(vendor):
    reading = vendor.source(page_size=5).read(ReadRequest(Mode.FULL))
    assert not isinstance(next(reading), ReadCertificate)
    reading.close()
