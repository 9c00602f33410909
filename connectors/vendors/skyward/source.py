"""Skyward as a source: OneRoster REST, with what its records are known to lack put right."""

from __future__ import annotations

from typing import Any

from connectors.network import Network
from connectors.oneroster.rest.source import OneRosterRest
from connectors.vendors.skyward.config import SkywardConfig
from shared.domain.records import Kind

NAME = "skyward"


def open_skyward(
    config: SkywardConfig, network: Network | None = None, **more: Any
) -> OneRosterRest:
    """Open a district's Skyward; `more` goes to `OneRosterRest`."""
    return OneRosterRest(config, network, name=NAME, amend=amend, **more)


def amend(kind: Kind, item: dict[str, Any]) -> None:
    """Give a teacher without an identifier the record's id for one.

    Source: seen in the field; a match by identifier would else find nothing.
    """
    if kind is Kind.USERS and not item.get("identifier") and _is_teacher(item):
        item["identifier"] = item.get("sourcedId")


def _is_teacher(item: dict[str, Any]) -> bool:
    roles = item.get("roles")
    named = [item.get("role")]
    if isinstance(roles, list):
        named += [role.get("role") for role in roles if isinstance(role, dict)]
    return "teacher" in named
