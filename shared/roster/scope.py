"""What a read asks for: when that changes, what is missing was not removed."""

from __future__ import annotations

import hashlib
import json

from shared.domain.reading import ReadCertificate
from shared.roster.rules import AppRules


def scope_fingerprint(certificate: ReadCertificate, rules: AppRules) -> str:
    """Return 32 hex digits that change with what is asked for: filters, schools, mapping."""
    asked = rules.model_dump(mode="json", include={"filters", "schools", "attributes"})
    for name, values in asked["filters"].items():
        asked["filters"][name] = sorted(values)
    told = json.dumps([certificate.filter_fingerprint, asked], sort_keys=True)
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
