"""Staged rows that are out of scope by the app's filter are set aside before anything is matched.

Orgs, academic sessions and courses stay: they tell of nobody, and the rest refers to them. An
incremental read does not bring whole people; there, whoever is linked stands in for what it lacks,
and what it cannot place waits for the next full read.
"""

from __future__ import annotations

from collections.abc import Collection

from shared.db.hub_tables import LINKS, STAGES
from shared.domain.records import Kind
from shared.errors import ConfigurationError
from shared.roster.filters import FAMILY, among, filter_values, judged_users
from shared.roster.rules import Filters
from shared.roster.statements import HERE, Statements

_USERS, _ORGS = Kind.USERS, Kind.ORGS


def filter_staged(
    run: Statements, filters: Filters, supplied: Collection[Kind], complete: Collection[Kind]
) -> None:
    """Set the verdict `filtered` on every staged row that is out of scope.

    Args:
        run: for the attempt.
        filters: of the app; they are not empty.
        supplied: the kinds that were read.
        complete: the kinds of which every record was read.

    Raises:
        ConfigurationError: the filter cannot mean this app: nothing it names is known.
    """
    filtering = _Filtering(run, filters, complete)
    if Kind.CLASSES in supplied:
        filtering.classes()
    if Kind.USERS in supplied:
        filtering.users()
    for kind in (Kind.ROLES, Kind.ENROLLMENTS, Kind.DEMOGRAPHICS):
        if kind in supplied:
            filtering.dependents(kind)


class _Filtering:
    def __init__(self, run: Statements, filters: Filters, complete: Collection[Kind]) -> None:
        self._run = run
        self._filters = filters
        self._complete = complete
        self._values = filter_values(filters, self._schools())

    def classes(self) -> None:
        if self._filters.schools:
            out = f"NOT {among(self._run, 'x.raw_school_sourced_id', 'schools')}"
            self._filter(Kind.CLASSES, "", out)

    def users(self) -> None:
        if self._filters.roles and Kind.ROLES in self._complete:
            self._check_roles()
        users = (
            "SELECT s.external_id AS id, s.grades, s.raw_primary_org_sourced_id AS org,"
            f" s.raw_agent_sourced_ids AS agents FROM {STAGES[_USERS].name} AS s WHERE {HERE}"
            " AND coalesce(s.verdict, '') <> 'deleted'"
        )
        judged = judged_users(self._filters, self._run, users, self._roles())
        out, kept = "j.in_scope = 0", ""
        if _USERS not in self._complete:
            # family whose students this read does not bring
            kept = self._linked(_USERS, "x.external_id", "l")
            out += " AND NOT (j.is_family = 1 AND l.external_id IS NOT NULL)"
        self._filter(_USERS, f"JOIN ({judged}) AS j ON j.id = x.external_id {kept}", out)

    def dependents(self, kind: Kind) -> None:
        joins, out = self._gone(_USERS, "x.raw_user_sourced_id", "u")
        conditions = [out]
        if kind is Kind.ENROLLMENTS:
            more, out = self._gone(Kind.CLASSES, "x.raw_class_sourced_id", "c")
            joins += more
            conditions.append(out)
        if kind is Kind.ROLES and self._filters.schools:
            elsewhere = f"NOT {among(self._run, 'x.raw_org_sourced_id', 'schools')}"
            conditions.append(f"({elsewhere} AND x.role NOT IN ({FAMILY}))")
        if kind is Kind.ROLES and self._filters.roles:
            conditions.append(f"NOT {among(self._run, 'x.role', 'roles')}")
        self._filter(kind, joins, " OR ".join(conditions))

    def _filter(self, kind: Kind, joins: str, out: str) -> None:
        stage, here = STAGES[kind].name, HERE.replace("s.", "x.")
        query = (
            f"SELECT x.{self._run.row_id} AS place FROM {stage} AS x {joins} WHERE {here}"
            f" AND coalesce(x.verdict, 'unchanged') = 'unchanged' AND ({out})"
        )
        self._run.run(
            f"UPDATE {stage} AS s SET verdict = 'filtered' FROM ({query}) AS q"
            f" WHERE s.{self._run.row_id} = q.place",
            **self._values,
        )

    def _gone(self, kind: Kind, given: str, name: str) -> tuple[str, str]:
        """Return joins that look for what a row hangs on, and the condition: it is out of scope."""
        here = f"{name}.job_id = :job AND {name}.attempt = :attempt"
        joins = (
            f" LEFT JOIN {STAGES[kind].name} AS {name} ON {here} AND {name}.external_id = {given}"
        )
        if kind in self._complete:
            # of what was not read at all, the references' own check tells
            return joins, f"coalesce({name}.verdict, '') = 'filtered'"
        linked = self._linked(kind, given, f"{name}l")
        unknown = f"({name}.external_id IS NULL AND {name}l.external_id IS NULL)"
        return f"{joins} {linked}", f"(coalesce({name}.verdict, '') = 'filtered' OR {unknown})"

    def _linked(self, kind: Kind, given: str, name: str) -> str:
        return (
            f" LEFT JOIN {LINKS[kind].name} AS {name} ON {name}.app_id = :app"
            f" AND {name}.external_id = {given} AND {name}.ended_at IS NULL"
        )

    def _roles(self) -> str:
        """Return a query for (who, org, role) of the roles that were read, or are linked."""
        stage = STAGES[Kind.ROLES].name
        read = (
            "SELECT s.raw_user_sourced_id AS who, s.raw_org_sourced_id AS org, s.role"
            f" FROM {stage} AS s WHERE {HERE} AND coalesce(s.verdict, '') <> 'deleted'"
        )
        if Kind.ROLES in self._complete:
            return read
        return (
            f"{read} UNION ALL SELECT u.external_id, o.external_id, l.role"
            f" FROM {LINKS[Kind.ROLES].name} AS l"
            f" JOIN {LINKS[_USERS].name} AS u ON u.sourced_id = l.user_sourced_id"
            " AND u.app_id = :app AND u.ended_at IS NULL"
            f" JOIN {LINKS[_ORGS].name} AS o ON o.sourced_id = l.org_sourced_id"
            " AND o.app_id = :app AND o.ended_at IS NULL"
            f" LEFT JOIN {stage} AS s ON {HERE} AND s.external_id = l.external_id"
            " WHERE l.app_id = :app AND l.ended_at IS NULL AND s.external_id IS NULL"
        )

    def _schools(self) -> list[str]:
        """Return the external ids of the orgs that the filter names; of orgs there are few."""
        if not self._filters.schools:
            return []
        rows = self._run.rows(
            f"SELECT s.external_id, s.identifier FROM {STAGES[_ORGS].name} AS s WHERE {HERE}"
            f" UNION SELECT l.external_id, l.identifier FROM {LINKS[_ORGS].name} AS l"
            " WHERE l.app_id = :app AND l.ended_at IS NULL"
        )
        found = [row[0] for row in rows if self._filters.schools & {row[0], row[1]}]
        if rows and not found:
            named = ", ".join(sorted(self._filters.schools))
            raise ConfigurationError(
                "filters.schools",
                f"the app has no school {named}",
                "Give external ids or identifiers of its orgs.",
            )
        return found or sorted(self._filters.schools)

    def _check_roles(self) -> None:
        """See that somebody has a role that the filter names: a word misspelt is no filter."""
        stage = STAGES[Kind.ROLES].name
        some = f"SELECT 1 FROM {stage} AS s WHERE {HERE} AND {among(self._run, 's.role', 'roles')}"
        query = f"SELECT CASE WHEN EXISTS ({some}) THEN 1 ELSE 0 END"
        if not self._run.value(query, **self._values):
            raise ConfigurationError(
                "filters.roles",
                f"nobody whom the app brings is {' or '.join(sorted(self._filters.roles))}",
                "Give OneRoster's roles, such as student; without roles, leave the rule out.",
            )


def forget_filtered_agents(run: Statements) -> None:
    """Take agents who are out of scope off the open users: they are no dangling references."""
    stage, given = STAGES[_USERS].name, "raw_agent_sourced_ids"
    # the elements come first: inside a lateral join all filtered users would be looked at per row
    each = (
        f"WITH e AS MATERIALIZED (SELECT s.n, e.value FROM {stage} AS s"
        f" CROSS JOIN {run.elements(f's.{given}')}"
        f" WHERE {HERE} AND s.verdict IS NULL AND s.{given} IS NOT NULL),"
        f" j AS MATERIALIZED (SELECT e.n, e.value, g.n AS gone FROM e LEFT JOIN {stage} AS g"
        " ON g.job_id = :job AND g.attempt = :attempt AND g.external_id = e.value"
        " AND g.verdict = 'filtered')"
    )
    kept = f"SELECT j.n, {run.gathered('j.value')} AS ids FROM j WHERE j.gone IS NULL GROUP BY j.n"
    query = (
        f"{each} SELECT a.n, {run.sorted_array('k.ids')} AS ids, k.n AS kept"
        " FROM (SELECT DISTINCT j.n FROM j WHERE j.gone IS NOT NULL) AS a"
        f" LEFT JOIN ({kept}) AS k ON k.n = a.n"
    )
    run.run(
        f"UPDATE {stage} AS s SET {given} = CASE WHEN q.kept IS NULL THEN NULL ELSE q.ids END"
        f" FROM ({query}) AS q WHERE {HERE} AND s.n = q.n"
    )
