"""Every error that Bellringer raises on purpose, grouped by what the caller does about it.

```
BellringerError
├─ ConfigurationError          stop at start-up, or refuse the request: names the field and the fix
│  └─ NotFoundError            what the field names is not there, or not for the caller to see
├─ ForbiddenError              the caller may not do this: refuse, and write it down
│  └─ PasswordOutdatedError    a new password comes before anything else
├─ UnauthenticatedError        nobody knows who the caller is: ask for a sign-in or a token
├─ ThrottledError              too many attempts: the caller may try again in a while
├─ ContractError               a message or record does not parse: dead letter, never retry
├─ ConflictError               a compare-and-set was lost: drop quietly, acknowledge, count
├─ ConnectorError              the vendor's side
│  ├─ TransientConnectorError  timeouts, 429, 5xx: the job is tried again
│  ├─ PermanentConnectorError  401, 403, 404, a wrong file: the job fails and tells a person
│  └─ RecordError              one bad record: quarantined, the job goes on
├─ HubError                    the database refused a roster write
└─ BrokerUnavailableError      no message could be sent: it stays in the outbox
```
"""

from __future__ import annotations


class BellringerError(Exception):
    """The root of every error raised on purpose."""


class ConfigurationError(BellringerError):
    """A setting or an argument is wrong.

    Attributes:
        field: the setting's or argument's name, as the user wrote it.
        problem: what is wrong with it.
        fix: what to do, an imperative sentence.
    """

    def __init__(self, field: str, problem: str, fix: str) -> None:
        super().__init__(f"{field}: {problem}. {fix}")
        self.field = field
        self.problem = problem
        self.fix = fix


class NotFoundError(ConfigurationError):
    """What a field names is not there, or is not for the caller to see: both are told alike."""


class ForbiddenError(BellringerError):
    """The caller is known and may see the thing, but may not do this with it."""


class PasswordOutdatedError(ForbiddenError):
    """The caller must set a new password before they do anything else."""


class UnauthenticatedError(BellringerError):
    """The caller has no session and no token, or one that has ended."""


class ThrottledError(BellringerError):
    """Too many attempts have failed, or are made at once.

    Attributes:
        retry_after_s: seconds until the next one may be made.
    """

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"too many attempts: try again in {max(1, round(retry_after_s))} s")
        self.retry_after_s = retry_after_s


class ContractError(BellringerError):
    """A message does not parse; trying again cannot help."""


class ConflictError(BellringerError):
    """A compare-and-set was lost: somebody else owns the job by now."""


class ConnectorError(BellringerError):
    """A vendor's side failed.

    Attributes:
        vendor: the connector's name.
        user_message: one sentence for a person, without secrets or personal data.
    """

    def __init__(self, vendor: str, user_message: str) -> None:
        super().__init__(f"{vendor}: {user_message}")
        self.vendor = vendor
        self.user_message = user_message


class TransientConnectorError(ConnectorError):
    """Trying again may help.

    Attributes:
        retry_after_s: seconds that the vendor asked to wait, None if it did not say.
    """

    def __init__(self, vendor: str, user_message: str, retry_after_s: float | None = None) -> None:
        super().__init__(vendor, user_message)
        self.retry_after_s = retry_after_s


class PermanentConnectorError(ConnectorError):
    """Trying again cannot help: a person must act."""


class RecordError(ConnectorError):
    """One record is bad; it goes to quarantine and the job goes on.

    Attributes:
        external_id: the record's id at the vendor.
        field: the field that is wrong.
    """

    def __init__(self, vendor: str, user_message: str, *, external_id: str, field: str) -> None:
        super().__init__(vendor, user_message)
        self.external_id = external_id
        self.field = field


class HubError(BellringerError):
    """The database refused a roster write; the message names the constraint."""


class BrokerUnavailableError(BellringerError):
    """The broker cannot be reached, or confirms nothing; the outbox keeps what was to be sent."""
