"""The rules that a person sets: limits, matching, ownership, mapping, filters, privacy.

Stored as JSON with the app or the tenant; whatever is not set has its default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)
from sqlalchemy import Connection, select

from shared.db.tables import apps, tenants
from shared.domain.limits import Limit
from shared.domain.records import FIELDS, Kind
from shared.errors import ConfigurationError


class FieldRule(StrEnum):
    """What an app's value of a field is worth."""

    #: The app is right whenever it and the hub differ, whatever the tenant's order says.
    OWNER = "owner"
    #: Its value is taken where the hub has none.
    FILL = "fill"
    #: Its value is never taken.
    IGNORE = "ignore"


class MatchRule(StrEnum):
    """How a user whom an app shows for the first time is known; see `shared.roster.identity`."""

    SIS_ID = "sis_id"
    STATE_ID = "state_id"
    EMAIL = "email"


_MASKS = re.compile(r"plain|hide|hash|initial|constant:.*", re.DOTALL)


def _mask(value: str) -> str:
    if not _MASKS.fullmatch(value):
        raise ValueError("give plain, hide, hash, initial, or constant:TEXT")
    return value


def _field(name: str) -> str:
    kind, _, field = name.partition(".")
    if kind not in set(Kind):
        raise ValueError(f"there is no kind {kind!r}; give one of {', '.join(Kind)}")
    if field and field not in {one.name for one in FIELDS[Kind(kind)]}:
        raise ValueError(f"{kind} has no field {field!r}")
    return name


def _one_field(name: str) -> str:
    if "." not in name:
        raise ValueError(f"{name!r} is no KIND.FIELD, such as users.username")
    return _field(name)


def _sent(name: str) -> str:
    kind, _, field = name.partition(".")
    return name if kind in set(Kind) and field == "sourcedId" else _field(name)


#: `KIND.FIELD`, such as `users.email`; a `KIND` alone stands for its records as a whole.
FieldName = Annotated[str, AfterValidator(_field)]
#: `KIND.FIELD`, and never a kind alone.
ValueName = Annotated[str, AfterValidator(_one_field)]
#: `KIND.FIELD`, `KIND.sourcedId`, or a `KIND` for all of its fields that are not named.
SentName = Annotated[str, AfterValidator(_sent)]
#: plain, hide, hash, initial, or constant:TEXT.
Mask = Annotated[str, AfterValidator(_mask)]


class _Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LimitRule(_Rules):
    """A limit of removals, see `shared.domain.limits.Limit`."""

    percent: float = Field(10.0, ge=0, le=100)
    at_least: int = Field(5, ge=1)

    @property
    def limit(self) -> Limit:
        """The limit."""
        return Limit(self.percent, self.at_least)


class Filters(_Rules):
    """What of an app's records is in scope; empty: everything.

    Attributes:
        schools: external ids or identifiers of the app's orgs; of an export, sourcedIds,
            identifiers or names of the hub's.
        grades: of students.
        roles: OneRoster's; a user needs one of them.
    """

    schools: frozenset[str] = frozenset()
    grades: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Whether everything is in scope."""
        return not (self.schools or self.grades or self.roles)


class AppRules(_Rules):
    """The rules of one app.

    Attributes:
        limit: of removals, per school and kind.
        limits: by kind, instead of `limit`.
        approval_days: days until an approval that nobody decided lapses.
        grace_days: days in which a record that reappears gets its old sourcedId back.
        matching: how users are known, in this order.
        verified_email_domains: domains whose e-mail addresses the district itself gives out; only
            in these does an address name a person.
        fields: by field, what the app's value is worth; by kind, `owner`: the app's removal of a
            record removes it, whoever else has it.
        schools: the app's school → the hub's, where their names for it differ.
        attributes: by field, an expression over the app's record that gives its value.
        filters: what is in scope.
        sends: by field, the mask under which an export sends it. Once one is set, what is not
            listed does not leave; see `shared.roster.privacy`.
    """

    limit: LimitRule = LimitRule()
    limits: dict[Kind, LimitRule] = {}
    approval_days: int = Field(7, ge=1, le=365)
    grace_days: int = Field(365, ge=0)
    matching: tuple[MatchRule, ...] = (MatchRule.SIS_ID, MatchRule.STATE_ID)
    verified_email_domains: frozenset[str] = frozenset()
    fields: dict[FieldName, FieldRule] = {}
    schools: dict[str, str] = {}
    attributes: dict[ValueName, str] = {}
    filters: Filters = Filters()
    sends: dict[SentName, Mask] = {}

    @field_validator("fields")
    @classmethod
    def _check_fields(cls, value: dict[str, FieldRule]) -> dict[str, FieldRule]:
        for name, rule in value.items():
            kind, _, field = name.partition(".")
            if not field and rule is not FieldRule.OWNER:
                raise ValueError(f"{kind} as a whole can be owned, and nothing else")
            known = {one.name: one for one in FIELDS[Kind(kind)]}
            if rule is FieldRule.IGNORE and field and known[field].required and known[field].ref:
                raise ValueError(f"a record of {kind} means nothing without its {field}")
        return value

    def limit_of(self, kind: Kind) -> Limit:
        """Return the limit of removals of a kind."""
        return self.limits.get(kind, self.limit).limit

    def owns_kind(self, kind: Kind) -> bool:
        """Return whether the app alone says which records of a kind there are."""
        return self.fields.get(kind) is FieldRule.OWNER

    def ignored(self, kind: Kind) -> frozenset[str]:
        """Return the fields of a kind whose values are never taken."""
        return frozenset(
            field.name
            for field in FIELDS[kind]
            if self.fields.get(f"{kind}.{field.name}") is FieldRule.IGNORE
        )

    def owned(self, kind: Kind) -> frozenset[str]:
        """Return the fields of a kind of which a rule makes the app the owner."""
        return frozenset(
            field.name
            for field in FIELDS[kind]
            if self.fields.get(f"{kind}.{field.name}") is FieldRule.OWNER
        )


class QualityRule(_Rules):
    """A tenant's own rule; records that break it go to quarantine.

    Attributes:
        kind: of the records.
        field: that the reason names.
        expression: over the record's fields; it must be true.
        reason: one sentence for a person.
    """

    kind: Kind
    field: str
    expression: str
    reason: str


class TenantRules(_Rules):
    """The rules of one tenant, for whichever app a record comes from.

    Attributes:
        quality: its own rules.
        unique: fields of which no two active records share a value, upper and lower case alike.
    """

    quality: tuple[QualityRule, ...] = ()
    unique: frozenset[ValueName] = frozenset({"users.username"})


Model = TypeVar("Model", bound=_Rules)


def parse_app_rules(value: Mapping[str, Any] | None) -> AppRules:
    """Return an app's rules from their JSON.

    Raises:
        ConfigurationError: names the rule that is wrong.
    """
    return _parse(AppRules, value)


def parse_tenant_rules(value: Mapping[str, Any] | None) -> TenantRules:
    """Return a tenant's rules from their JSON.

    Raises:
        ConfigurationError: names the rule that is wrong.
    """
    return _parse(TenantRules, value)


def load_rules(connection: Connection, app_id: int) -> tuple[AppRules, TenantRules]:
    """Return the rules of an app and of its tenant."""
    row = connection.execute(
        select(apps.c.rules.label("app"), tenants.c.rules.label("tenant"))
        .join(tenants, tenants.c.id == apps.c.tenant_id)
        .where(apps.c.id == app_id)
    ).one()
    return parse_app_rules(row.app), parse_tenant_rules(row.tenant)


def _parse(model: type[Model], value: Mapping[str, Any] | None) -> Model:
    try:
        return model.model_validate(value or {})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "[key]")
        raise ConfigurationError(
            where or "rules", first["msg"], "See docs/rules.md for what each rule takes."
        ) from error
