"""What leaves the hub for one export: its masks, and the key of its hashes.

Without rules an export is sent the fields that its connector reads, as they are. Once one is set,
what is not listed does not leave: a field reads as absent, and a kind of which nothing is listed
has no records. The id of a record, and those references without which it would belong to nobody,
go with it: under the mask of the `sourcedId` that they name, so that they stay consistent.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from shared.db.engine import Database
from shared.db.hub_tables import mask_keys
from shared.domain.records import FIELDS, Field, Kind
from shared.errors import ConfigurationError
from shared.roster.rules import AppRules, Filters
from shared.secrets import open_secrets, seal_secrets

PLAIN, HIDE, HASH, INITIAL, CONSTANT = "plain", "hide", "hash", "initial", "constant:"
#: Bytes of a hash that are kept, two hex digits each: enough that no two of a district meet.
HASH_BYTES = 16
_BLOCK = 64


@dataclass(frozen=True, slots=True)
class Privacy:
    """What one export may be sent.

    Attributes:
        sends: by field or kind, its mask; empty: everything that is read, as it is.
        filters: who is in scope.
        key: of the hashes; it never leaves.
    """

    sends: Mapping[str, str]
    filters: Filters
    key: bytes = b""

    def mask(self, kind: Kind, name: str) -> str:
        """Return the mask of a field, or of `sourcedId`.

        A reference, unless it is hidden, has the mask of the `sourcedId` that it names.
        """
        if not self.sends:
            return PLAIN
        field = _field(kind, name)
        given = self.sends.get(f"{kind}.{name}")
        if given is None and name != "sourcedId":
            needed = field is not None and field.ref is not None and field.required
            given = PLAIN if needed and self.sends_kind(kind) else self.sends.get(kind, HIDE)
        if given == HIDE or field is None or field.ref is None:
            return given or PLAIN
        return self.mask(field.ref, "sourcedId")

    def sends_kind(self, kind: Kind) -> bool:
        """Return whether any record of a kind leaves."""
        if not self.sends:
            return True
        return any(
            mask != HIDE and (name == kind or name.startswith(f"{kind}."))
            for name, mask in self.sends.items()
        )

    def hash(self, value: str | None) -> str | None:
        """Return what stands for a value under `hash`: hex digits, the same for the same value."""
        if not value:
            return None
        return hmac.new(self.key, value.encode(), hashlib.sha256).digest()[:HASH_BYTES].hex()

    def pads(self) -> tuple[bytes, bytes]:
        """Return the outer and inner pad of the HMAC, so that SQL can compute it."""
        key = self.key if len(self.key) <= _BLOCK else hashlib.sha256(self.key).digest()
        padded = key.ljust(_BLOCK, b"\0")
        return bytes(b ^ 0x5C for b in padded), bytes(b ^ 0x36 for b in padded)


def load_privacy(
    database: Database, app_id: int, rules: AppRules, secret_key: SecretStr | None
) -> Privacy:
    """Return what an export may be sent; makes the key of its hashes when it is first needed.

    The key is random and of this app alone, so that two vendors cannot join what they have; it is
    kept as the app's secrets are. Commits.

    Raises:
        ConfigurationError: a mask does not fit, or the key cannot be opened.
    """
    check_sends(rules.sends)
    key = _key(database, app_id, secret_key) if HASH in rules.sends.values() else b""
    return Privacy(rules.sends, rules.filters, key)


def check_sends(sends: Mapping[str, str]) -> None:
    """See that every mask fits its field.

    Raises:
        ConfigurationError: names the rule.
    """
    for rule, mask in sends.items():
        kind, _, name = rule.partition(".")
        allowed, why = masks_of(Kind(kind), name)
        if allowed is not None and mask not in allowed:
            raise ConfigurationError(
                f"sends.{rule}",
                f"{mask!r} does not fit: {why} takes {', '.join(sorted(allowed))}",
                "See docs/rules.md for what each mask does.",
            )


def masks_of(kind: Kind, name: str) -> tuple[set[str] | None, str]:
    """Return the masks that a field takes, None: any; and what it is that they fit.

    Args:
        kind: whose.
        name: the field's, or `sourcedId`; "": the kind as a whole.
    """
    field = _field(kind, name)
    if not name:
        return {PLAIN, HIDE}, "a whole kind"
    if name == "sourcedId":
        return {PLAIN, HASH}, "an id"
    if field is not None and field.ref is not None:
        return {PLAIN, HIDE}, f"a reference, masked as {field.ref}.sourcedId is,"
    if field is not None and field.many:
        return {PLAIN, HIDE, HASH}, "a list"
    if field is not None and field.vocabulary:
        words = {CONSTANT + word for word in field.vocabulary}
        return {PLAIN, HIDE, *words}, "a word of OneRoster's"
    return None, "text"


def _key(database: Database, app_id: int, secret_key: SecretStr | None) -> bytes:
    column = mask_keys.c
    with database.write() as connection:
        insert = postgresql.insert if database.is_postgresql else sqlite.insert
        sealed = seal_secrets({"key": secrets.token_hex(32)}, secret_key)
        at = database.now(connection)
        connection.execute(
            insert(mask_keys)
            .values(app_id=app_id, key=sealed, created_at=at)
            .on_conflict_do_nothing()
        )
        stored = connection.execute(select(column.key).where(column.app_id == app_id)).scalar_one()
    return bytes.fromhex(open_secrets(stored, secret_key)["key"])


def _field(kind: Kind, name: str) -> Field | None:
    return next((field for field in FIELDS[kind] if field.name == name), None)
