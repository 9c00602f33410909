"""The settings of the Active Directory app: the server, the account, who is read, and as what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from connectors.sdk import MULTILINE, AbsolutePath
from connectors.transport.setting_errors import setting_error
from shared.domain.records import FIELDS, Kind

#: A list's parts stand in lines of their own, or have a semicolon between; `\;` is part of a name.
_BETWEEN = re.compile(r"(?<!\\)[;\n]")
#: In a filter, an attribute stands between a bracket and what it is compared by.
_IN_FILTER = re.compile(r"\(\s*([A-Za-z][A-Za-z0-9-]*)\s*[=<>~:]")
_ATTRIBUTE = re.compile(r"^[A-Za-z][A-Za-z0-9-]*$")
_ROLES = next(field.vocabulary for field in FIELDS[Kind.ROLES] if field.name == "role")
#: Attributes that a domain controller computes. Source: MS-ADTS 3.1.1.4.5.
_COMPUTED = frozenset(
    [
        "allowedattributes",
        "canonicalname",
        "createtimestamp",
        "modifytimestamp",
        "msds-memberoftransitive",
        "msds-resultantpso",
        "msds-user-account-control-computed",
        "msds-userpasswordexpirytimecomputed",
        "primarygrouptoken",
        "structuralobjectclass",
        "tokengroups",
    ]
)
#: What an attribute can be mapped to: what refers to other records cannot.
MAPPABLE = tuple(f.name for f in FIELDS[Kind.USERS] if f.ref is None and f.name != "enabledUser")
_REQUIRED = ("username", "givenName", "familyName")
_PAGE = "See docs/connectors/active_directory.md."


@dataclass(frozen=True, slots=True)
class RoleRule:
    """Who is below a unit or in a group has a role at a school.

    Attributes:
        role: of OneRoster's vocabulary.
        school: its number.
        dn: of the organizational unit or the group.
    """

    role: str
    school: str
    dn: str


class ActiveDirectoryConfig(BaseModel):
    """A domain controller, and what of its domain is read."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    host: Annotated[str, Field(min_length=1)]
    """One domain controller's name, as its certificate has it; not the domain's, which is any."""
    port: Annotated[int | None, Field(ge=1, le=65535)] = None
    """Unset: 636 for ldaps, 389 for starttls."""
    security: Literal["ldaps", "starttls"] = "ldaps"
    """ldaps: TLS from the start. starttls: asked for first. There is no plain one."""
    ca_file: AbsolutePath | None = None
    """The district's certificate authority, a PEM file on the workers' machines."""
    ca_certificates: Annotated[str | None, Field(min_length=1), MULTILINE] = None
    """The same as text; with neither, the public authorities are trusted."""
    user: Annotated[str, Field(min_length=1)]
    r"""As `reader@school.example`, `SCHOOL\reader` or a distinguished name."""
    password: SecretStr
    """That user's password."""
    base_dn: Annotated[str | None, Field(min_length=1)] = None
    """The domain's distinguished name; unset: the server's own."""

    ous: str = ""
    """Only who is below one of these organizational units; empty: all. In lines, or with `;`."""
    exclude_ous: str = ""
    """Nobody below these."""
    groups: str = ""
    """Only who is in one of these groups, by whatever groups between; empty: all."""
    user_filter: str = ""
    """Only whom this LDAP filter takes."""
    disabled: Literal["keep", "leave_out"] = "keep"
    """What becomes of disabled accounts: users who are not enabled, or nobody."""

    attributes: str = (
        "username=sAMAccountName,givenName=givenName,familyName=sn,identifier=employeeID,email=mail"
    )
    """`FIELD=ATTRIBUTE` with commas: what of an entry is which field of the user."""
    schools: str = ""
    """`NUMBER NAME` in lines, or with `;`: the schools that roles are at."""
    roles: str = ""
    """`ROLE NUMBER DN` in lines, or with `;`: who is below the unit, or in the group, has the role
    at the school; the first that fits is the primary one."""

    incremental: Literal["auto", "dirsync", "usn"] = "auto"
    """How changes are found: dirsync where the account may, else usn; or one of them."""
    page_size: Annotated[int, Field(ge=1, le=1000)] = 500
    """Entries of a page; the server's MaxPageSize, mostly 1000, holds as well."""
    range_size: Annotated[int, Field(ge=1, le=5000)] = 1500
    """Values of one attribute in an answer; the server's MaxValRange, mostly 1500, holds too."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 60
    """Seconds to wait for an answer."""

    @field_validator("password")
    @classmethod
    def _not_empty(cls, secret: SecretStr) -> SecretStr:
        # with an empty one a server lets everybody in, as nobody
        if not secret.get_secret_value():
            raise _wrong("it is empty", "Give the account's password.")
        return secret

    @field_validator("user_filter")
    @classmethod
    def _in_brackets(cls, text: str) -> str:
        if text and not (text.startswith("(") and text.endswith(")")):
            raise _wrong("it is no LDAP filter", "Give one such as (department=Teaching).")
        _see_told(_IN_FILTER.findall(text))
        return text

    @field_validator("attributes")
    @classmethod
    def _fields_and_attributes(cls, text: str) -> str:
        given = _pairs(text)
        missing = [name for name in _REQUIRED if name not in given]
        if missing:
            raise _wrong(f"{missing[0]} is missing, which every user needs", _PAGE)
        return text

    @field_validator("schools")
    @classmethod
    def _numbers_and_names(cls, text: str) -> str:
        _schools(text)
        return text

    @field_validator("roles")
    @classmethod
    def _role_rules(cls, text: str) -> str:
        _rules(text)
        return text

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.ca_file is not None and self.ca_certificates is not None:
            problem = "ca_file and ca_certificates are both set"
            raise setting_error("ca_certificates", problem, "Give one of them.")
        unknown = {rule.school for rule in self.role_rules} - set(self.school_names)
        if unknown:
            raise setting_error(
                "schools",
                f"roles names school {min(unknown)}, and schools does not",
                f"Add `{min(unknown)} NAME` to schools.",
            )
        return self

    @property
    def fields(self) -> dict[str, str]:
        """By field of a user, the attribute; in the order of the standard."""
        given = _pairs(self.attributes)
        return {name: given[name] for name in MAPPABLE if name in given}

    @property
    def role_rules(self) -> tuple[RoleRule, ...]:
        """The rules of roles, in their order."""
        return _rules(self.roles)

    @property
    def school_names(self) -> dict[str, str]:
        """By number, the name of a school."""
        return _schools(self.schools)

    @property
    def units(self) -> tuple[str, ...]:
        """The organizational units of `ous`."""
        return _parts(self.ous)

    @property
    def excluded_units(self) -> tuple[str, ...]:
        """The organizational units of `exclude_ous`."""
        return _parts(self.exclude_ous)

    @property
    def needed_groups(self) -> tuple[str, ...]:
        """The groups of `groups`."""
        return _parts(self.groups)

    @property
    def filter_attributes(self) -> tuple[str, ...]:
        """The attributes by which `user_filter` chooses."""
        return tuple(dict.fromkeys(_IN_FILTER.findall(self.user_filter)))

    @property
    def filter_text(self) -> str:
        """Who is asked for, as text that changes when it does."""
        told = {
            "base_dn": self.base_dn,
            "ous": "; ".join(self.units),
            "exclude_ous": "; ".join(self.excluded_units),
            "groups": "; ".join(self.needed_groups),
            "user_filter": self.user_filter,
            "disabled": self.disabled if self.disabled != "keep" else "",
        }
        return " ".join(f"{name}={value}" for name, value in told.items() if value)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in _BETWEEN.split(text) if part.strip())


def _pairs(text: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for part in text.split(","):
        name, _, attribute = (word.strip() for word in part.partition("="))
        if name not in MAPPABLE:
            raise _wrong(f"{name!r} is no field of a user", f"Known: {', '.join(MAPPABLE)}.")
        if name in given:
            raise _wrong(f"{name} is given twice", "Give each field once.")
        if not _ATTRIBUTE.match(attribute):
            raise _wrong(f"{name} needs the name of an attribute", f"Give {name}=ATTRIBUTE.")
        _see_told([attribute])
        given[name] = attribute
    return given


def _see_told(attributes: Sequence[str]) -> None:
    """See that a change of these is told: what is computed on reading changes without a trace."""
    for attribute in attributes:
        if attribute.lower() == "memberof":
            problem = f"{attribute} changes at the group, and no change of the user tells of it"
            raise _wrong(problem, "Set groups instead.")
        if attribute.lower() in _COMPUTED:
            problem = f"{attribute} is computed when it is read, and its changes are not told"
            raise _wrong(problem, "Choose an attribute that is stored.")


def _schools(text: str) -> dict[str, str]:
    made: dict[str, str] = {}
    for line in _parts(text):
        number, _, name = line.partition(" ")
        if not name.strip():
            raise _wrong(f"{line!r} has no name", "Give NUMBER NAME, such as `0042 North`.")
        if number in made:
            raise _wrong(f"{number} is given twice", "Give each school once.")
        made[number] = name.strip()
    return made


def _rules(text: str) -> tuple[RoleRule, ...]:
    made = []
    for line in _parts(text):
        words = line.split(maxsplit=2)
        if len(words) < 3:
            raise _wrong(f"{line!r} is not ROLE NUMBER DN", _PAGE)
        rule = RoleRule(*words)
        if rule.role not in _ROLES:
            raise _wrong(f"{rule.role!r} is no role", f"Known: {', '.join(sorted(_ROLES))}.")
        made.append(rule)
    return tuple(made)


def _wrong(problem: str, fix: str) -> PydanticCustomError:
    return PydanticCustomError("active_directory", "{problem}", {"problem": problem, "fix": fix})
