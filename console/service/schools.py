"""Operations on schools: those that an app may be limited to."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from typing import Any

from sqlalchemy import Row

from connectors import registry
from connectors.sdk import Connector, ReadRequest, Source
from console.service.means import Means
from console.service.operation import operation
from shared.db import apps
from shared.db.views import Shown
from shared.domain.reading import Batch, Refused
from shared.domain.records import Kind
from shared.domain.roles import Permission
from shared.domain.states import Mode
from shared.errors import ConfigurationError, ConnectorError
from shared.roster.school_lists import MOST, School, app_orgs, hub_orgs
from shared.secrets import open_secrets

#: Of what a vendor sends before its last school, so much is looked at and no more.
_MOST_ITEMS = 200


@operation("GET", "/tenants/{tenant}/apps/{app}/schools", needs=Permission.VIEW)
def list_schools(means: Means, tenant: str, app: str) -> Shown:
    """List the schools by which an app's filter can be set.

    The answer is `{"of": "app" or "hub", "schools": [...]}`: an app that brings schools is filtered
    by its own, which are known once it has been synced; what is fed from the hub, by the hub's. A
    school is `{"id", "name", "identifier", "type", "people", "hub_name"}`.
    """
    with means.database.read() as connection:
        row = apps.app_row(connection, f"{tenant}/{app}")
        is_own = brings_schools(registry.get(row.connector))
        found = (
            app_orgs(connection, row.tenant_id, row.id)
            if is_own
            else hub_orgs(connection, row.tenant_id)
        )
    return {"of": "app" if is_own else "hub", "schools": [asdict(one) for one in found]}


@operation("POST", "/tenants/{tenant}/apps/{app}/schools/look-up", needs=Permission.CONFIGURE)
def look_up_schools(means: Means, tenant: str, app: str) -> Shown:
    """Ask an app's vendor which schools it has; nothing is changed, here or there.

    The answer is as `list_schools` gives it; where the vendor refuses or does not answer, with its
    `problem` in words and no schools.
    """
    with means.database.read() as connection:
        row = apps.app_row(connection, f"{tenant}/{app}")
    connector = registry.get(row.connector)
    if not brings_schools(connector):
        raise ConfigurationError("app", f"{app} brings no schools", "Choose of the hub's.")
    try:
        found, problem = _read_schools(means, connector, row), None
    except ConnectorError as error:
        found, problem = [], error.user_message
    return {"of": "app", "schools": [asdict(one) for one in found], "problem": problem}


def brings_schools(connector: Connector) -> bool:
    """Whether a connector's apps bring schools of their own into the hub."""
    return Kind.ORGS in connector.capabilities.reads


def _read_schools(means: Means, connector: Connector, row: Row[Any]) -> list[School]:
    """Begin a read, and end it once the schools, which come first, are there."""
    # the other operations need no worker's means
    from workers.opening import network_of

    secrets = open_secrets(row.secrets, means.settings.secret_key)
    config = registry.parse_config(connector, {**row.config, **secrets})
    source = connector.connect(config, network_of(means.settings, means.database))
    if not isinstance(source, Source):
        raise ConfigurationError("app", f"{row.name} is no source", "Choose of the hub's schools.")
    found: list[School] = []
    for item in islice(source.read(ReadRequest(mode=Mode.FULL)), _MOST_ITEMS):
        if isinstance(item, Refused):
            continue
        if not isinstance(item, Batch) or item.kind is not Kind.ORGS:
            break
        found += _schools(item)
    return sorted(found, key=lambda one: (one.type or "", one.name or ""))[:MOST]


def _schools(batch: Batch) -> list[School]:
    named = [dict(zip(("id", *batch.fields), values, strict=True)) for values in batch.rows]
    return [
        School(str(one["id"]), one.get("name"), one.get("identifier"), one.get("type"))
        for one in named
    ]
