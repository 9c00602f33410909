"""Operations on messages that are kept for a person: refused run-nows, and dead letters."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from console.service.means import Means
from console.service.operation import operation
from console.service.wish import Wish
from scheduler.intake import parse
from shared.broker.consumer import Delivery
from shared.broker.keeping import KeptMessage, KeptQueue
from shared.db.asking import find_app
from shared.db.views import Shown
from shared.domain.roles import Permission
from shared.errors import ConfigurationError, ContractError, NotFoundError
from shared.messages import DEAD_LETTERS_QUEUE, REJECTED_QUEUE

#: What tells a message from others.
MessageKey = Annotated[str, Field(max_length=64)]
#: How much of a body is shown, in characters.
MAX_SHOWN = 20_000


class Replay(Wish):
    """A body to publish in the place of the one that was refused; none: the same once more."""

    body: str | None = None


@operation("GET", "/operators/rejected", needs=Permission.ADMINISTER)
def list_rejected(means: Means) -> Shown:
    """List the run-nows that were refused, the oldest first; they stay where they are."""
    return _listed(means, REJECTED_QUEUE)


@operation("POST", "/operators/rejected/{message}/replay", needs=Permission.ADMINISTER)
def replay_rejected(means: Means, message: MessageKey, wish: Replay) -> Shown:
    """Publish a refused run-now again, as it is or mended; it is kept until the broker has it."""
    queue = _queue(means, REJECTED_QUEUE)
    body = _body(queue, message) if wish.body is None else wish.body.encode()
    _check(means, body)
    replayed = queue.replay(message, body, by=means.caller.name or "the owner of the database")
    return {"message": message, "message_id": replayed.message_id, "replayed": True}


@operation("DELETE", "/operators/rejected/{message}", needs=Permission.ADMINISTER)
def drop_rejected(means: Means, message: MessageKey) -> Shown:
    """Take a refused run-now away for good."""
    dropped = _queue(means, REJECTED_QUEUE).drop(message)
    return {"message": message, "message_id": dropped.message_id, "dropped": True}


@operation("GET", "/operators/dead-letters", needs=Permission.ADMINISTER)
def list_dead_letters(means: Means) -> Shown:
    """List the messages that no worker could read; their jobs get others from the sweep."""
    return _listed(means, DEAD_LETTERS_QUEUE)


@operation("DELETE", "/operators/dead-letters/{message}", needs=Permission.ADMINISTER)
def drop_dead_letter(means: Means, message: MessageKey) -> Shown:
    """Take a dead letter away for good."""
    dropped = _queue(means, DEAD_LETTERS_QUEUE).drop(message)
    return {"message": message, "message_id": dropped.message_id, "dropped": True}


def _listed(means: Means, name: str) -> Shown:
    if means.settings.broker_url is None:
        return {"queue": name, "is_embedded": True, "messages": [], "is_cut": False}
    kept = _queue(means, name).look()
    return {
        "queue": name,
        "is_embedded": False,
        "messages": [_shown(message) for message in kept.messages],
        "is_cut": kept.is_cut,
    }


def _shown(message: KeptMessage) -> Shown:
    text = message.body.decode("utf-8", "replace")
    return {
        "key": message.key,
        "message_id": message.message_id,
        "reason": message.reason,
        "user": message.headers.get("x-bellringer-user-id"),
        "body": text[:MAX_SHOWN],
        "is_body_cut": len(text) > MAX_SHOWN,
        "size": len(message.body),
        "headers": message.headers,
    }


def _queue(means: Means, name: str) -> KeptQueue:
    if means.settings.broker_url is None:
        raise ConfigurationError(
            "BELLRINGER_BROKER_URL", "it is not set: there is no such queue", "Set it."
        )
    return KeptQueue(means.settings.broker_url, name)


def _body(queue: KeptQueue, key: str) -> bytes:
    for message in queue.look().messages:
        if message.key == key:
            return message.body
    raise NotFoundError("message", "it does not lie there any more", "Look at the list again.")


def _check(means: Means, body: bytes) -> None:
    """See that a run-now would not be refused again for the same fault.

    Raises:
        ConfigurationError: it cannot be read, or names an app that is not there.
    """
    try:
        command = parse(Delivery(body=body))
    except ContractError as error:
        raise ConfigurationError("body", str(error), "Correct it.") from error
    try:
        with means.database.read() as connection:
            find_app(connection, command.app)
    except NotFoundError as error:
        raise ConfigurationError("body", f"app: {error.problem}", error.fix) from error
