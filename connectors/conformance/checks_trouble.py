"""Checks of a vendor in trouble: the right error or everything, never a part that is certified.

Trouble strikes at several requests of a read, for good or once: what lasts must end the read with
an error that says what to do, what passes must be got over with every record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from connectors.conformance import districts
from connectors.conformance.benches import Vendor
from connectors.conformance.reading import difference
from connectors.conformance.rows import BrokenError, NotApplicableError
from connectors.conformance.subject import HURRIED, Subject
from connectors.sdk import Source
from shared.errors import ConnectorError, PermanentConnectorError, TransientConnectorError

#: Times that are more than a read has requests.
FOR_GOOD = 100_000
#: The longest wait that a vendor may ask for, in seconds; the job waits then, not the worker.
AN_HOUR = 3600
#: Requests at which trouble that costs a whole page is tried.
SAMPLED = 5
#: Words by which an error tells that it is about what somebody may do.
_ABOUT_ACCESS = re.compile(
    r"(?i)permi|grant|may not|not allowed|scope|access|credential|secret|password|key|role|plugin"
)


def http_401(subject: Subject) -> str:
    """401 for good: a permanent error that names the credentials, from `read` and `check`."""
    return _denied(subject, "unauthorized", "401")


def http_403(subject: Subject) -> str:
    """403 for good: a permanent error that names the permission, from `read` and `check`."""
    return _denied(subject, "denied", "403")


def http_404(subject: Subject) -> str:
    """404 at any request: an error, or everything all the same; never less."""
    _fails(subject, "missing", subject.places[:1], ConnectorError)
    return _costs_nothing(subject, "missing", "404")


def http_429_with_retry_after(subject: Subject) -> str:
    """429 with Retry-After: waited for when it is short, handed to the job when it is long."""
    vendor = subject.online
    for place in subject.places:
        patience = subject.bench.patience
        before = len(patience.waited_s) if patience is not None else 0
        _recovers(subject, "busy", place, value=3)
        if patience is not None and not any(one >= 3 for one in patience.waited_s[before:]):
            raise BrokenError(f"429 with Retry-After 3 at {subject.told(place)}: nobody waited 3 s")
    for place in subject.places[:2]:
        error = _fail(subject, "busy", place, TransientConnectorError, value=AN_HOUR)
        if getattr(error, "retry_after_s", None) != AN_HOUR:
            raise BrokenError(f"Retry-After {AN_HOUR}: the error's retry_after_s does not say so")
    vendor.heal()
    return f"3 s are waited for at {len(subject.places)} requests, an hour is handed to the job"


def http_429_without_retry_after(subject: Subject) -> str:
    """429 without Retry-After: tried again for a while, then a transient error."""
    return _passes_or_lasts(subject, ("busy_silent",), TransientConnectorError)


def http_5xx(subject: Subject) -> str:
    """500 and 503: tried again, then a transient error."""
    return _passes_or_lasts(subject, ("error", "unavailable"), TransientConnectorError)


def slow_drip(subject: Subject) -> str:
    """An answer that comes a byte at a time, and one that does not come, end by the deadline."""
    for name, seconds in (("drip", 0.05), ("slow", 2.0)):
        _fails_alone(subject, name, seconds)
    return "a transient error, by the deadline"


def never_ending_body(subject: Subject) -> str:
    """A body that never ends is given up, and not kept."""
    _fails_alone(subject, "endless")
    return "a transient error"


def html_instead_of_json(subject: Subject) -> str:
    """A page for people in place of data is an error, not an empty list."""
    if not subject.main.is_online:
        return _spoilt(subject, "html")
    _fails(subject, "html", subject.places, ConnectorError)
    return f"an error at {len(subject.places)} requests"


def redirect_to_status_page(subject: Subject) -> str:
    """A server that sends elsewhere is down, or has moved: an error, and nobody follows."""
    for name in ("down", "moved"):
        _fails(subject, name, subject.places, ConnectorError)
    return f"an error at {len(subject.places)} requests, for 302 and for 301"


def partial(subject: Subject) -> str:
    """Half an answer, one that breaks off, or one of another shape is an error."""
    if not subject.main.is_online:
        return _spoilt(subject, "cut", "empty")
    for name in ("cut", "drop", "shape"):
        _fails(subject, name, subject.places, ConnectorError)
    return (
        f"an answer that is cut, dropped or misshapen at {len(subject.places)} requests: an error"
    )


def short_page(subject: Subject) -> str:
    """A page that lacks a record, or all of them: an error, or everything all the same."""
    told = [
        _costs_nothing(subject, "short", "a short page"),
        _costs_nothing(subject, "empty", "an empty page"),
    ]
    return "; ".join(told)


def token_expiry(subject: Subject) -> str:
    """A token that ends in mid-paging is got anew, and nothing is lost."""
    vendor = subject.online
    renewed = False
    for place in subject.places:
        before = len(vendor.requests())
        _recovers(subject, "expire", place)
        renewed |= len(vendor.requests()) - before > len(subject.asked)
    if not renewed:
        raise NotApplicableError("it signs in for no token that could end")
    return f"everything, whichever of {len(subject.places)} requests it ended before"


def _denied(subject: Subject, name: str, status: str) -> str:
    for place in subject.places:
        error = _fail(subject, name, place, PermanentConnectorError)
        _see_named(subject, error, status)
    vendor = subject.online
    vendor.fault(name, times=FOR_GOOD, after=subject.places[0])
    try:
        subject.source(vendor).check()
    except PermanentConnectorError as error:
        _see_named(subject, error, status)
    except ConnectorError as error:
        raise BrokenError(f"{status}: check() raised {type(error).__name__}: {error}") from error
    else:
        raise BrokenError(f"{status} for good, and check() passes")
    finally:
        vendor.heal()
    return f"a permanent error at {len(subject.places)} requests and from check()"


def _see_named(subject: Subject, error: ConnectorError, status: str) -> None:
    told = error.user_message
    settings = subject.connector.config.model_fields
    if not _ABOUT_ACCESS.search(told) and not any(name in told for name in settings):
        raise BrokenError(f"{status}: the error names neither setting nor permission: {told}")


def _passes_or_lasts(subject: Subject, names: Iterable[str], lasting: type[ConnectorError]) -> str:
    for name in names:
        for place in subject.places:
            _recovers(subject, name, place)
        _fails(subject, name, subject.places[:2], lasting)
    return f"everything, when it passes at {len(subject.places)} requests; a transient error else"


def _costs_nothing(subject: Subject, name: str, words: str) -> str:
    """Strike once at requests spread over a read: it fails, or brings everything."""
    vendor = subject.online
    step = max(1, len(subject.asked) // SAMPLED)
    places = sorted({*subject.places, *range(0, len(subject.asked), step)})
    for place in places:
        vendor.heal()
        vendor.fault(name, after=place)
        try:
            read = subject.read(subject.source(vendor))
        except ConnectorError as error:
            subject.hides_secrets(vendor, error)
            continue
        finally:
            vendor.heal()
        if differs := difference(read, subject.whole):
            raise BrokenError(
                f"{words} at {subject.told(place)}: a certificate all the same, and {differs}"
            )
    return f"{words} at {len(places)} places: everything or an error"


def _fails(
    subject: Subject,
    name: str,
    places: Iterable[int],
    kind: type[ConnectorError],
    **how: float,
) -> None:
    for place in places:
        _fail(subject, name, place, kind, **how)


def _fails_alone(subject: Subject, name: str, value: float = 1) -> None:
    """Let trouble last at a vendor of its own: its server is at it when we have given up."""
    place = subject.places[0]
    alone = subject.hold(districts.whole())
    hurried = subject.source(alone, **HURRIED)
    _fail_at(subject, alone, hurried, name, place, TransientConnectorError, value=value)


def _fail(
    subject: Subject, name: str, place: int, kind: type[ConnectorError], **how: float
) -> ConnectorError:
    """Let trouble last from a request on; returns the error that the read ends with."""
    vendor = subject.online
    return _fail_at(subject, vendor, subject.source(vendor), name, place, kind, **how)


def _fail_at(
    subject: Subject,
    vendor: Vendor,
    source: Source,
    name: str,
    place: int,
    kind: type[ConnectorError],
    **how: float,
) -> ConnectorError:
    where = f"{name} from {subject.told(place)} on"
    vendor.heal()
    vendor.fault(name, times=FOR_GOOD, after=place, **how)
    before = len(vendor.requests())
    try:
        read = subject.read(source)
    except kind as error:
        subject.hides_secrets(vendor, error)
        if len(vendor.requests()) - before <= place:
            raise BrokenError(f"{where}: it failed before that: {error}") from error
        return error
    except ConnectorError as error:
        told = type(error).__name__
        raise BrokenError(f"{where}: it raised {told}, not {kind.__name__}: {error}") from error
    finally:
        vendor.heal()
    raise BrokenError(
        f"{where}: a certificate of {len(read.records)} of {len(subject.whole.records)} records"
    )


def _recovers(subject: Subject, name: str, place: int, **how: float) -> None:
    """Let trouble strike one request; the read must bring everything."""
    vendor = subject.online
    where = f"{name} once at {subject.told(place)}"
    vendor.heal()
    vendor.fault(name, after=place, **how)
    try:
        read = subject.read(subject.source(vendor))
    except ConnectorError as error:
        raise BrokenError(f"{where}: it is not got over: {error}") from error
    finally:
        vendor.heal()
    if differs := difference(read, subject.whole):
        raise BrokenError(f"{where}: {differs}")


def _spoilt(subject: Subject, *names: str) -> str:
    """Spoil the files that a vendor drops: the read fails."""
    vendor = subject.main
    assert subject.whole  # read before anything is spoilt  # noqa: S101
    for name in names:
        vendor.fault(name)
        try:
            read = subject.read(subject.source(vendor))
        except ConnectorError as error:
            subject.hides_secrets(vendor, error)
        else:
            raise BrokenError(
                f"files that are {name}: a certificate of {len(read.records)} records"
            )
        finally:
            vendor.heal()
    return f"files that are {' or '.join(names)} are refused"
