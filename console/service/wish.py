"""Bodies of requests."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

#: Words of a person, kept with what they explain.
Reason = Annotated[str, Field(max_length=500)]


class Wish(BaseModel):
    """What is asked for, beside what the path names; a name that is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Fields whose values the audit log tells: no secret, nothing of a roster, no person's words.
    audited: ClassVar[frozenset[str]] = frozenset()


class Because(Wish):
    """A reason, told wherever a job is skipped for it."""

    reason: Reason | None = None
