"""Who may use the simulated Workspace: a service account, its key, and what was delegated to it.

Source: RFC 7523 (JWT bearer grant) and Google's page on server-to-server applications: the
assertion names issuer, subject, scopes and an hour at most. `aud` is not looked at: clients were
seen to send Google's own token address wherever they send it to.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import time
from collections.abc import Collection
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: The longest that an assertion may hold, in seconds.
ASSERTION_S = 3600
#: How far clocks may differ, in seconds.
SKEW_S = 300


class Access:
    """The service account, and its tokens.

    Args:
        name: of the district.
        admin: the one account that may be acted as, beside those of `subjects`.
        base_url: where the server is.

    Attributes:
        life_s: how long a token lives.
        skew_s: how far the server's clock is ahead of ours.
        delegated: the scopes that the domain has delegated; None: all.
    """

    def __init__(self, name: str, admin: str, base_url: str) -> None:
        self.life_s = 3600.0
        self.skew_s = 0.0
        self.delegated: frozenset[str] | None = None
        self.admin = admin
        self.email = f"sync@{name}.iam.gserviceaccount.example"
        self._base_url = base_url
        self._made = 0
        self._tokens: dict[str, tuple[float, frozenset[str]]] = {}

    def key(self) -> str:
        """Return the service account's key as it is downloaded."""
        pem = _key().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return json.dumps(
            {
                "type": "service_account",
                "project_id": "simulated",
                "private_key_id": hashlib.sha256(pem).hexdigest()[:40],
                "private_key": pem.decode(),
                "client_email": self.email,
                "client_id": "100000000000000000001",
                "token_uri": f"{self._base_url}/token",
            }
        )

    async def token(self, request: Request) -> Response:
        """Answer `POST /token`."""
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        if form.get("grant_type") != [GRANT]:
            return _denied(400, "unsupported_grant_type", "Invalid grant_type")
        claims = _claims(form.get("assertion", [""])[0])
        if claims is None or claims.get("iss") != self.email:
            return _denied(400, "invalid_grant", "Invalid JWT Signature.")
        now_s = time.time() + self.skew_s
        issued, expires = claims.get("iat", 0), claims.get("exp", 0)
        is_timely = issued <= now_s + SKEW_S and now_s - SKEW_S <= expires
        if not is_timely or expires - issued > ASSERTION_S:
            told = "Invalid JWT: Token must be a short-lived token and in a reasonable timeframe."
            return _denied(400, "invalid_grant", told)
        if str(claims.get("sub", "")).lower() != self.admin.lower():
            return _denied(400, "invalid_grant", "Invalid email or User ID")
        scopes = frozenset(str(claims.get("scope", "")).split())
        if not scopes or (self.delegated is not None and not scopes <= self.delegated):
            told = (
                "Client is unauthorized to retrieve access tokens using this method, or client not"
                " authorized for any of the scopes requested."
            )
            return _denied(401, "unauthorized_client", told)
        self._made += 1
        token = hashlib.sha256(f"{self.email}{self._made}".encode()).hexdigest()
        self._tokens[token] = (time.monotonic() + self.life_s, scopes)
        return JSONResponse(
            {"access_token": token, "expires_in": int(self.life_s), "token_type": "Bearer"}
        )

    def forget_tokens(self) -> None:
        """Let every token expire."""
        self._tokens.clear()

    def scopes_of(self, request: Request) -> frozenset[str] | None:
        """Return what a request's token is for, None: it has none that holds."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        ends_at, scopes = self._tokens.get(token, (0.0, frozenset()))
        return scopes if kind.lower() == "bearer" and ends_at > time.monotonic() else None


def may(scopes: Collection[str], *names: str) -> bool:
    """Return whether a token is for one of some scopes, given by their last part."""
    return any(f"https://www.googleapis.com/auth/{name}" in scopes for name in names)


@lru_cache(maxsize=1)
def _key() -> rsa.RSAPrivateKey:
    """Return a key, made anew in each process: to make one takes some tenths of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _claims(assertion: str) -> dict[str, Any] | None:
    """Return an assertion's claims, None: it is not signed by the key."""
    try:
        signed, _, signature = assertion.rpartition(".")
        header, payload = (json.loads(_decoded(part)) for part in signed.split("."))
        _key().public_key().verify(
            _decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
    except (ValueError, binascii.Error, InvalidSignature):
        return None
    return payload if header.get("alg") == "RS256" and isinstance(payload, dict) else None


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _denied(status: int, error: str, told: str) -> Response:
    return JSONResponse({"error": error, "error_description": told}, status_code=status)
