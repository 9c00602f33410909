"""Checks of reads from a vendor that is well: whole, in pages, begun anew, and by what changed."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from itertools import islice

from connectors.conformance import districts
from connectors.conformance.benches import Vendor
from connectors.conformance.reading import Read, difference
from connectors.conformance.rows import BrokenError, NotApplicableError
from connectors.conformance.subject import ALL, Subject, set_page
from connectors.district.model import District
from connectors.form import settings_of
from shared.domain.records import Kind
from shared.domain.states import Mode
from shared.errors import ConnectorError

_NAMES = ("givenName", "familyName")


def full_read(subject: Subject) -> str:
    """A full read brings everything, each record once, and its certificate counts what came."""
    read, vendor = subject.whole, subject.main
    if read.certificate.mode is not Mode.FULL:
        raise BrokenError(f"a full read ended with a certificate of mode {read.certificate.mode}")
    if read.repeated:
        kind, key = read.repeated[0]
        raise BrokenError(f"{kind} {key} came more than once")
    if vendor.district is not None:
        if read.refused:
            raise BrokenError(f"{len(read.refused)} records of a vendor that is well were refused")
        _see_students(read, vendor.district)
    counts = [(read.count(kind), str(kind)) for kind in Kind if read.count(kind)]
    return ", ".join(f"{n} {_one(kind) if n == 1 else kind}" for n, kind in counts)


def _one(kind: str) -> str:
    return "class" if kind == Kind.CLASSES else kind.removesuffix("s")


def _see_students(read: Read, district: District) -> None:
    """See that every student is there, by name, or by address where no names are read."""
    users = [values for (kind, _), values in read.records.items() if kind is Kind.USERS]
    fields = _NAMES if users and set(_NAMES) <= users[0].keys() else ("email",)
    if not users or not set(fields) <= users[0].keys():
        return
    there = {tuple(composed(one[name]) for name in fields) for one in users}
    for student in district.students:
        person = student.person
        names = (composed(person.given_name), composed(person.family_name))
        if (names if fields == _NAMES else (composed(person.email),)) not in there:
            raise BrokenError(
                f"student {person.number} is missing, or has another name:"
                f" {len(district.students)} should be there"
            )


def composed(text: str | None) -> str:
    """Return text as it compares: composed, without blanks around it."""
    return unicodedata.normalize("NFC", text or "").strip()


def resume(subject: Subject) -> str:
    """A read that was broken off leaves nothing behind: the next one brings everything."""
    source = subject.source(subject.main)
    broken = 0
    for items in (1, 3, 10):
        reading = source.read(subject.request(source))
        list(islice(reading, items))
        close = getattr(reading, "close", None)
        if close is None:
            raise BrokenError("what `read` returns cannot be closed: make it a generator")
        close()
        broken += 1
    for opened in (source, subject.source(subject.main)):
        if differs := difference(subject.read(opened), subject.whole):
            raise BrokenError(f"after {broken} reads that were broken off: {differs}")
    return f"the same after {broken} reads that were broken off"


def paging(subject: Subject, students: int) -> str:
    """Whatever the number of records is to the page, small pages and one page give the same."""
    # with no students there is nobody else either, so that whole lists are empty
    vendor = subject.hold(districts.of_students(students) if students else districts.hollow())
    if vendor.district is None:
        raise NotApplicableError("a live vendor holds the district that it holds")
    by_pages = _read(subject, vendor, districts.PAGE)
    at_once = _read(subject, vendor, ALL)
    if by_pages is None or at_once is None:
        if students:
            raise BrokenError(f"a vendor with {students} students cannot be read")
        return "a vendor without students is refused, and nothing of it counts"
    if differs := difference(by_pages, at_once):
        raise BrokenError(f"{students} students in pages of {districts.PAGE}: {differs}")
    if Kind.USERS in subject.connector.capabilities.reads:
        _see_students(at_once, vendor.district)
    if not vendor.is_online:
        return f"{students} students: all are read"
    return f"{students} students in pages of {districts.PAGE}{_edges(subject, students)}"


def _edges(subject: Subject, students: int) -> str:
    """Read the longest lists of the whole district so that a page ends just there too."""
    short_by = students - districts.PAGE
    if abs(short_by) > 1:
        return ""
    lengths = sorted({subject.whole.count(kind) for kind in Kind}, reverse=True)[:2]
    for length in lengths:
        # a list as long as a page, one shorter, or one longer
        size = max(1, length - short_by)
        found = _read(subject, subject.main, size)
        if found is None:
            raise BrokenError(f"pages of {size}: the vendor cannot be read")
        if differs := difference(found, subject.whole):
            raise BrokenError(f"pages of {size}, a list of {length}: {differs}")
    set_page(subject.main, districts.PAGE)
    return f", and lists of {' and '.join(map(str, lengths))}"


def _read(subject: Subject, vendor: Vendor, size: int) -> Read | None:
    maximum = next(
        (one.maximum for one in settings_of(subject.connector) if one.name == "page_size"), None
    )
    size = min(size, int(maximum or ALL))
    set_page(vendor, size)
    try:
        return subject.read(subject.source(vendor, page_size=str(size)))
    except ConnectorError:
        return None


def empty(subject: Subject) -> str:
    """A vendor that holds nobody is refused, or read to its end as holding nobody."""
    vendor = subject.hold(districts.hollow())
    if vendor.district is None:
        raise NotApplicableError("a live vendor holds the district that it holds")
    told = []
    for what, how in (("nobody there", None), ("every list empty", "empty")):
        try:
            if how is not None:
                vendor.fault(how, times=10_000)
        except NotApplicableError:
            continue  # a real server: nobody can be there, and no list empty that is not
        try:
            read = subject.read(subject.source(vendor))
        except ConnectorError as error:
            told.append(f"{what}: {type(error).__name__}")
            continue
        finally:
            vendor.heal()
        if came := read.count(Kind.ENROLLMENTS):
            raise BrokenError(f"{what}, and {came} enrollments came")
        # an administrator is there even so
        people, everybody = read.count(Kind.USERS), subject.whole.count(Kind.USERS)
        if people and people > everybody - len(districts.whole().students):
            raise BrokenError(f"{what}, and {people} of {everybody} people came")
        told.append(f"{what}: a certificate of no student")
    return "; ".join(told)


def incremental_equals_full(subject: Subject) -> str:
    """What was read in full, brought up to date by what changed, is what a full read gives."""
    if Mode.INCREMENTAL not in subject.connector.capabilities.modes:
        raise NotApplicableError("it reads in full alone")
    vendor = subject.hold(districts.whole())
    return _by_changes(subject, vendor)


def _by_changes(subject: Subject, vendor: Vendor) -> str:
    source = subject.source(vendor)
    first = subject.read(source)
    if first.certificate.cursor is None:
        raise BrokenError("a full read gives no cursor from which changes could be read")
    if vendor.district is not None:
        vendor.turn(districts.whole(districts.LATER))
    changes = subject.read(source, Mode.INCREMENTAL, first.certificate.cursor)
    wanted = subject.read(subject.source(vendor))
    if changes.certificate.mode is Mode.FULL:
        if differs := difference(changes, wanted):
            raise BrokenError(f"an incremental read that is a full one: {differs}")
        return "the vendor cannot tell what changed: an incremental read is a full one, and says so"
    _see_same(first, changes, wanted)
    if changes.certificate.cursor is None:
        raise BrokenError("an incremental read gives no cursor for the next one")
    again = subject.read(subject.source(vendor), Mode.INCREMENTAL, changes.certificate.cursor)
    _see_same(wanted, again, wanted)
    if vendor.district is not None and not changes.records:
        raise BrokenError("some have joined and changed, and the incremental read brought nothing")
    return f"{len(changes.records)} of {len(wanted.records)} records came again"


def _see_same(before: Read, changes: Read, wanted: Read) -> None:
    now = {**before.records, **changes.records}
    for key in changes.deleted:
        now.pop(key, None)
    if changes.certificate.mode is Mode.FULL:
        now = dict(changes.records)
    # who has gone may stay until a full read: an incremental one removes nobody who is not named
    found = Read(changes.certificate, {key: now[key] for key in now if key in wanted.records})
    if differs := difference(found, wanted):
        raise BrokenError(f"brought up to date by what changed: {differs}")
    # one who was here and has left may come as one who is not enabled any more
    known = wanted.records.keys() | before.records.keys()
    strangers = [key for key in changes.records if key not in known]
    if strangers:
        kind, id_ = strangers[0]
        raise BrokenError(f"the incremental read brought {kind} {id_}, which a full one does not")


def unicode_names(subject: Subject) -> str:
    """Names of any script come through as they are."""
    if Kind.USERS not in subject.connector.capabilities.reads:
        raise NotApplicableError("it reads no people")
    vendor = subject.hold(districts.in_many_scripts())
    if vendor.district is None:
        raise NotApplicableError("a live vendor holds the names that it holds")
    read = subject.read(subject.source(vendor))
    if read.refused:
        raise BrokenError(f"{len(read.refused)} records were refused for their names")
    if not any(_NAMES[0] in values for (of, _), values in read.records.items() if of is Kind.USERS):
        raise NotApplicableError("with these settings it reads no people's names")
    _see_students(read, vendor.district)
    return f"{len(districts.SYLLABLES)} scripts and forms, as they were"


def repeated_ids(subject: Subject) -> str:
    """A record that comes twice costs no other: everything is there, or the read fails."""
    if not subject.main.is_online:
        return _repeated_row(subject)
    vendor = subject.online
    told = []
    for place in subject.places:
        vendor.heal()
        vendor.fault("twice", after=place)
        try:
            read = subject.read(subject.source(vendor))
        except ConnectorError as error:
            told.append(type(error).__name__)
            continue
        finally:
            vendor.heal()
        if differs := difference(read, subject.whole):
            raise BrokenError(f"a record came twice at {subject.told(place)}: {differs}")
        told.append("whole")
    return f"at {len(told)} requests: {', '.join(dict.fromkeys(told))}"


def _repeated_row(subject: Subject) -> str:
    """Drop files in which the first student stands twice."""
    whole = districts.whole()
    if subject.main.district is None:
        raise NotApplicableError("a live vendor drops the files that it drops: no row is doubled")
    twice = replace(whole, students=(*whole.students, whole.students[0]))
    try:
        read = subject.read(subject.source(subject.hold(twice)))
    except ConnectorError as error:
        return type(error).__name__
    if differs := difference(read, subject.whole):
        raise BrokenError(f"a student stands twice: {differs}")
    return "everything is there, and the row comes twice: the hub counts it once"


def clock_skew(subject: Subject) -> str:
    """A vendor's clock that is an hour off changes neither what is read nor what has changed."""
    told = []
    for skew_s in (-4000, 4000):
        vendor = subject.hold(districts.whole())
        vendor.set(clock_skew_s=skew_s)
        if Mode.INCREMENTAL in subject.connector.capabilities.modes:
            told.append(_by_changes(subject, vendor))
        elif differs := difference(subject.read(subject.source(vendor)), subject.whole):
            raise BrokenError(f"a clock that is {skew_s} s off: {differs}")
    return f"4000 s behind and ahead: {told[0] if told else 'everything'}"
