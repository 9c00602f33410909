"""Who may use the simulated API: two keys on every call, and the pace of a subscription.

Source: what clients send (both keys are needed; the first may stand in the query), and the API
gateway's own words for 401 and 429, which were not seen of FACTS itself.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import deque

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors.district.model import District


class Access:
    """One school's keys.

    Attributes:
        grants: beginnings of paths that the school's key may read, such as `People`; None: all.
        per_second: requests in any second, 0: any number.
        per_minute: requests in any minute, 0: any number.
        most_at_once: the most requests that came within any second, and any minute.
    """

    def __init__(self, district: District) -> None:
        told = hashlib.sha256(f"facts/{district.name}/{district.seed}".encode()).hexdigest()
        self.subscription_key, self.api_key = told[:32], f"{told[32:]}{told[:32]}"
        self.grants: set[str] | None = None
        self.per_second = 0
        self.per_minute = 0
        self.most_at_once = {1: 0, 60: 0}
        self._times: dict[int, deque[float]] = {1: deque(), 60: deque()}

    def refusal(self, request: Request, path: str) -> Response | None:
        """Return why a request is not answered, None: it is; its path has no slash before it."""
        return self._too_many() or self._unknown(request, path)

    def _too_many(self) -> Response | None:
        now_s = time.monotonic()
        for period_s, limit in ((1, self.per_second), (60, self.per_minute)):
            came = self._times[period_s]
            came.append(now_s)
            while came[0] <= now_s - period_s:
                came.popleft()
            self.most_at_once[period_s] = max(self.most_at_once[period_s], len(came))
            if limit and len(came) > limit:
                wait_s = max(1, math.ceil(came[0] + period_s - now_s))
                told = f"Rate limit is exceeded. Try again in {wait_s} seconds."
                return _gateway(429, told, {"Retry-After": str(wait_s)})
        return None

    def _unknown(self, request: Request, path: str) -> Response | None:
        given = request.headers.get("ocp-apim-subscription-key")
        given = given or request.query_params.get("subscription-key")
        if given != self.subscription_key:
            problem = "invalid" if given else "missing"
            return _gateway(401, f"Access denied due to {problem} subscription key.")
        if request.headers.get("facts-api-key") != self.api_key:
            return JSONResponse(_error("Unauthorized", "The API key is not known."), 401)
        if self.grants is not None and not any(path.startswith(one) for one in self.grants):
            return JSONResponse(_error("Forbidden", "The API key may not read this."), 403)
        return None


def _gateway(status: int, told: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"statusCode": status, "message": told}, status, headers)


def _error(code: str, told: str) -> dict[str, object]:
    return {"error": {"code": code, "message": told, "target": "", "details": []}}
