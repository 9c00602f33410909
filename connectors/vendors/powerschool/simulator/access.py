"""Who may use the simulated server: its plugin, tokens, rights and pace.

Source: PowerSchool developer pages: client credentials, `accessLevelV1Api`, the minimum interval
between requests. The status of a throttled request is not told anywhere: tests set it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from connectors.district.model import District

#: Seconds that a token is said to live.
TOKEN_LIFE_S = 2_504_956


class Access:
    """The plugin's credentials and tokens.

    Attributes:
        level: `accessLevelV1Api`: NONE, READ or FULL.
        interval_ms: between two requests at least, 0: any pace.
        throttle: the status of a request that came too early, and whether it has Retry-After.
        life_s: how long a token lives.
        skew_s: how far the server's clock is ahead of ours.
    """

    def __init__(self, district: District) -> None:
        told = hashlib.sha256(f"{district.name}/{district.seed}".encode()).hexdigest()
        self.client_id, self.client_secret = told[:24], told[24:56]
        self.level = "FULL"
        self.interval_ms = 0
        self.throttle: tuple[int, bool] = (429, False)
        self.life_s: float = TOKEN_LIFE_S
        self.skew_s = 0.0
        self._made = 0
        self._tokens: dict[str, float] = {}
        self._last_s = float("-inf")

    async def token(self, request: Request) -> Response:
        """Answer `POST /oauth/access_token`."""
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        try:
            pair = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            pair = ""
        if kind.lower() != "basic" or pair != f"{self.client_id}:{self.client_secret}":
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        if form.get("grant_type") != ["client_credentials"]:
            return JSONResponse({"error": "unsupported_grant_type"}, status_code=400)
        self._made += 1
        token = hashlib.sha256(f"{pair}{self._made}".encode()).hexdigest()
        self._tokens[token] = time.monotonic() + self.life_s
        # a number as text, as the wire has it
        return JSONResponse(
            {"access_token": token, "token_type": "Bearer", "expires_in": str(round(self.life_s))}
        )

    def forget_tokens(self) -> None:
        """Let every token expire."""
        self._tokens.clear()

    def is_signed(self, request: Request) -> bool:
        """Return whether a request carries a token that holds."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and self._tokens.get(token, 0.0) > time.monotonic()

    def refusal(self, request: Request, *, writes: bool, by_level: bool) -> Response | None:
        """Return why a request is not answered, None: it is.

        Args:
            request: of the vendor's paths.
            writes: whether it changes records.
            by_level: whether `accessLevelV1Api` governs it, as it does `/ws/v1` alone.
        """
        now_s = time.monotonic()
        if 1000 * (now_s - self._last_s) < self.interval_ms:
            wait_s = max(1, self.interval_ms // 1000)
            status, tells = self.throttle
            headers = {"Retry-After": str(wait_s)} if tells else None
            return PlainTextResponse(f"Too many requests, wait {wait_s} seconds", status, headers)
        self._last_s = now_s
        if not self.is_signed(request):
            told = (
                'Bearer error="invalid_token",realm="PowerSchool",'
                'error_description="The access token has expired"'
            )
            return Response(status_code=401, headers={"WWW-Authenticate": told})
        if by_level and self.level == "NONE":
            return JSONResponse({"message": "Access to the v1 API is denied"}, status_code=403)
        if by_level and writes and self.level != "FULL":
            return JSONResponse({"message": "The plugin may not write"}, status_code=403)
        return None
