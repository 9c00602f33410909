"""Masks and filters of an export as SQL over the hub's record `h`.

They are computed by the database, since whoever merges sorted rows relies on an order by what is
read, not by what it stands for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from shared.db.hub_tables import HUB, snake
from shared.domain.records import FIELDS, Field, Kind, decode_list, encode_list
from shared.roster.filters import FAMILY, among, filter_values, judged_users
from shared.roster.privacy import CONSTANT, HASH, HASH_BYTES, HIDE, INITIAL, Privacy
from shared.roster.schools import hub_schools
from shared.roster.statements import elements

_ACTIVE = "x.tenant_id = :tenant AND x.status = 'active'"
#: Kinds whose records belong to a user.
_OF_USERS = frozenset({Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS})


@dataclass(slots=True)
class Masking:
    """Tells SQL what of one tenant's hub an export sees.

    Attributes:
        privacy: of the export.
        is_postgresql: which of the two databases it is.
        values: what the statements bind.
        tables: by kind, where its records `x` are looked up: the hub's, or as they were once.
    """

    privacy: Privacy
    is_postgresql: bool
    values: dict[str, Any] = field(default_factory=dict)
    tables: Mapping[Kind, str] = field(
        default_factory=lambda: {kind: table.name for kind, table in HUB.items()}
    )

    def prepare(self, connection: Connection, tenant_id: int) -> None:
        """Look up what the filter names, and give the database its hash.

        Raises:
            ConfigurationError: the hub has no school of that name.
        """
        filters = self.privacy.filters
        named = hub_schools(connection, tenant_id, filters.schools, rule="filters.schools")
        self.values = {"tenant": tenant_id, **filter_values(filters, list(named.values()))}
        if self.is_postgresql:
            self.values["outer_pad"], self.values["inner_pad"] = self.privacy.pads()
            if not filters.is_empty:
                # nothing is known of what a filter gathers on the way: a nested loop over it would
                # look at every pair of users
                connection.exec_driver_sql("SET LOCAL enable_nestloop = off")
                connection.exec_driver_sql("SET LOCAL work_mem = '64MB'")
                connection.exec_driver_sql("SET LOCAL jit = off")
        else:
            driver: Any = connection.connection.driver_connection
            driver.create_function("keyed_hash", 1, self.privacy.hash, deterministic=True)
            driver.create_function("sorted_list", 1, _sorted_list, deterministic=True)

    def elements(self, column: str) -> str:
        """Return a table expression `e` with the column `value`: a JSON array's elements."""
        return elements(column, is_postgresql=self.is_postgresql)

    def value(self, kind: Kind, name: str) -> str:
        """Return an expression for a field of `h`, or its sourcedId, as it may leave."""
        mask = self.privacy.mask(kind, name)
        column = f"h.{snake(name)}"
        if mask == HIDE:
            return "CAST(NULL AS text)"
        if mask.startswith(CONSTANT):
            bound = f"constant_{snake(kind)}_{snake(name)}"
            self.values[bound] = mask.removeprefix(CONSTANT)
            return f"CAST(:{bound} AS text)"
        if mask == INITIAL:
            return f"substr({column}, 1, 1)"
        one = next((one for one in FIELDS[kind] if one.name == name), None)
        if one is not None and one.many:
            if self._is_narrowed(kind, name):
                return "narrowed.ids"
            return self._each(column) if mask == HASH else column
        shown = self._hash(column) if mask == HASH else column
        if one is not None and one.ref is Kind.ORGS and self._narrows_orgs(one):
            return f"CASE WHEN {column} IN ({self._orgs()}) THEN {shown} END"
        return shown

    def join(self, kind: Kind, names: Sequence[str]) -> str:
        """Return the join that `value` needs for these fields; "": none."""
        name = next((name for name in names if self._is_narrowed(kind, name)), None)
        if name is None:
            return ""
        # in a sub-query of each row, the users in scope would be gathered anew for each
        shown = self._hash("e.id") if self.privacy.mask(kind, name) == HASH else "e.id"
        joined = (
            "'[' || string_agg(CAST(to_json(d.v) AS text), ',' ORDER BY d.v COLLATE \"C\") || ']'"
            if self.is_postgresql
            else "sorted_list(json_group_array(d.v))"
        )
        return (
            " LEFT JOIN (WITH e AS MATERIALIZED (SELECT x.sourced_id, e.value AS id"
            f" FROM {self.tables[kind]} AS x CROSS JOIN {self.elements(f'x.{snake(name)}')}"
            f" WHERE {_ACTIVE} AND x.{snake(name)} IS NOT NULL)"
            f" SELECT d.sourced_id, {joined} AS ids"
            f" FROM (SELECT DISTINCT e.sourced_id, {shown} AS v FROM e"
            f" JOIN ({self._users()}) AS i ON i.id = e.id) AS d GROUP BY d.sourced_id)"
            " AS narrowed ON narrowed.sourced_id = h.sourced_id"
        )

    def scope(self, kind: Kind) -> str:
        """Return the condition: the record `h` of a kind is in scope."""
        filters = self.privacy.filters
        conditions = []
        if filters.schools and kind is Kind.ORGS:
            conditions.append(f"h.sourced_id IN ({self._orgs()})")
        elif filters.schools and kind is Kind.COURSES:
            used = (
                f"SELECT x.course_sourced_id FROM {self.tables[Kind.CLASSES]} AS x WHERE {_ACTIVE}"
            )
            used += f" AND {among(self, 'x.school_sourced_id', 'schools')}"
            conditions.append(f"(h.org_sourced_id IN ({self._orgs()}) OR h.sourced_id IN ({used}))")
        elif filters.schools and kind is Kind.CLASSES:
            conditions.append(among(self, "h.school_sourced_id", "schools"))
        elif filters.schools and kind is Kind.ENROLLMENTS:
            classes = f"SELECT x.sourced_id FROM {self.tables[Kind.CLASSES]} AS x WHERE {_ACTIVE}"
            classes += f" AND {among(self, 'x.school_sourced_id', 'schools')}"
            conditions.append(f"h.class_sourced_id IN ({classes})")
        elif filters.schools and kind is Kind.ROLES:
            here = among(self, "h.org_sourced_id", "schools")
            conditions.append(f"({here} OR h.role IN ({FAMILY}))")
        if filters.roles and kind is Kind.ROLES:
            conditions.append(among(self, "h.role", "roles"))
        if not filters.is_empty and kind is Kind.USERS:
            conditions.append(f"h.sourced_id IN ({self._users()})")
        elif not filters.is_empty and kind in _OF_USERS:
            conditions.append(f"h.user_sourced_id IN ({self._users()})")
        return " AND ".join(conditions) or "1 = 1"

    def _is_narrowed(self, kind: Kind, name: str) -> bool:
        """Return whether a field lists users of whom some may be out of scope."""
        one = next((one for one in FIELDS[kind] if one.name == name), None)
        return (
            one is not None
            and one.many
            and one.ref is Kind.USERS
            and not self.privacy.filters.is_empty
            and self.privacy.mask(kind, name) != HIDE
        )

    def _narrows_orgs(self, one: Field) -> bool:
        return bool(self.privacy.filters.schools) and not one.required

    def _orgs(self) -> str:
        """Return a query for the orgs in scope: no schools but those that are named."""
        return (
            f"SELECT x.sourced_id FROM {self.tables[Kind.ORGS]} AS x WHERE {_ACTIVE}"
            f" AND (x.type <> 'school' OR {among(self, 'x.sourced_id', 'schools')})"
        )

    def _users(self) -> str:
        users = (
            "SELECT x.sourced_id AS id, x.grades, x.primary_org_sourced_id AS org,"
            f" x.agent_sourced_ids AS agents FROM {self.tables[Kind.USERS]} AS x WHERE {_ACTIVE}"
        )
        roles = (
            "SELECT x.user_sourced_id AS who, x.org_sourced_id AS org, x.role"
            f" FROM {self.tables[Kind.ROLES]} AS x WHERE {_ACTIVE}"
        )
        judged = judged_users(self.privacy.filters, self, users, roles)
        return f"SELECT j.id FROM ({judged}) AS j WHERE j.in_scope = 1"

    def _hash(self, value: str) -> str:
        """Return the expression that says what `Privacy.hash` says."""
        if not self.is_postgresql:
            return f"keyed_hash({value})"
        inner = f"sha256(CAST(:inner_pad AS bytea) || convert_to({value}, 'UTF8'))"
        outer = f"sha256(CAST(:outer_pad AS bytea) || {inner})"
        return f"encode(substr({outer}, 1, {HASH_BYTES}), 'hex')"

    def _each(self, column: str) -> str:
        """Return a set-valued field with the hash of each element."""
        query = f"SELECT DISTINCT {self._hash('e.value')} AS v FROM {self.elements(column)}"
        if not self.is_postgresql:
            return f"(SELECT sorted_list(json_group_array(o.v)) FROM ({query}) AS o)"
        joined = "string_agg(CAST(to_json(o.v) AS text), ',' ORDER BY o.v COLLATE \"C\")"
        return f"(SELECT '[' || {joined} || ']' FROM ({query}) AS o)"


def _sorted_list(value: str) -> str | None:
    """Return gathered values as `records.encode_list` writes them."""
    return encode_list(decode_list(value))
