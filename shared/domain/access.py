"""The words of access: how somebody asks, what came of it, and what a one-time link is for."""

from __future__ import annotations

from enum import StrEnum


class Via(StrEnum):
    """The way in which somebody asks."""

    #: A page of the console, by a session.
    CONSOLE = "console"
    #: The REST API, by a token.
    API = "api"
    #: The command, on a machine that opens the database itself.
    CLI = "cli"


class AuditOutcome(StrEnum):
    """What came of something that the audit log tells."""

    #: It was done.
    ALLOWED = "allowed"
    #: Whoever asked may not, or is not who they say.
    DENIED = "denied"
    #: They may, and it could not be done.
    FAILED = "failed"


class LinkPurpose(StrEnum):
    """What a one-time link does for whoever opens it."""

    #: Makes the first administrator of an instance that has none.
    FIRST_ADMINISTRATOR = "first_administrator"
    #: Sets the password of one account.
    SET_PASSWORD = "set_password"  # noqa: S105 - a word, no password
