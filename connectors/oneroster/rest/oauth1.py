"""OAuth 1.0a without a token: a request is signed by its consumer's key and secret.

Source: RFC 5849 §3.4 (signature base string, HMAC-SHA1) and §3.5.1 (header); HMAC-SHA256 is the
same with another digest, as OneRoster 1.1 §3 asks for.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

DIGESTS = {"HMAC-SHA256": hashlib.sha256, "HMAC-SHA1": hashlib.sha1}
_PORTS = {"http": 80, "https": 443}


def authorization(
    method: str,
    url: str,
    params: Mapping[str, str],
    *,
    key: str,
    secret: str,
    algorithm: str,
    nonce: str,
    timestamp: int,
) -> str:
    """Return the `Authorization` header of a request; pure.

    Args:
        method: of the request.
        url: without a query.
        params: of the query, not encoded; each name once.
        key: the consumer's.
        secret: the consumer's.
        algorithm: HMAC-SHA256 or HMAC-SHA1.
        nonce: never used before with this timestamp.
        timestamp: seconds since 1970, by the server's clock as near as possible.
    """
    oauth = {
        "oauth_consumer_key": key,
        "oauth_nonce": nonce,
        "oauth_signature_method": algorithm,
        "oauth_timestamp": str(timestamp),
        "oauth_version": "1.0",
    }
    told = sorted((_encoded(name), _encoded(value)) for name, value in {**params, **oauth}.items())
    joined = "&".join(f"{name}={value}" for name, value in told)
    base = "&".join(_encoded(part) for part in (method.upper(), _base_url(url), joined))
    made = hmac.new(f"{_encoded(secret)}&".encode(), base.encode(), DIGESTS[algorithm])
    oauth["oauth_signature"] = b64encode(made.digest()).decode()
    return "OAuth " + ", ".join(f'{_encoded(k)}="{_encoded(v)}"' for k, v in oauth.items())


def _base_url(url: str) -> str:
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in {None, _PORTS.get(parts.scheme)} else f":{parts.port}"
    return f"{parts.scheme.lower()}://{host}{port}{parts.path or '/'}"


def _encoded(text: str) -> str:
    return quote(text, safe="~")
