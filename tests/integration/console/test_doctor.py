"""What doctor says of an embedded instance."""

from __future__ import annotations

from console.operators.doctor import examine
from shared.db.engine import open_database
from shared.domain.roles import Role
from shared.settings import load_settings
from tests.console_site import ConsoleSite


def test_it_tells_who_else_reaches_this_machine(tmp_path) -> None:
    settings = load_settings(state_dir=tmp_path)

    def told(**more: str) -> str | None:
        found = examine(settings.model_copy(update=more))
        return next((one.detail for one in found if one.check == "networks"), None)

    assert told() is None
    database = open_database(settings)
    ConsoleSite(database, settings).add_account("admin", (Role.DISTRICT_ADMIN, None))
    assert "reach this machine" in (told() or "")
    assert told(private_networks="none") is None
    database.dispose()
