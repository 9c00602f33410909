"""What a read asks for: when that changes, what is missing was not removed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from typing import Any

from shared.domain.reading import ReadCertificate
from shared.domain.records import Kind
from shared.roster.rules import AppRules

#: Beside the kinds: by kind, the fields that the app owned by a rule.
_OWNED = "owned"


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
    return frozenset(
        Kind(kind) for kind, asked in _noted(before).items() if kind != _OWNED and asked != scope
    )


def newly_owned(before: str | None, rules: AppRules) -> frozenset[str]:
    """Return `KIND.FIELD` of what the app owns by a rule, and did not when it was last read whole.

    What was never read whole is new altogether, and no rule makes a difference to it.

    Args:
        before: as `note_scope` wrote it.
        rules: of the app.
    """
    noted: dict[str, list[str]] = _noted(before).get(_OWNED, {})
    return frozenset(
        f"{kind}.{name}"
        for kind, names in noted.items()
        for name in rules.owned(Kind(kind)) - set(names)
    )


def note_scope(before: str | None, scope: str, complete: Collection[Kind], rules: AppRules) -> str:
    """Return what every kind's last complete read asked for and owned, as text, after this one.

    By kind: else a read that was complete in one kind alone would make the next one take what
    another kind lost with a changed filter for removed.
    """
    noted = _noted(before)
    owned = {**noted.get(_OWNED, {}), **{kind: sorted(rules.owned(kind)) for kind in complete}}
    return json.dumps({**noted, **dict.fromkeys(complete, scope), _OWNED: owned}, sort_keys=True)


def _noted(scopes: str | None) -> dict[str, Any]:
    return dict(json.loads(scopes)) if scopes else {}
