"""Whatever goes wrong at the server: the right error, and no certificate."""

from __future__ import annotations

import pytest

from connectors.sdk import ReadRequest
from shared.domain.reading import ReadCertificate
from shared.domain.states import Mode
from shared.errors import PermanentConnectorError, TransientConnectorError

FOR_EVER = 10_000
STUDENTS = "/district/student?"


def fails(source, error, told, mode=Mode.FULL, cursor=None):
    got = []
    with pytest.raises(error, match=told) as caught:
        got.extend(source.read(ReadRequest(mode, cursor)))
    assert not any(isinstance(item, ReadCertificate) for item in got)
    return caught.value


@pytest.mark.parametrize("after", [0, 3, 12])
@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("down", TransientConnectorError, r"302.*message\.powerschool\.com"),
        ("moved", PermanentConnectorError, r"301.*moved\.example.*settings"),
        ("unauthorized", PermanentConnectorError, "401"),
        ("denied", PermanentConnectorError, "403"),
        ("busy", TransientConnectorError, "429"),
        ("busy_silent", TransientConnectorError, "429"),
        ("unavailable", TransientConnectorError, "503"),
        ("error", TransientConnectorError, "500"),
        ("html", TransientConnectorError, "text/html, not JSON: the server may be down"),
        ("cut", TransientConnectorError, "cut off"),
        ("drop", TransientConnectorError, "cut off"),
        ("shape", TransientConnectorError, "another shape"),
    ],
)
def test_a_server_in_trouble(vendor, name, error, told, after):
    vendor.fault(name, times=FOR_EVER, after=after)
    fails(vendor.source(), error, told)


def test_a_server_that_answers_slowly(vendor):
    vendor.fault("drip", value=0.05, times=FOR_EVER, on="/ws/")
    fails(vendor.source(deadline_s=1, timeout_s=5), TransientConnectorError, "in 1 s")


def test_an_answer_without_end(vendor):
    vendor.fault("endless", times=FOR_EVER, on="/ws/")
    fails(vendor.source(deadline_s=1), TransientConnectorError, "no whole answer|longer than")


@pytest.mark.parametrize("path", ["/ws/v1/student/5000", "/ws/v1/section_enrollment/90000"])
def test_a_page_of_html_that_says_there_is_nothing_is_no_answer(vendor, kit, path):
    """A proxy in front of a server that is down may give 404; a record is not gone by that."""
    source = vendor.source()
    cursor = kit.read(source)[-1].cursor
    vendor.edit("students", 5000, student_username="x")
    vendor.edit("enrollments", 90_000, exit_date="2027-01-01")
    vendor.fault("nothing", times=FOR_EVER, on=path)
    told = "404 with a page of HTML: the server may be down"
    fails(source, TransientConnectorError, told, Mode.INCREMENTAL, cursor)


def test_a_page_of_html_for_a_token_is_no_answer(vendor):
    vendor.fault("nothing", times=FOR_EVER, on="/oauth/")
    told = "404 with a page of HTML: the server may be down.*check url"
    fails(vendor.source(), TransientConnectorError, told)


@pytest.mark.parametrize("status", [400, 403])
def test_a_sign_in_that_came_too_early(vendor, status):
    vendor.fault("too_early", value=status, times=FOR_EVER, on="/oauth/")
    error = fails(vendor.source(), TransientConnectorError, f"{status}, too many requests")
    assert error.retry_after_s == 60


@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("status", [429, 503, 403, 400])
def test_a_request_that_came_too_early(vendor, status, tells):
    """With which status it is rejected nobody tells: its words are looked at."""
    vendor.set(interval_ms=60_000, throttle=[status, tells])
    error = fails(vendor.source(), TransientConnectorError, rf"{status}.*interval_ms|{status}$")
    assert error.retry_after_s == 60


@pytest.mark.parametrize(
    ("name", "how", "told"),
    [
        ("miscount", {"value": 1}, "counts 27 and gave 26"),
        ("miscount", {"value": -1}, "counts 25 and gave 26"),
        ("miscount", {"value": -20}, "counts 6 and gave 10"),
        ("short", {"after": 1}, "counts 26 and gave 9"),
        ("short", {"after": 2}, "counts 26 and gave 19"),
        ("short", {"after": 3}, "counts 26 and gave 25"),
        ("empty", {"after": 1}, "counts 26 and gave 0"),
        ("empty", {"after": 3}, "counts 26 and gave 20"),
        ("twice", {"after": 3}, "id 5020 twice"),
    ],
)
def test_a_list_that_is_not_what_is_counted(vendor, name, how, told):
    # the count is the first request of the list, its pages follow
    how = how if name == "miscount" else {"after": how["after"] - 1}
    vendor.fault(name, on="code%3D%3D0", **how)
    fails(vendor.source(page_size=10), TransientConnectorError, told)


def test_a_student_who_vanishes_between_two_pages(vendor):
    """The next page begins one record later: someone who is still there would be missed."""
    vendor.fault("remove", value=5001, on="code%3D%3D0&expansions", after=1)
    fails(vendor.source(page_size=10), TransientConnectorError, "counts 26 and gave 25")


def test_a_student_who_comes_between_two_pages(vendor, kit):
    """The last of the first page comes again on the second."""
    source = vendor.source(page_size=10, wait=lambda _seconds: vendor.add_student(4999, like=5000))
    vendor.fault("error", on="code%3D%3D0&expansions", after=1)
    error = fails(source, TransientConnectorError, "twice")
    assert "changed while it was read" in error.user_message
    kit.read(vendor.source())


@pytest.mark.parametrize("name", ["error", "unavailable", "drop", "busy", "busy_silent"])
@pytest.mark.parametrize("after", [0, 5, 20])
def test_what_passes_is_survived(vendor, kit, name, after):
    whole = kit.rows(kit.read(vendor.source()))
    vendor.fault(name, times=2, after=after)
    assert kit.rows(kit.read(vendor.source())) == whole
    assert len(vendor.waits) == 2


@pytest.mark.parametrize("after", [0, 1, 7, 30])
def test_a_token_that_expires_on_the_way(vendor, kit, after):
    whole = kit.rows(kit.read(vendor.source(page_size=5)))
    vendor.fault("expire", after=after)
    assert kit.rows(kit.read(vendor.source(page_size=5))) == whole


def test_a_token_that_expires_at_once_is_not_asked_for_without_end(vendor):
    vendor.fault("expire", times=FOR_EVER, on="/ws/")
    fails(vendor.source(), PermanentConnectorError, "401")
    assert 2 <= sum("access_token" in told for told in vendor.requests()) <= 3


def test_one_token_serves_a_whole_job(vendor, kit):
    source = vendor.source()
    source.check()
    kit.read(source)
    kit.read(source)
    assert sum("access_token" in told for told in vendor.requests()) == 1


def test_a_plugin_that_must_be_slow_is(vendor, kit):
    """The server takes one request in so many milliseconds, and the read comes to its end."""
    import threading

    whole = kit.rows(kit.read(vendor.source(application_name=None)))
    vendor.set(interval_ms=5)
    real = threading.Event()
    source = vendor.source(application_name=None, wait=lambda _seconds: real.wait(0.006))
    assert kit.rows(kit.read(source)) == whole


def test_a_request_that_takes_too_long(vendor):
    vendor.fault("slow", value=0.4, times=3)
    fails(vendor.source(timeout_s=0.1), TransientConnectorError, "in time")


def test_wrong_credentials(vendor):
    for name in ("client_id", "client_secret"):
        with pytest.raises(PermanentConnectorError, match="client_id and client_secret") as caught:
            vendor.source(**{name: "PRIVATE"}).check()
        assert "PRIVATE" not in str(caught.value)


def test_a_plugin_without_access(vendor):
    vendor.set(access="NONE")
    told = r"403.*may not read.*plugin\.xml.*accessLevelV1Api.*25\.2.*administrator"
    with pytest.raises(PermanentConnectorError, match=told):
        vendor.source().check()
    fails(vendor.source(application_name=None), PermanentConnectorError, told)


def test_a_data_version_that_may_not_be_read(vendor):
    vendor.fault("denied", times=FOR_EVER, on="/ws/dataversion")
    with pytest.raises(PermanentConnectorError, match=r"403.*data version subscription"):
        vendor.source().check()


def test_an_address_that_is_no_powerschool(vendor):
    with pytest.raises(PermanentConnectorError, match="url"):
        vendor.source(url=vendor.settings["url"] + "/elsewhere").check()


def test_a_server_without_schools(vendor):
    for dcid in (3, 5, 7):
        vendor.remove("schools", dcid)
    with pytest.raises(PermanentConnectorError, match="no school"):
        vendor.source().check()


def test_all_is_well(vendor):
    vendor.source().check()
    vendor.source(application_name=None).check()


def test_no_error_tells_a_secret(vendor):
    told = []
    for name in ("down", "busy", "error", "html", "cut", "expire"):
        vendor.fault(name, times=FOR_EVER, on="/ws/v1")
        with pytest.raises((TransientConnectorError, PermanentConnectorError)) as caught:
            vendor.source().check()
        told.append(str(caught.value))
    assert not any(vendor.settings["client_secret"] in one for one in told)


def test_a_read_that_is_not_finished_gives_nothing(vendor):
    reading = vendor.source(page_size=5).read(ReadRequest(Mode.FULL))
    first = next(reading)
    assert not isinstance(first, ReadCertificate)
    reading.close()
