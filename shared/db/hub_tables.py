"""The hub's tables: for each kind its records, the links of the apps to them, and staging.

The three share the kind's fields as columns (OneRoster's names in snake case), so that differences
are found by SQL alone. None has a foreign key to tenants or jobs: a large apply must not stop a
tenant's clock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    event,
    func,
    text,
)

from shared.db.tables import Id, UtcDateTime, metadata
from shared.domain.records import FIELDS, Field, Kind


def snake(name: str) -> str:
    """Return OneRoster's name as a column's.

    >>> snake("primaryOrgSourcedId")
    'primary_org_sourced_id'
    """
    column = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()
    return "is_primary" if column == "primary" else column  # a word of SQL's own


def raw(field: Field) -> str:
    """Return the staging column that holds a reference as the vendor gave it."""
    return f"raw_{snake(field.name)}"


def _fields(kind: Kind) -> list[Column[str]]:
    return [Column(snake(field.name), Text) for field in FIELDS[kind]]


def _hub_table(kind: Kind) -> Table:
    name = f"hub_{snake(kind)}"
    return Table(
        name,
        metadata,
        Column("tenant_id", BigInteger, primary_key=True),
        Column("sourced_id", Text, primary_key=True),
        Column("status", Text, nullable=False, server_default=text("'active'")),
        Column("created_at", UtcDateTime, nullable=False),
        Column("date_last_modified", UtcDateTime, nullable=False),
        #: An add is logged here, an update or removal in the change log.
        Column("first_job", BigInteger, nullable=False),
        Column("last_job", BigInteger, nullable=False),
        Column("last_app", BigInteger, nullable=False),
        *_fields(kind),
        CheckConstraint("status IN ('active', 'tobedeleted')", name="status"),
    )


def _link_table(kind: Kind) -> Table:
    name = f"link_{snake(kind)}"
    return Table(
        name,
        metadata,
        Column("app_id", BigInteger, primary_key=True),
        Column("external_id", Text, primary_key=True),
        Column("sourced_id", Text, nullable=False),
        #: Of the source row that was last taken in.
        Column("fingerprint", Text, nullable=False),
        Column("first_job", BigInteger, nullable=False),
        Column("last_job", BigInteger, nullable=False),
        Column("ended_job", BigInteger),
        Column("ended_at", UtcDateTime),
        #: removed, out_of_scope, renamed, merged or undone; undone while it has not ended: its end
        #: by `ended_job` was undone, and the next end of it waits for a person.
        Column("ended_why", Text),
        #: The base: the values that the app is known to hold, references as hub ids.
        *_fields(kind),
        Index(f"ix_{name}_sourced_id", "sourced_id", "app_id"),
        Index(
            f"ix_{name}_undone",
            "app_id",
            postgresql_where=text("ended_why = 'undone'"),
            sqlite_where=text("ended_why = 'undone'"),
        ),
    )


def _stage_table(kind: Kind) -> Table:
    name = f"stage_{snake(kind)}"
    table = Table(
        name,
        metadata,
        Column("app_id", BigInteger, nullable=False),
        Column("job_id", BigInteger, nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("n", Integer, nullable=False),
        Column("external_id", Text, nullable=False),
        Column("fingerprint", Text, nullable=False),
        #: NULL: to be merged; otherwise unchanged, quarantined, repeated or deleted.
        Column("verdict", Text),
        Column("sourced_id", Text),
        Column("is_new", Integer),
        *_fields(kind),
        *(Column(raw(field), Text) for field in FIELDS[kind] if field.ref is not None),
        # PostgreSQL joins all of a job's rows at once, and an index by their ids would double what
        # COPY costs; SQLite looks up one row after the other
        Index(f"ix_{name}_job_id", "job_id").ddl_if(dialect="postgresql"),
        Index(f"ix_{name}_job_id_external_id", "job_id", "external_id").ddl_if(dialect="sqlite"),
    )
    # what a crash of the server loses here is found missing before anything is applied; and each
    # row is written twice, the second time longer and best into the same page
    unlogged = DDL(  # type: ignore[no-untyped-call]
        f"ALTER TABLE {name} SET UNLOGGED, SET (fillfactor = 30)"
    ).execute_if(dialect="postgresql")
    event.listen(table, "after_create", unlogged)
    return table


#: The records, by kind.
HUB: Mapping[Kind, Table] = MappingProxyType({kind: _hub_table(kind) for kind in Kind})
#: (app, external id) → sourcedId, with the base, by kind.
LINKS: Mapping[Kind, Table] = MappingProxyType({kind: _link_table(kind) for kind in Kind})
#: What running jobs have read, by kind.
STAGES: Mapping[Kind, Table] = MappingProxyType({kind: _stage_table(kind) for kind in Kind})

_users, _roles = HUB[Kind.USERS].c, HUB[Kind.ROLES].c
_enrollments, _demographics = HUB[Kind.ENROLLMENTS].c, HUB[Kind.DEMOGRAPHICS].c
Index(
    "ix_hub_users_identifier",
    _users.tenant_id,
    _users.identifier,
    postgresql_ops={"identifier": "text_pattern_ops"},
)
#: A search looks for the beginning of a name or an address; see `shared.roster.searching`. SQLite
#: holds small rosters: there all of a tenant's users are looked at.
SEARCHED = (
    "given_name",
    "family_name",
    "preferred_given_name",
    "preferred_family_name",
    "email",
    "username",
)
for _name in SEARCHED:
    Index(
        f"ix_hub_users_{_name}",
        _users.tenant_id,
        func.lower(_users[_name]).label("begins"),
        postgresql_ops={"begins": "text_pattern_ops"},
        postgresql_where=_users[_name].is_not(None),
    ).ddl_if(dialect="postgresql")
#: A school's people, by the page.
Index("ix_hub_users_org", _users.tenant_id, _users.primary_org_sourced_id, _users.sourced_id)
Index("ix_hub_roles_org", _roles.tenant_id, _roles.org_sourced_id, _roles.user_sourced_id)
Index("ix_hub_roles_user", _roles.tenant_id, _roles.user_sourced_id)
Index("ix_hub_enrollments_user", _enrollments.tenant_id, _enrollments.user_sourced_id)
Index("ix_hub_enrollments_class", _enrollments.tenant_id, _enrollments.class_sourced_id)
Index("ix_hub_demographics_user", _demographics.tenant_id, _demographics.user_sourced_id)

#: Links that a complete read did not bring, with what becomes of them.
stage_absences = Table(
    "stage_absences",
    metadata,
    Column("app_id", BigInteger, nullable=False),
    Column("job_id", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("sourced_id", Text, nullable=False),
    #: The school that the record belongs to; None: none.
    Column("school", Text),
    #: Of the link: what it stood for when the read did not bring it.
    Column("fingerprint", Text, nullable=False),
    #: removed, out_of_scope, renamed, or held: it waits for approval.
    Column("verdict", Text, nullable=False),
    Index("ix_stage_absences_job_id_kind", "job_id", "kind"),
)
event.listen(
    stage_absences,
    "after_create",
    DDL(  # type: ignore[no-untyped-call]
        "ALTER TABLE stage_absences SET UNLOGGED"
    ).execute_if(dialect="postgresql"),
)

#: Links whose source rows a complete read has not shown as they were, by kinds of which unchanged
#: rows are not staged: their rows are staged, or absent.
stage_unseen = Table(
    "stage_unseen",
    metadata,
    Column("app_id", BigInteger, nullable=False),
    Column("job_id", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Index("ix_stage_unseen_job_id_kind", "job_id", "kind"),
)
event.listen(
    stage_unseen,
    "after_create",
    DDL(  # type: ignore[no-untyped-call]
        "ALTER TABLE stage_unseen SET UNLOGGED"
    ).execute_if(dialect="postgresql"),
)

#: One row a tenant: the hub lock, and a version that every change of its roster raises.
hubs = Table(
    "hubs",
    metadata,
    Column("tenant_id", BigInteger, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False, server_default=text("0")),
)

#: Every update and removal, before and after, as JSON of the fields that changed.
change_log = Table(
    "change_log",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    #: The job that did it; None: a person did, see `actor`.
    Column("job_id", BigInteger),
    #: The app whose value it was; None where it was nobody's.
    Column("app_id", BigInteger),
    #: The person who did it, and how; None: a job did.
    Column("actor", Text),
    Column("tenant_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("sourced_id", Text, nullable=False),
    Column("op", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    CheckConstraint("op IN ('update', 'remove', 'restore')", name="op"),
    Index("ix_change_log_job_id", "job_id"),
    Index("ix_change_log_record", "tenant_id", "kind", "sourced_id"),
    Index("ix_change_log_at", "tenant_id", "kind", "at"),
)

#: Records, or references of records, that were left out, each with its reason.
quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("job_id", BigInteger, nullable=False),
    Column("tenant_id", BigInteger, nullable=False),
    Column("app_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("reason", Text, nullable=False),
    #: The source row as JSON, as far as it could be read.
    Column("source", Text),
    #: Who refused it: the connector, which could not read it, or the hub, whose rule it breaks.
    Column("found_by", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    CheckConstraint("found_by IN ('connector', 'hub')", name="found_by"),
    Index("ix_quarantine_job_id", "job_id"),
)

#: What 2-way jobs are about to write to a vendor, and what became of it.
vendor_writes = Table(
    "vendor_writes",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("app_id", BigInteger, nullable=False),
    Column("job_id", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    #: The idempotency key: the same values for the same record have the same.
    Column("key", Text, nullable=False),
    Column("values", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    #: The job at whose end it went into the base, or was found to have no answer; None: not yet.
    Column("based_job", BigInteger),
    Column("at", UtcDateTime, nullable=False),
    CheckConstraint("state IN ('intended', 'confirmed', 'rejected')", name="state"),
    UniqueConstraint("job_id", "attempt", "kind", "external_id"),
    Index("ix_vendor_writes_app_id_key", "app_id", "key"),
    Index(
        "ix_vendor_writes_not_based",
        "app_id",
        postgresql_where=text("based_job IS NULL"),
        sqlite_where=text("based_job IS NULL"),
    ),
)

#: What 2-way jobs are about to make or end at a vendor, and what became of it.
vendor_provisions = Table(
    "vendor_provisions",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("app_id", BigInteger, nullable=False),
    Column("job_id", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    #: One of `shared.domain.provisioning.Action`.
    Column("action", Text, nullable=False),
    #: Of one turn all are made or ended before those of the next.
    Column("turn", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("sourced_id", Text, nullable=False),
    #: At the vendor; of a record that is to be made the one that it had before, if it had one.
    Column("external_id", Text),
    #: The school's sourcedId; None: the record belongs to none.
    Column("school", Text),
    #: The fields as JSON, references as hub ids; of a record that is ended why, as a link has it.
    Column("values", Text, nullable=False),
    #: held: above the limit of what may be ended at once.
    Column("state", Text, nullable=False),
    Column("reason", Text),
    #: The job at which its link was made or ended; None: not yet.
    Column("linked_job", BigInteger),
    Column("at", UtcDateTime, nullable=False),
    CheckConstraint("action IN ('create', 'end')", name="action"),
    CheckConstraint(
        "state IN ('intended', 'confirmed', 'rejected', 'later', 'held')", name="state"
    ),
    Index("ix_vendor_provisions_job_id", "job_id"),
    Index(
        "ix_vendor_provisions_not_linked",
        "app_id",
        postgresql_where=text("linked_job IS NULL AND state = 'confirmed'"),
        sqlite_where=text("linked_job IS NULL AND state = 'confirmed'"),
    ),
)

#: What a vendor makes of a value that it is sent (in lower case, cut off), by record and field: the
#: last one that it did not take as it was.
renderings = Table(
    "renderings",
    metadata,
    Column("app_id", BigInteger, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("sent", Text),
    Column("held", Text),
)

#: Whom the running exports have rendered; see `disclosures`.
stage_disclosures = Table(
    "stage_disclosures",
    metadata,
    Column("app_id", BigInteger, nullable=False),
    Column("job_id", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("sourced_id", Text, nullable=False),
    #: The id that the target was shown, which may be a hash.
    Column("shown_as", Text, nullable=False),
    Index("ix_stage_disclosures_job_id_sourced_id", "job_id", "sourced_id"),
)
event.listen(
    stage_disclosures,
    "after_create",
    DDL(  # type: ignore[no-untyped-call]
        "ALTER TABLE stage_disclosures SET UNLOGGED"
    ).execute_if(dialect="postgresql"),
)

#: The key of each export's hashes, sealed as secrets are; see `shared.roster.privacy`.
mask_keys = Table(
    "mask_keys",
    metadata,
    Column("app_id", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

#: Sets of fields that an app has been sent; see `disclosures`.
disclosed_fields = Table(
    "disclosed_fields",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("app_id", BigInteger, nullable=False),
    #: By kind, the fields and their masks, as JSON.
    Column("fields", Text, nullable=False),
    UniqueConstraint("app_id", "fields"),
)

#: Whom an export has told of, a row a period: from the job that first sent a user with a set of
#: fields, until the first one that did not.
disclosures = Table(
    "disclosures",
    metadata,
    Column("app_id", BigInteger, primary_key=True),
    Column("sourced_id", Text, primary_key=True),
    Column("since_job", BigInteger, primary_key=True),
    Column("tenant_id", BigInteger, nullable=False),
    Column("fields_id", BigInteger, nullable=False),
    Column("since_at", UtcDateTime, nullable=False),
    Column("until_job", BigInteger),
    Column("until_at", UtcDateTime),
    Index("ix_disclosures_record", "tenant_id", "sourced_id"),
)
