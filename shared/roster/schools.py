"""Schools by the names that people use: the hub's, and an app's that stand for them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select

from shared.db.hub_tables import HUB, LINKS, STAGES
from shared.domain.records import Kind
from shared.errors import ConfigurationError
from shared.roster.rules import AppRules
from shared.roster.statements import HERE, Statements


def hub_schools(
    connection: Connection, tenant_id: int, named: Iterable[str], *, rule: str
) -> dict[str, str]:
    """Return the sourcedId of each org that is named: by sourcedId, else identifier, else name.

    Raises:
        ConfigurationError: the hub has no such org, or several of that name.
    """
    wanted = sorted(set(named))
    if not wanted:
        return {}
    org = HUB[Kind.ORGS].c
    known: tuple[defaultdict[str, list[str]], ...] = tuple(defaultdict(list) for _ in range(3))
    for row in connection.execute(
        select(org.sourced_id, org.identifier, org.name).where(
            org.tenant_id == tenant_id, org.status == "active"
        )
    ):
        for names, value in zip(known, (row.sourced_id, row.identifier, row.name), strict=True):
            if value:
                names[value].append(row.sourced_id)
    found = {}
    for name in wanted:
        ids = next((names[name] for names in known if name in names), [])
        if len(ids) != 1:
            raise ConfigurationError(
                rule,
                f"the hub has {len(ids) or 'no'} active orgs that {name!r} names",
                "Give the sourcedId, identifier or name of one that has been imported.",
            )
        found[name] = ids[0]
    return found


def map_schools(run: Statements, rules: AppRules) -> str:
    """Let the staged orgs that a rule names stand for their org of the hub.

    They are linked to it instead of being matched or added, and a link to another org moves.

    Args:
        run: for the attempt; the orgs' links have been looked up.
        rules: of the app.

    Returns:
        The external ids of the mapped orgs, as a JSON array.

    Raises:
        ConfigurationError: the hub has no such org.
    """
    targets = hub_schools(run.connection, run.key.tenant_id, rules.schools.values(), rule="schools")
    stage, link = STAGES[Kind.ORGS].name, LINKS[Kind.ORGS].name
    staged = run.rows(f"SELECT s.external_id, s.identifier FROM {stage} AS s WHERE {HERE}")
    mapped = _named(rules.schools, staged)
    for external_id, school in mapped.items():
        run.run(
            f"UPDATE {stage} AS s SET sourced_id = :target, verdict = NULL WHERE {HERE}"
            " AND coalesce(s.verdict, 'unchanged') = 'unchanged' AND s.external_id = :external"
            f" AND (s.verdict IS NULL OR NOT EXISTS (SELECT 1 FROM {link} AS l"
            " WHERE l.app_id = :app AND l.external_id = s.external_id AND l.ended_at IS NULL"
            " AND l.sourced_id = :target))",
            external=external_id,
            target=targets[school],
        )
    return json.dumps(sorted(mapped))


def abandoned_schools(run: Statements) -> list[str]:
    """Return the orgs from which this read's mapping moves the app's links away."""
    rows = run.rows(
        f"SELECT DISTINCT l.sourced_id FROM {LINKS[Kind.ORGS].name} AS l"
        f" JOIN {STAGES[Kind.ORGS].name} AS s ON s.external_id = l.external_id"
        f" WHERE {HERE} AND s.verdict IS NULL AND l.app_id = :app AND l.ended_at IS NULL"
        " AND l.sourced_id <> s.sourced_id"
    )
    return [sourced_id for (sourced_id,) in rows]


def _named(schools: Mapping[str, str], staged: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    """Return the staged orgs that a rule names, each with the hub's school; its id counts first."""
    found = {}
    for external_id, identifier in staged:
        for name in (external_id, identifier):
            if name is not None and name in schools:
                found[external_id] = schools[name]
                break
    return found
