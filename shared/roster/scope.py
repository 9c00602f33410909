"""What a read asks for: when that changes, what is missing was not removed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection

from shared.domain.reading import ReadCertificate
from shared.domain.records import Kind
from shared.roster.rules import AppRules


def scope_fingerprint(certificate: ReadCertificate, rules: AppRules) -> str:
    """Return 32 hex digits that change with what is asked for: filters, schools, mapping."""
    asked = rules.model_dump(mode="json", include={"filters", "schools", "attributes"})
    for name, values in asked["filters"].items():
        asked["filters"][name] = sorted(values)
    told = json.dumps([certificate.filter_fingerprint, asked], sort_keys=True)
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


def rescoped_kinds(before: str | None, scope: str) -> frozenset[Kind]:
    """Return the kinds whose last complete read asked for something else than `scope`.

    Args:
        before: as `note_scope` wrote it; None: nothing was read completely yet.
        scope: of this read.
    """
    return frozenset(Kind(kind) for kind, asked in _by_kind(before).items() if asked != scope)


def note_scope(before: str | None, scope: str, complete: Collection[Kind]) -> str:
    """Return what every kind's last complete read asked for, as text, after this one.

    By kind: else a read that was complete in one kind alone would make the next one take what
    another kind lost with a changed filter for removed.
    """
    return json.dumps({**_by_kind(before), **dict.fromkeys(complete, scope)}, sort_keys=True)


def _by_kind(scopes: str | None) -> dict[str, str]:
    return dict(json.loads(scopes)) if scopes else {}
