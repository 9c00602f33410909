"""Write-back of students' e-mail addresses and usernames by `POST /ws/v1/student`.

Where the district keeps one of them in a database extension, it is written there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.sdk import RecordWrite, WriteOutcome, WriteResult
from connectors.vendors.powerschool import mapping
from connectors.vendors.powerschool.client import Client
from connectors.vendors.powerschool.mapping import STUDENT
from connectors.vendors.powerschool.scope import STUDENT_EXPANSIONS
from connectors.vendors.powerschool.shape import Shape, extension_data
from connectors.vendors.powerschool.wire import NAME, Item, as_list
from shared.errors import TransientConnectorError

#: Fields that can be written.
WRITABLE = frozenset({"email", "username"})


def write_students(
    client: Client, shape: Shape, writes: Sequence[RecordWrite]
) -> list[WriteResult]:
    """Write one batch, and look at each record's result; returns one a write, in their order.

    Raises:
        TransientConnectorError: some of the batch was not answered; nothing is known of it.
    """
    sent = {str(place): write for place, write in enumerate(writes) if _problem(write) is None}
    answers: dict[str | None, Item] = {}
    if sent:
        told = client.write_students([_student(uid, write, shape) for uid, write in sent.items()])
        answers = {mapping.text(answer, "client_uid"): answer for answer in told}
    if not answers.keys() >= sent.keys():
        raise TransientConnectorError(NAME, "some students of a batch were not answered")
    return [
        _result(client, shape, write, answers[str(place)])
        if str(place) in sent
        else _rejected(write, _problem(write))
        for place, write in enumerate(writes)
    ]


def _problem(write: RecordWrite) -> str | None:
    if not write.external_id.startswith(STUDENT):
        return "PowerSchool's API writes students alone"
    if foreign := sorted(set(write.values) - WRITABLE):
        return f"{', '.join(foreign)}: it is not written back"
    return None


def _student(uid: str, write: RecordWrite, shape: Shape) -> Item:
    """Return one student of the request; null text is "" there."""
    student: Item = {
        "client_uid": uid,
        "action": "UPDATE",
        "id": write.external_id.removeprefix(STUDENT),
    }
    own = {name: value for name, value in write.values.items() if name not in shape.extensions}
    if "email" in own:
        student["contact_info"] = {"email": own["email"] or ""}
    if "username" in own:
        student["student_username"] = own["username"] or ""
    kept = {shape.extensions[name]: write.values[name] for name in write.values.keys() - own.keys()}
    if kept:
        student["_extension_data"] = extension_data(kept)
    return student


def _result(client: Client, shape: Shape, write: RecordWrite, answer: Item) -> WriteResult:
    status = (mapping.text(answer, "status") or "").upper()
    if status not in {"SUCCESS", "WARNING"}:
        return _rejected(write, _told(answer, "error"))
    key = write.external_id.removeprefix(STUDENT)
    path = f"/ws/v1/student/{key}"
    item = client.one(path, "student", STUDENT_EXPANSIONS, shape.tables)
    if item is None:
        return _rejected(write, "the student is gone by now")
    # what it holds now, as a read would give it: a server may normalise what it was given
    try:
        holds = shape.student(item)
    except mapping.BadItemError as error:
        raise TransientConnectorError(NAME, f"a student was written, and then: {error}") from error
    return WriteResult(
        write.external_id,
        WriteOutcome.CONFIRMED,
        {name: holds[name] for name in write.values},
        _told(answer, "warning") if status == "WARNING" else None,
    )


def _rejected(write: RecordWrite, reason: str | None) -> WriteResult:
    return WriteResult(write.external_id, WriteOutcome.REJECTED, {}, reason)


def _told(answer: Item, kind: str) -> str:
    """Return what the server says of one record: one error or warning, or several."""
    message: Any = answer.get(f"{kind}_message")
    listed = as_list(message.get(kind)) if isinstance(message, dict) else []
    told = [
        f"{mapping.text(one, 'field')}: {mapping.text(one, f'{kind}_description')}"
        for one in listed
        if isinstance(one, dict)
    ]
    return "; ".join(told) or "no reason was given"
