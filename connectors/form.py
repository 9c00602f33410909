"""What a connector is, and the settings that it takes, as data: a console makes its form of it.

All of it comes from the connector's pydantic model: types, limits and choices from its JSON schema,
a setting's description from the docstring below its field (`use_attribute_docstrings`) or from
`Field(description=…)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from connectors.registry import secret_fields
from connectors.sdk import Connector
from shared.domain.records import Kind

#: How a setting is typed in, by the type and the format that JSON schema has for it.
_TYPES: Mapping[tuple[str, str], str] = {
    ("string", ""): "text",
    ("string", "path"): "path",
    ("string", "uri"): "address",
    ("string", "password"): "secret",
    ("integer", ""): "integer",
    ("number", ""): "number",
    ("boolean", ""): "boolean",
}

#: The ways to reach a vendor, each by a setting that it alone needs.
_TRANSPORTS: Mapping[str, str] = {
    "https": "url",
    "ldap": "base_dn",
    "sftp": "sftp_host",
    "folder": "path",
    "http drop folder": "http_token",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, as a form shows it.

    Attributes:
        name: as `--set` and the config have it.
        type: text, path, address, secret, choice, integer, number, boolean, or json for what is
            none of these.
        is_required: whether there is no app without it.
        is_secret: whether it is kept sealed and never shown.
        default: what it is when it is not given; None: nothing, or it is required.
        description: for people.
        choices: all that it may be; empty: anything of its type.
        minimum: the least number, or None.
        maximum: the greatest number, or None.
        exclusive_minimum: what every number is above, or None.
        exclusive_maximum: what every number is below, or None.
        is_multiline: whether a text may have several lines, as a key file has; its type says
            so by `sdk.MULTILINE`.
    """

    name: str
    type: str
    is_required: bool
    is_secret: bool
    default: Any
    description: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None
    exclusive_maximum: float | None = None
    is_multiline: bool = False


def settings_of(connector: Connector) -> tuple[Setting, ...]:
    """Return a connector's settings, in the order of its model."""
    return _settings(connector.config, secret_fields(connector))


# to make a model's schema takes longer than most pages; it is the same as long as a process lives
@lru_cache(maxsize=256)
def _settings(config: type[BaseModel], hidden: frozenset[str]) -> tuple[Setting, ...]:
    schema = config.model_json_schema()
    required, shapes = set(schema.get("required", ())), schema.get("$defs", {})
    return tuple(
        _setting(config, name, given, shapes, name in required, name in hidden)
        for name, given in schema.get("properties", {}).items()
    )


def described(connector: Connector) -> dict[str, Any]:
    """Return all that a person or a program may ask of a connector, ready for JSON.

    Its keys: `name`, `title`, `tier`, `modes`, `reads` (kinds), `writes` (by kind, fields),
    `is_online`, `transports`, `has_simulator`, and `settings`, a list of what `Setting` holds.
    """
    can = connector.capabilities
    return {
        "name": connector.name,
        "title": connector.title,
        "tier": str(connector.tier),
        "modes": sorted(map(str, can.modes)),
        "reads": [str(kind) for kind in Kind if kind in can.reads],
        "writes": {str(kind): sorted(can.writes[kind]) for kind in Kind if kind in can.writes},
        "is_online": connector.is_online,
        "transports": transports_of(connector),
        "has_simulator": connector.simulator is not None,
        "settings": [asdict(one) for one in settings_of(connector)],
    }


def transports_of(connector: Connector) -> list[str]:
    """Return how a connector's apps are reached, told by the settings that each way takes.

    Its ways: `https`, `ldap`, `sftp`, `folder`, and `http drop folder`, from which vendors fetch.
    """
    names = set(connector.config.model_fields)
    return [told for told, setting in _TRANSPORTS.items() if setting in names] or (
        ["https"] if connector.is_online else []
    )


def _setting(
    model: type[BaseModel],
    name: str,
    given: Mapping[str, Any],
    shapes: Mapping[str, Any],
    is_required: bool,
    is_secret: bool,
) -> Setting:
    shape = _shape(given, shapes)
    choices = tuple(map(str, shape.get("enum", ())))
    kind = _TYPES.get((str(shape.get("type", "")), str(shape.get("format", ""))), "json")
    return Setting(
        name=name,
        type="secret" if is_secret else "choice" if choices else kind,
        is_required=is_required,
        is_secret=is_secret,
        default=None if is_secret else given.get("default"),
        description=_description(model, name),
        choices=choices,
        minimum=shape.get("minimum"),
        maximum=shape.get("maximum"),
        exclusive_minimum=shape.get("exclusiveMinimum"),
        exclusive_maximum=shape.get("exclusiveMaximum"),
        is_multiline=bool(given.get("multiline", False)),
    )


def _shape(given: Mapping[str, Any], shapes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the shape of what may be null, or stands elsewhere in the schema."""
    others = [one for one in given.get("anyOf", ()) if one.get("type") != "null"]
    if len(others) == 1:
        return _shape(others[0], shapes)
    if "$ref" in given:
        return _shape(shapes[given["$ref"].rpartition("/")[2]], shapes)
    if "const" in given:
        return {**given, "enum": [given["const"]]}
    return given


def _description(model: type[BaseModel], name: str) -> str:
    """Return what a field's model says of it; one that only has another default inherits it."""
    for one in model.__mro__:
        field = getattr(one, "__pydantic_fields__", {}).get(name)
        if field is not None and field.description:
            return " ".join(field.description.split())
    return ""
