"""A large apply of one tenant stops nobody else: not its own clock, not another tenant."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from shared.db.hub_tables import hubs
from shared.db.tables import tenants
from shared.roster.apply import apply_plan
from shared.roster.attempt import JobKey
from shared.roster.locking import hub_lock
from tests.integration.roster.district import Hub, roster


def test_while_one_applies_others_decide_and_apply(postgresql_hub: Hub) -> None:
    hub = postgresql_hub
    app = hub.app(1)
    elsewhere = hub.key_of_another_tenant()
    hub.sync(app, roster(users=2))
    plan = hub.plan(app, roster(users=3))
    with hub.database.write() as connection:
        apply_plan(connection, hub.database, plan, hub_version=hub_lock(connection, hub.tenant_id))
        with hub.database.write() as gate:
            gate.execute(text("SET LOCAL lock_timeout = '1s'"))
            gate.execute(select(tenants).with_for_update(key_share=True)).all()
        counts = _sync_elsewhere(hub, elsewhere)
        # and yet the tenant's own roster has one writer at a time
        mine = select(hubs).where(hubs.c.tenant_id == hub.tenant_id).with_for_update(nowait=True)
        with pytest.raises(OperationalError), hub.database.write() as second:
            second.execute(mine)
    assert counts["users"]["added"] == 2


def _sync_elsewhere(hub: Hub, key: JobKey) -> dict[str, dict[str, int]]:
    plan = hub.plan(key, roster(users=2))
    with hub.database.write() as connection:
        version = hub_lock(connection, key.tenant_id)
        return apply_plan(connection, hub.database, plan, hub_version=version).counts
