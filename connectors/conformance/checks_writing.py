"""Checks of a writer: a result for each record, and the same written again is the same."""

from __future__ import annotations

import re
from collections.abc import Sequence

from connectors.conformance import districts
from connectors.conformance.benches import Vendor
from connectors.conformance.provisioning import create, end, provision, stranger
from connectors.conformance.reading import Key, Read
from connectors.conformance.rows import BrokenError, NotApplicableError
from connectors.conformance.subject import Subject
from connectors.sdk import RecordWrite, WriteOutcome, Writer, WriteResult
from shared.domain.provisioning import Answer, EndedRecord
from shared.domain.records import FIELDS, Kind
from shared.errors import ConnectorError

#: Records that are written at once.
WRITES = 3


def write_results(subject: Subject) -> str:
    """Each record has its own result, in order; what is confirmed is there, what is not is not."""
    made = _made(subject)
    vendor, writer, kind, writes = _prepared(subject)
    stranger = _stranger(writer, kind, writes[-1])
    mixed = [writes[0], stranger, *writes[1:]]
    before = subject.read(subject.source(vendor))
    results = _write(writer, kind, mixed)
    for write, result in zip(mixed, results, strict=True):
        if result.external_id != write.external_id:
            raise BrokenError("the results are not in the order of the writes")
        wanted = WriteOutcome.REJECTED if write is stranger else WriteOutcome.CONFIRMED
        if result.outcome is not wanted:
            what = "a record that is not there" if write is stranger else "a good record"
            raise BrokenError(f"{what} is {result.outcome}: {result.reason}")
    if not results[1].reason:
        raise BrokenError("a record was rejected without a reason")
    _see_written(subject, vendor, kind, writes, before)
    return f"{made}{len(writes)} {kind} written and found so, one that is not there rejected"


def _made(subject: Subject) -> str:
    """Have a provisioner make a district's records, one among them of somebody who is not there."""
    if not subject.connector.capabilities.writes:
        return ""
    vendor = subject.hold(districts.whole(), is_filled=False)
    links, opened = subject.links_of(vendor), subject.provisioner(vendor)
    if links is None or opened is None:
        return ""
    asked = provision(opened, links)
    odd = {kind: one for kind, of in asked.items() if (one := stranger(of[-1], kind))}
    for kind, one in odd.items():
        (result,) = create(opened, kind, [one], links)
        if result.answer is Answer.DONE or not result.reason:
            raise BrokenError(f"{kind} that name somebody who is not there are {result.answer}")
    read = subject.read(subject.source(vendor))
    for kind, records in asked.items():
        wanted = links.external_ids(kind, [record.sourced_id for record in records])
        if missing := set(wanted.values()) - read.ids(kind):
            raise BrokenError(f"{len(missing)} {kind} were answered as made, and are not there")
    return ", ".join(f"{len(of)} {kind} made" for kind, of in asked.items()) + ", "


def idempotent_rewrite(subject: Subject) -> str:
    """The same written, made or ended again is confirmed again, and changes nothing."""
    made = _made_again(subject)
    vendor, writer, kind, writes = _prepared(subject)
    first = _write(writer, kind, writes)
    after = subject.read(subject.source(vendor))
    second = _write(writer, kind, writes)
    if [(one.outcome, one.values) for one in first] != [
        (one.outcome, one.values) for one in second
    ]:
        raise BrokenError("the same writes had other results the second time")
    again = subject.read(subject.source(vendor))
    if after.records != again.records:
        raise BrokenError("the same writes changed records the second time")
    return f"{made}{len(writes)} {kind} written twice"


def _made_again(subject: Subject) -> str:
    """Have a provisioner make the same records twice, and end the last of each kind twice."""
    if not subject.connector.capabilities.writes:
        return ""
    vendor = subject.hold(districts.whole(), is_filled=False)
    links, opened = subject.links_of(vendor), subject.provisioner(vendor)
    if links is None or opened is None:
        return ""
    asked = provision(opened, links)
    before = subject.read(subject.source(vendor))
    for kind, records in asked.items():
        wanted = links.external_ids(kind, [record.sourced_id for record in records])
        for result in create(opened, kind, records, links):
            if result.answer is not Answer.DONE or result.external_id != wanted[result.sourced_id]:
                raise BrokenError(f"{kind} made again are {result.answer}: {result.reason}")
    if subject.read(subject.source(vendor)).records != before.records:
        raise BrokenError("the same records made again have changed what was there")
    for kind, records in reversed(asked.items()):
        last = records[-1].sourced_id
        gone = EndedRecord(last, links.external_ids(kind, [last])[last])
        for _ in range(2):
            (result,) = end(opened, kind, [gone], links)
            if result.answer is not Answer.DONE:
                raise BrokenError(f"{kind} ended (again) are {result.answer}: {result.reason}")
    return f"{sum(map(len, asked.values()))} records made twice and some ended twice, "


def _prepared(subject: Subject) -> tuple[Vendor, Writer, Kind, list[RecordWrite]]:
    writable = subject.connector.capabilities.writes
    if not writable:
        raise NotApplicableError("it writes nothing back")
    vendor = subject.hold(districts.whole())
    if vendor.district is None:
        raise NotApplicableError("a live vendor is only read")
    read = subject.read(subject.source(vendor))
    writer = subject.writer(vendor)
    for kind, fields in writable.items():
        names = sorted(set(fields) & _WRITTEN.keys())
        keys = [key for key in read.records if key[0] is kind and writer.accepts(kind, key[1])]
        if names and keys:
            return vendor, writer, kind, _writes(read, keys[:WRITES], names)
    raise BrokenError("it takes back none of the records that it has read")


#: What is written into a field, by its name; `{}` is a number.
_WRITTEN = {
    "email": f"written.{{}}@{districts.NAME}.example",
    "username": "written.{}",
    "givenName": "Na{}",
    "familyName": "Vo{}",
    "phone": "555-010{}",
    "title": "Written {}",
}


def _writes(read: Read, keys: Sequence[Key], names: Sequence[str]) -> list[RecordWrite]:
    return [
        RecordWrite(
            key[1],
            f"conformance-{place}",
            {name: _WRITTEN[name].format(place) for name in names if name in read.records[key]},
        )
        for place, key in enumerate(keys)
    ]


def _stranger(writer: Writer, kind: Kind, like: RecordWrite) -> RecordWrite:
    """Return the write of a record that is not there, with an id of the same form."""
    key = re.sub(r"\d", "9", like.external_id)
    if key == like.external_id or not writer.accepts(kind, key):
        key = f"{like.external_id}99"
    values = {name: f"{value}" for name, value in like.values.items()}
    for name, form in _WRITTEN.items():
        if name in values:
            values[name] = form.format(99)
    return RecordWrite(key, "conformance-stranger", values)


def _write(writer: Writer, kind: Kind, writes: Sequence[RecordWrite]) -> list[WriteResult]:
    results: list[WriteResult] = []
    size = max(1, writer.batch_size)
    for start in range(0, len(writes), size):
        batch = writes[start : start + size]
        try:
            found = writer.write(kind, batch)
        except ConnectorError as error:
            raise BrokenError(f"a batch of {len(batch)} was not taken: {error}") from error
        if len(found) != len(batch):
            raise BrokenError(f"{len(batch)} writes have {len(found)} results")
        results += found
    return results


def _see_written(
    subject: Subject, vendor: Vendor, kind: Kind, writes: Sequence[RecordWrite], before: Read
) -> None:
    after = subject.read(subject.source(vendor))
    if after.records.keys() != before.records.keys():
        raise BrokenError("writing fields has made or removed records")
    required = {field.name for field in FIELDS[kind] if field.required}
    for write in writes:
        for name, value in write.values.items():
            found = after.records[kind, write.external_id].get(name)
            if found != value and not (value is None and name in required):
                raise BrokenError(f"{name} of {write.external_id} is confirmed, and read otherwise")
