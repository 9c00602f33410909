"""What travels through the broker, and nothing else: ids, states and times, never personal data."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from shared.domain.states import Tier

#: Exchange to which operators publish commands (direct).
COMMANDS_EXCHANGE = "bellringer.commands"
#: Exchange on which events appear (topic), keys `job.<tier>.<state>`.
EVENTS_EXCHANGE = "bellringer.events"
#: Routing key of a run-now command.
RUN_NOW_KEY = "run_now"
#: Queue of run-now commands.
RUN_NOW_QUEUE = "bellringer.run_now"
#: Queue that keeps refused run-now commands, with the reason in the header `x-bellringer-reason`.
REJECTED_QUEUE = "bellringer.run_now.rejected"
#: Queue that feeds the releaser.
COMPLETIONS_QUEUE = "bellringer.completions"
#: Queue that keeps the sync queues' dead letters for good, with their reason in the same header.
DEAD_LETTERS_QUEUE = "bellringer.dead_letters"
#: Header that says why a message was refused.
REASON_HEADER = "x-bellringer-reason"

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
AppName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}/[a-z0-9][a-z0-9_-]{0,62}$")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One message that the relay must publish, as it lies in the outbox.

    Attributes:
        id: the outbox row's id; None for a message that never lay there.
        exchange: "" is the default exchange.
        routing_key: a queue's name on the default exchange.
        body: the payload, encoded.
        message_id: AMQP `message_id`; a repeat carries the same.
        content_type: AMQP `content_type`.
        headers: AMQP headers, strings only.
        mandatory: whether an unroutable message is an error; events that nobody binds to are none.
        correlation_id: AMQP `correlation_id`, of a reply.
    """

    exchange: str
    routing_key: str
    body: bytes
    message_id: str
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    mandatory: bool = True
    correlation_id: str | None = None
    id: int | None = None


#: The queue of each tier; Dramatiq's, one message a queued job.
QUEUE_OF_TIER: Mapping[Tier, str] = MappingProxyType({tier: f"sync.{tier}" for tier in Tier})
#: The actor of each tier. A message names it by this text, so that the scheduler imports none.
ACTOR_OF_TIER: Mapping[Tier, str] = MappingProxyType({tier: f"sync_{tier}" for tier in Tier})


def job_message(job_id: int, tier: Tier, *, message_id: str, at: datetime) -> Publication:
    """Make the message that wakes a worker of the job's tier: Dramatiq's own JSON, ids only.

    Source: dramatiq 2.2 `Message.encode`; a test compares the bytes with it.
    """
    queue = QUEUE_OF_TIER[tier]
    message = {
        "queue_name": queue,
        "actor_name": ACTOR_OF_TIER[tier],
        "args": [job_id],
        "kwargs": {},
        "options": {},
        "message_id": message_id,
        "message_timestamp": int(at.timestamp() * 1000),
    }
    body = json.dumps(message, separators=(",", ":")).encode()
    return Publication(exchange="", routing_key=queue, body=body, message_id=message_id)


def check_job_message(body: bytes, queue: str, actors: Collection[str]) -> str | None:
    """Say what is wrong with a message on a sync queue; None: it is one of ours.

    Dramatiq trusts what it finds there: `"options": null` stops its consumer, and a foreign
    `queue_name` kills a worker thread for good. So it is looked at before.
    """
    try:
        message = json.loads(body)
    except ValueError:
        return "it is not JSON"
    if not isinstance(message, dict):
        return "it is not a JSON object"
    expected: dict[str, object] = {"queue_name": queue, "kwargs": {}, "options": {}}
    for name, value in expected.items():
        if message.get(name) != value:
            return f"{name}: it is not {json.dumps(value)}"
    if set(message) != {*expected, "actor_name", "args", "message_id", "message_timestamp"}:
        return "it has other fields than a job's message"
    if message["actor_name"] not in actors:
        return "actor_name: there is no such actor here"
    args = message["args"]
    if not (isinstance(args, list) and len(args) == 1 and type(args[0]) is int):
        return "args: it is not a list of one job id"
    if not 0 < args[0] < 2**63:
        return "args: it is no job id"
    if not isinstance(message["message_id"], str):
        return "message_id: it is not text"
    if type(message["message_timestamp"]) is not int:
        return "message_timestamp: it is not a number of milliseconds"
    return None


class RunNow(BaseModel):
    """An operator's command: run this app now. Plain JSON on `bellringer.commands`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    #: `TENANT/NAME`.
    app: AppName
    #: What to read; incremental only where the connector can.
    mode: Literal["full", "incremental"] = "full"
    #: Also run the tenant's downstream apps, after it.
    cascade: bool = False


#: What each field of a run-now must be, told to whoever sent another.
RUN_NOW_FIXES: Mapping[str, str] = MappingProxyType(
    {
        "app": "Give TENANT/NAME, each of a-z 0-9 - _",
        "mode": 'Give "full" or "incremental"',
        "cascade": "Give true or false",
    }
)


class RunNowReply(BaseModel):
    """The answer to a run-now, sent to `reply_to` when given."""

    accepted: bool
    #: The job that carries the request, None when refused.
    job: int | None = None
    #: Whether an earlier waiting job took the request in.
    coalesced: bool = False
    #: Whether the same message id was seen before.
    duplicate: bool = False
    #: Why it was refused, or what to know.
    reason: str | None = None


class JobEventData(BaseModel):
    """The `data` of a job's event."""

    job: int
    tenant_id: int
    tenant: str
    app: str
    tier: str
    state: str
    attempt: int
    wave: int


class CloudEvent(BaseModel):
    """An event in CloudEvents 1.0 JSON (structured mode).

    Source: CloudEvents 1.0.2, JSON event format §3.
    """

    model_config = ConfigDict(extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: Annotated[str, Field(min_length=1)]
    source: str
    type: str
    subject: str | None = None
    time: AwareDatetime
    datacontenttype: str = "application/json"
    data: JobEventData


def job_event(data: JobEventData, *, event_id: str, at: datetime) -> Publication:
    """Make the publication of a job's event; its key is `job.<tier>.<state>`."""
    event = CloudEvent(
        id=event_id,
        source=f"/tenants/{data.tenant}",
        type=f"bellringer.job.{data.state}",
        subject=f"jobs/{data.job}",
        time=at,
        data=data,
    )
    return Publication(
        exchange=EVENTS_EXCHANGE,
        routing_key=f"job.{data.tier}.{data.state}",
        body=event.model_dump_json().encode(),
        message_id=event_id,
        content_type="application/cloudevents+json",
        mandatory=False,
    )
