"""Checks of what a person sees of a connector before anything is read: its form, and `check()`."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from connectors import registry
from connectors.conformance.benches import Vendor
from connectors.conformance.rows import BrokenError
from connectors.conformance.subject import Subject
from connectors.form import settings_of
from connectors.sdk import Target
from shared.errors import BellringerError, ConfigurationError, PermanentConnectorError

#: Settings by which somebody signs in: which of them is wrong, a vendor often does not tell.
_OF_SIGN_IN = re.compile(
    r"secret|password|passphrase|token|key|user|client|account|email|subject|credential|login"
)
#: A secret that nobody has, and that is no word which an error may have of its own.
WRONG = "zq7-nobodys-secret"


def settings(subject: Subject) -> str:
    """Every setting is described for people, an unknown one is refused, a secret is never shown."""
    found = settings_of(subject.connector)
    for one in found:
        if not one.description:
            raise BrokenError(f"the setting {one.name} has no description")
        if one.type == "json":
            raise BrokenError(f"the setting {one.name} is of no type that a form knows")
    try:
        registry.parse_config(subject.connector, {"no_such_setting": "x"})
    except ConfigurationError:
        return f"{len(found)} settings, {sum(one.is_secret for one in found)} of them secret"
    raise BrokenError("a setting that it does not know is taken: its model needs extra='forbid'")


def check(subject: Subject) -> str:
    """`check()` passes where all is well, and names the setting where one is wrong."""
    if subject.is_export:
        return _check_of_target(subject)
    vendor = subject.main
    try:
        subject.source(vendor).check()
    except BellringerError as error:
        raise BrokenError(_refused(error, is_live=vendor.district is None)) from error
    if vendor.district is None:
        return "it passes"
    wrong = _wrong(subject, vendor)
    for name, value in wrong.items():
        _see_named(subject, vendor, name, value)
    return f"it passes, and names what is wrong with {', '.join(wrong) or 'nothing'}"


def _wrong(subject: Subject, vendor: Vendor) -> dict[str, Any]:
    """Return settings that lead nowhere: each secret, and each path."""
    secrets = registry.secret_fields(subject.connector)
    wrong: dict[str, Any] = {name: WRONG for name in sorted(secrets & set(vendor.settings))}
    paths = {one.name for one in settings_of(subject.connector) if one.type == "path"}
    for name in sorted(paths & set(vendor.settings)):
        wrong[name] = f"{vendor.settings[name]}.nowhere"
    return wrong


def _see_named(subject: Subject, vendor: Vendor, name: str, value: str) -> None:
    try:
        subject.source(vendor, **{name: value}).check()
    except PermanentConnectorError as error:
        told = error.user_message
        if not _names_any(told, _partners(name, vendor)):
            raise BrokenError(f"{name} is wrong, and check() does not name it: {told}") from error
        if name in registry.secret_fields(subject.connector) and value in told:
            raise BrokenError(f"check() tells the secret {name}") from error
    except ConfigurationError:
        return  # refused before anything was asked
    except BellringerError as error:
        told = type(error).__name__
        raise BrokenError(f"{name} is wrong, and check() raised {told}: {error}") from error
    else:
        raise BrokenError(f"{name} is wrong, and check() passes")


def _refused(error: BellringerError, *, is_live: bool) -> str:
    """Say that check() does not pass; whether a live vendor is well, nobody knows."""
    return f"check() says: {error}" if is_live else f"all is well, and check() says: {error}"


def _partners(name: str, vendor: Vendor) -> set[str]:
    """Return the settings that an error about one may name: of a sign-in, any of its parts."""
    if not _OF_SIGN_IN.search(name):
        return {name}
    return {name, *filter(_OF_SIGN_IN.search, vendor.settings)}


def _names_any(told: str, names: Collection[str]) -> bool:
    """Return whether a text has one of these settings as a whole word."""
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", told) for name in names)


def _check_of_target(subject: Subject) -> str:
    place = subject.folder / "checked"
    target = subject.target(place)
    try:
        target.check()
    except BellringerError as error:
        raise BrokenError(_refused(error, is_live=subject.given is not None)) from error
    if subject.given is not None or not subject.has("path"):
        return "it passes"
    file = subject.folder / "file"
    file.write_bytes(b"")
    # a folder below a file is one that nobody can make
    _see_refused(subject.target(file / "below"))
    return "it passes, and names path where that cannot be written"


def _see_refused(target: Target) -> None:
    try:
        target.check()
    except PermanentConnectorError as error:
        if "path" not in error.user_message:
            told = error.user_message
            raise BrokenError(f"path cannot be written, and check() names it not: {told}") from None
    else:
        raise BrokenError("path cannot be written, and check() passes")
