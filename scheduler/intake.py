"""The intake takes operators' run-now messages (T1'), answers them, and keeps what it refuses."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy.exc import DataError

from shared.broker.consumer import Ack, Delivery, Reject, Verdict
from shared.broker.relay import Relay
from shared.db.asking import Ask, ask
from shared.db.gate import Gate
from shared.domain.states import Mode
from shared.errors import ConfigurationError, ContractError
from shared.messages import RUN_NOW_FIXES, RunNow, RunNowReply

log = logging.getLogger(__name__)

#: Told in the reply when a message carries no id.
NO_MESSAGE_ID = "no message_id: if this message comes twice, only coalescing guards against it"
#: The longest message and the longest message id that are read.
MAX_BODY = 64 * 1024
MAX_MESSAGE_ID = 255
#: How many problems of a message are told, and how much of a field's name.
MAX_PROBLEMS = 5
MAX_FIELD = 64


class Intake:
    """Turns run-now messages into jobs.

    Args:
        gate: of the database.
        relay: publishes what a request has released.
        reply: sends a reply to a delivery that asked for one.
        require_user_id: refuse messages whose sender the broker has not verified.
    """

    def __init__(
        self,
        gate: Gate,
        relay: Relay,
        reply: Callable[[Delivery, bytes], None],
        *,
        require_user_id: bool = False,
    ) -> None:
        self._gate = gate
        self._relay = relay
        self._reply = reply
        self._require_user_id = require_user_id

    def handle(self, deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
        """Take each message in; acknowledged only after its commit."""
        return [self._take(delivery) for delivery in deliveries]

    def _take(self, delivery: Delivery) -> Verdict:
        try:
            answer = self._ask(delivery)
        except (ContractError, ConfigurationError, DataError) as error:
            reason = "it holds a value that cannot be stored" if _is_sql(error) else str(error)
            log.warning("refused a run-now: %s", reason)
            self._answer(delivery, RunNowReply(accepted=False, reason=reason))
            return Reject(reason)
        self._answer(delivery, answer)
        return Ack()

    def _ask(self, delivery: Delivery) -> RunNowReply:
        command = parse(delivery)
        if self._require_user_id and not delivery.user_id:
            raise ContractError("user_id: the message has none. Publish with your user's name")
        asked = ask(
            self._gate,
            Ask(
                app=command.app,
                mode=Mode(command.mode),
                cascade=command.cascade,
                actor="intake",
                asked_by=delivery.user_id,
                user_id=delivery.user_id or "",
                message_id=delivery.message_id or None,
            ),
        )
        self._relay.publish_now(asked.publications)
        log.info("run-now of %s: job %d", command.app, asked.job_id)
        return RunNowReply(
            accepted=True,
            job=asked.job_id,
            coalesced=asked.coalesced,
            duplicate=asked.duplicate,
            reason=None if delivery.message_id else NO_MESSAGE_ID,
        )

    def _answer(self, delivery: Delivery, answer: RunNowReply) -> None:
        if delivery.reply_to:
            self._reply(delivery, answer.model_dump_json().encode())


def parse(delivery: Delivery) -> RunNow:
    """Read a run-now message.

    Raises:
        ContractError: it does not parse; names each field that is wrong and how.
    """
    if len(delivery.body) > MAX_BODY:
        raise ContractError(f"body: it is longer than {MAX_BODY} bytes")
    if delivery.message_id and len(delivery.message_id) > MAX_MESSAGE_ID:
        raise ContractError(f"message_id: it is longer than {MAX_MESSAGE_ID} characters")
    try:
        return RunNow.model_validate_json(delivery.body)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        told = "; ".join(_explain(problem) for problem in problems[:MAX_PROBLEMS])
        raise ContractError(told) from error


def _explain(problem: ErrorDetails) -> str:
    """Say what is wrong with one field, and what to send instead."""
    field = str(problem["loc"][0])[:MAX_FIELD] if problem["loc"] else "body"
    fix = RUN_NOW_FIXES.get(field)
    match problem["type"]:
        case "extra_forbidden":
            return f"{field}: there is no such field. Send some of {', '.join(RUN_NOW_FIXES)}"
        case "missing":
            return f"{field}: it is missing. {fix}"
        case _ if fix is not None:
            return f"{field}: it cannot be read. {fix}"
        case _:
            return f'{field}: it is no JSON object. Send such as {{"app": "TENANT/NAME"}}'


def _is_sql(error: Exception) -> bool:
    return isinstance(error, DataError)
