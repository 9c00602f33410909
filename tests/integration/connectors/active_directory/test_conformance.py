"""The conformance kit over a real directory, which it only reads."""

from __future__ import annotations

from connectors import registry
from connectors.conformance.kit import examine
from connectors.conformance.rows import Result
from tests.samba_directory import HERE


def test_a_real_directory_keeps_what_can_be_seen_without_a_fault(unit):
    unit.add_users(12)
    settings = {name: str(of) for name, of in unit.settings(page_size=5).items()}
    connector = registry.get("active_directory")
    rows = {row.check: row for row in examine(connector, settings=settings, network=HERE)}
    assert {name: row.detail for name, row in rows.items() if row.result is Result.FAILED} == {}
    passed = {name for name, row in rows.items() if row.result is Result.PASSED}
    assert passed == {"settings", "check", "full_read", "resume", "incremental_equals_full"}
    assert all(row.detail for row in rows.values())
    assert "12 users" in rows["full_read"].detail
