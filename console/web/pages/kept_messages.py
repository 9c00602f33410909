"""Messages that are kept for a person: refused run-nows, to be mended and replayed, and others."""

from __future__ import annotations

from typing import Any

from console.service import kept_messages
from console.service.kept_messages import MessageKey, Replay
from console.web.page import Data, Redirect, Refused, page
from console.web.visit import Visit
from console.web.wishes import told_at
from shared.domain.roles import Permission
from shared.errors import BrokerUnavailableError, ConfigurationError

_REJECTED = "/operators/rejected"
_DEAD = "/operators/dead-letters"


@page("GET", _REJECTED, needs=Permission.ADMINISTER, template="rejected.html")
def rejected(visit: Visit) -> Data:
    """Show the run-nows that were refused; they stay where they are."""
    return _rejected(visit)


@page(
    "POST", _REJECTED + "/{message}/replay", needs=Permission.ADMINISTER, template="rejected.html"
)
def replay(visit: Visit, message: MessageKey) -> Redirect | Refused:
    """Publish one again, as it is or mended."""
    # a browser sends the ends of lines as CR LF, whatever they were
    body = str(visit.form.get("body", "")).replace("\r\n", "\n") or None
    try:
        visit.desk.call(kept_messages.replay_rejected, message=message, wish=Replay(body=body))
    except ConfigurationError as error:
        told = told_at(error, "body")
        return Refused(_rejected(visit, errors={message: told}, given={message: body}))
    return Redirect(_REJECTED, "The run-now was published again. Its job appears in a moment.")


@page("POST", _REJECTED + "/{message}/drop", needs=Permission.ADMINISTER)
def drop(visit: Visit, message: MessageKey) -> Redirect:
    """Take one away."""
    visit.desk.call(kept_messages.drop_rejected, message=message)
    return Redirect(_REJECTED, "The message was dropped.")


@page("GET", _DEAD, needs=Permission.ADMINISTER, template="dead_letters.html")
def dead_letters(visit: Visit) -> Data:
    """Show the messages that no worker could read."""
    try:
        return {**visit.desk.call(kept_messages.list_dead_letters), "problem": None}
    except BrokerUnavailableError as error:
        return {"messages": [], "is_embedded": False, "is_cut": False, "problem": str(error)}


@page("POST", _DEAD + "/{message}/drop", needs=Permission.ADMINISTER)
def drop_dead(visit: Visit, message: MessageKey) -> Redirect:
    """Take one away."""
    visit.desk.call(kept_messages.drop_dead_letter, message=message)
    return Redirect(_DEAD, "The message was dropped.")


def _rejected(visit: Visit, **more: Any) -> Data:
    told: Data = {"errors": {}, "given": {}, "problem": None, **more}
    try:
        return {**visit.desk.call(kept_messages.list_rejected), **told}
    except BrokerUnavailableError as error:
        return {"messages": [], "is_embedded": False, "is_cut": False, **told,
                "problem": str(error)}  # fmt: skip
