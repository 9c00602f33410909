"""Who may use a simulated server: OAuth 2 tokens and scopes, and OAuth 1 signatures.

Source: RFC 6749 §4.4 and §5.2 (client credentials), RFC 5849 §3.4 (signatures), OneRoster 1.1 §3
and 1.2 on scopes. Written apart from what signs in.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from urllib.parse import parse_qs, parse_qsl, quote, unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors.district.model import District

#: How far a signature's time may be off, in seconds.
TIMESTAMP_S = 300
_HASHES = {"HMAC-SHA256": hashlib.sha256, "HMAC-SHA1": hashlib.sha1}


class Access:
    """A server's one account.

    Attributes:
        life_s: how long a token lives.
        grants: collections that the account may read; None: all.
        styles: how credentials may come: header, form.
        skew_s: how far the server's clock is ahead of ours.
        says_expired: whether an old token is answered in words, with status 400, instead of 401.
    """

    def __init__(self, district: District, salt: str) -> None:
        told = hashlib.sha256(f"{salt}/{district.name}/{district.seed}".encode()).hexdigest()
        self.client_id, self.client_secret = told[:20], told[20:60]
        self.life_s = 3600.0
        self.grants: set[str] | None = None
        self.styles = {"header", "form"}
        self.skew_s = 0.0
        self.says_expired = False
        self._made = 0
        self._tokens: dict[str, tuple[float, str]] = {}
        self._nonces: set[str] = set()

    async def token(self, request: Request) -> Response:
        """Answer a request for a token."""
        form = {name: found[0] for name, found in parse_qs((await request.body()).decode()).items()}
        if not self._is_ours(request, form):
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        if form.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, status_code=400)
        scope = form.get("scope", "")
        if any("/spec/or/" not in one for one in scope.split()):
            return JSONResponse({"error": "invalid_scope"}, status_code=400)
        self._made += 1
        token = hashlib.sha256(f"{self.client_secret}{self._made}".encode()).hexdigest()
        self._tokens[token] = (time.monotonic() + self.life_s, scope)
        told = {"access_token": token, "token_type": "bearer", "expires_in": int(self.life_s)}
        return JSONResponse({**told, "scope": scope} if scope else told)

    def forget_tokens(self) -> None:
        """Let every token expire."""
        self._tokens.clear()

    def refusal(self, request: Request, collection: str) -> tuple[int, str] | None:
        """Return status and words of why a request is not answered, None: it is."""
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "oauth":
            problem = self._problem(request, value)
            if problem is not None:
                return 401, problem
            scope = ""
        else:
            ends_at, scope = self._tokens.get(value, (0.0, ""))
            if kind.lower() != "bearer" or ends_at <= time.monotonic():
                return (400 if self.says_expired else 401), "Token has expired"
        needs_more = collection == "demographics" and scope and "demographics" not in scope
        if needs_more or (self.grants is not None and collection not in self.grants):
            return 403, "The consumer may not read this"
        return None

    def _is_ours(self, request: Request, form: dict[str, str]) -> bool:
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic" and "header" in self.styles:
            try:
                pair = base64.b64decode(value, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                return False
            return pair == f"{self.client_id}:{self.client_secret}"
        given = (form.get("client_id"), form.get("client_secret"))
        return "form" in self.styles and given == (self.client_id, self.client_secret)

    def _problem(self, request: Request, header: str) -> str | None:
        """Return what is wrong with a signed request, by RFC 5849's words of old."""
        given = {}
        for part in header.split(","):
            name, _, value = part.strip().partition("=")
            given[unquote(name)] = unquote(value.strip('"'))
        signature = given.pop("oauth_signature", "")
        given.pop("realm", None)
        method, nonce = given.get("oauth_signature_method", ""), given.get("oauth_nonce", "")
        if given.get("oauth_consumer_key") != self.client_id:
            return "oauth_problem=consumer_key_unknown"
        if method not in _HASHES:
            return "oauth_problem=signature_method_rejected"
        now_s = time.time() + self.skew_s
        stamp = given.get("oauth_timestamp", "")
        if not stamp.isdigit() or abs(int(stamp) - now_s) > TIMESTAMP_S:
            return "oauth_problem=timestamp_refused"
        if hmac.compare_digest(self._signature(request, given, method), signature) is False:
            return "oauth_problem=signature_invalid"
        if nonce in self._nonces:
            return "oauth_problem=nonce_used"
        self._nonces.add(nonce)
        return None

    def _signature(self, request: Request, given: dict[str, str], method: str) -> str:
        pairs = [*parse_qsl(request.url.query, keep_blank_values=True), *given.items()]
        told = "&".join(
            f"{name}={value}"
            for name, value in sorted((quote(n, safe="~"), quote(v, safe="~")) for n, v in pairs)
        )
        url = f"{request.url.scheme}://{request.headers['host'].lower()}{request.url.path}"
        base = "&".join(quote(part, safe="~") for part in (request.method, url, told))
        key = f"{quote(self.client_secret, safe='~')}&"
        made = hmac.new(key.encode(), base.encode(), _HASHES[method])
        return base64.b64encode(made.digest()).decode()
