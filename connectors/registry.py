"""The registered connectors: the entry points of the group `bellringer.connectors`.

A third party adds one by installing a package with such an entry point.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError

from connectors.sdk import Connector
from shared.errors import ConfigurationError

GROUP = "bellringer.connectors"


@lru_cache(maxsize=1)
def _entry_points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def names() -> list[str]:
    """Return the names of all registered connectors, sorted."""
    return sorted(_entry_points())


@lru_cache(maxsize=256)
def get(name: str) -> Connector:
    """Load a connector.

    Raises:
        ConfigurationError: there is none of this name, or its package is broken.
    """
    point = _entry_points().get(name)
    if point is None:
        near = difflib.get_close_matches(name, names(), n=1)
        known = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(names())}."
        raise ConfigurationError("connector", f"there is no connector {name!r}", known)
    package = point.dist.name if point.dist is not None else "unknown"
    told, fix = f"{name} of package {package}", f"Correct the package {package}, or uninstall it."
    try:
        connector = point.load()
    # a stranger's module may raise anything when it is imported
    except Exception as error:
        problem = f"{told} cannot be loaded: {_brief(error)}"
        raise ConfigurationError("connector", problem, fix) from error
    if not isinstance(connector, Connector) or connector.name != name:
        problem = f"{told} cannot be loaded: {point.value} is not a Connector named {name}"
        raise ConfigurationError("connector", problem, fix)
    return connector


def installed() -> tuple[list[Connector], dict[str, ConfigurationError]]:
    """Load all that are registered: one broken package takes nothing from the others.

    Returns:
        The connectors in the order of their names, and by name why the others cannot be loaded.
    """
    found, broken = [], {}
    for name in names():
        try:
            found.append(get(name))
        except ConfigurationError as error:
            broken[name] = error
    return found, broken


def _brief(error: Exception) -> str:
    """Return the kind and the first line of an error."""
    told = str(error).strip().splitlines()
    return f"{type(error).__name__}: {told[0]}" if told else type(error).__name__


def secret_fields(connector: Connector) -> frozenset[str]:
    """Return the names of the settings that are secrets."""
    return frozenset(
        name
        for name, field in connector.config.model_fields.items()
        if field.annotation is SecretStr or SecretStr in get_args(field.annotation)
    )


def parse_config(connector: Connector, values: Mapping[str, Any]) -> BaseModel:
    """Check settings against the connector's model.

    Raises:
        ConfigurationError: names the first setting that is wrong, as `--set NAME`.
    """
    try:
        return connector.config.model_validate(dict(values))
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in problem["loc"]) or "config"
        fix = f"See: bellringer connectors show {connector.name}"
        if problem["type"] == "extra_forbidden":
            fix = f"{connector.name} takes: {', '.join(connector.config.model_fields)}."
        fix = problem.get("ctx", {}).get("fix", fix)
        told = problem["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"--set {name}", told, fix) from error
