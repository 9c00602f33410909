"""What forms send, read back: a connector's settings, rows of rules, and where an error belongs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console.web.visit import Visit
from shared.errors import ConfigurationError

#: Where an error stands that belongs to no field of the form.
WHOLE = "form"


@dataclass(frozen=True, slots=True)
class SettingsSent:
    """What a form of a connector's settings has sent.

    Attributes:
        given: settings to store, by name.
        unset: names of settings to take back.
        shown: what the form shows again, by name; never a secret.
    """

    given: dict[str, Any] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    shown: dict[str, Any] = field(default_factory=dict)


def settings_sent(
    visit: Visit, settings: Sequence[Mapping[str, Any]], stored: Mapping[str, Any]
) -> SettingsSent:
    """Read a form of a connector's settings.

    A secret that is left empty stays as it is, and so does a default that was never set; any other
    setting that is left empty is taken back.

    Args:
        visit: with the form.
        settings: as `connectors.form.described` has them.
        stored: the app's config; of its secrets only the names count.

    Raises:
        ConfigurationError: a setting that wants JSON is none; names it.
    """
    given: dict[str, Any] = {}
    unset = set(visit.texts("forget"))
    shown = {one["name"]: _shown(visit, one) for one in settings if not one["is_secret"]}
    for one in settings:
        name, value = one["name"], _value(visit, one)
        if one["is_secret"]:
            if value:
                given[name] = value
                unset.discard(name)
        elif value != "" and (name in stored or _text(value) != _text(one["default"])):
            given[name] = value
        elif value == "" and name in stored:
            unset.add(name)
    known = {one["name"] for one in settings}
    return SettingsSent(given, tuple(sorted(unset & known & set(stored))), shown)


def problems_of(
    error: ConfigurationError, known: Iterable[str], whole: str = WHOLE
) -> dict[str, str]:
    """Return an error by the field of a form to which it belongs.

    Args:
        error: names the field, maybe as the option of a command: `--set url`, `--at`.
        known: the form's fields.
        whole: for an error of no field.
    """
    name = error.field.removeprefix("--set ").removeprefix("--")
    candidates = (name, name.replace("-", "_"), name.partition(".")[0])
    there = set(known)
    place = next((one for one in candidates if one in there), None)
    told = sentence(error)
    return {place or whole: told if place else f"{error.field}: {told}"}


def sentence(error: ConfigurationError) -> str:
    """Return what is wrong and what to do; a fix that names a command is none on a page."""
    problem = (error.problem[:1].upper() + error.problem[1:]).rstrip(".")
    return f"{problem}." if "bellringer " in error.fix else f"{problem}. {error.fix}"


def listed(text: str) -> list[str]:
    r"""Return the parts of a list that a person typed, by commas or lines; each once.

    >>> listed("09, 10\n 11,,09")
    ['09', '10', '11']
    """
    parts = (part.strip() for line in text.splitlines() for part in line.split(","))
    return list(dict.fromkeys(part for part in parts if part))


def rows_sent(visit: Visit, *names: str) -> list[tuple[str, ...]]:
    """Return the rows of a form's table, without those of which nothing is given.

    Args:
        visit: with the form.
        names: of the columns, each sent once a row.

    Raises:
        ConfigurationError: the columns are of different lengths: no form of ours sent them.
    """
    columns = [[value.strip() for value in visit.texts(name)] for name in names]
    if len({len(column) for column in columns}) > 1:
        raise ConfigurationError(names[0], "the rows are incomplete", "Load the page again.")
    return [row for row in zip(*columns, strict=True) if any(row)]


def _value(visit: Visit, setting: Mapping[str, Any]) -> Any:
    sent = visit.texts(setting["name"])
    text = sent[-1] if sent else ""
    # what is pasted into a secret may begin with a blank, and a key ends with a line's end
    if setting["is_secret"]:
        return text if text.strip() else ""
    if setting["type"] == "json" and text.strip():
        return _json(setting["name"], text)
    return text.strip()


def _shown(visit: Visit, setting: Mapping[str, Any]) -> Any:
    sent = visit.texts(setting["name"])
    text = sent[-1] if sent else ""
    return text == "true" if setting["type"] == "boolean" else text


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ConfigurationError(name, f"it is no JSON: {error}", "Correct it.") from error


def _text(value: Any) -> str:
    """Return a value as a form sends it."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
