"""How the simulated services answer: errors in Google's envelope, lists in pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from starlette.responses import JSONResponse, Response

Item = dict[str, Any]
#: By status, Google's name for it.
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
}


class GoogleError(Exception):
    """A request that is refused.

    Args:
        code: the HTTP status.
        message: for people; a failed precondition's begins with its code.
        status: Google's name, where it is not the usual one of the HTTP status.
        reason: a further word that some errors carry.
    """

    def __init__(
        self, code: int, message: str, status: str | None = None, reason: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status or _STATUS.get(code, "UNKNOWN")
        self.reason = reason

    def response(self) -> Response:
        """Return it as an answer."""
        error: Item = {"code": self.code, "message": str(self), "status": self.status}
        if self.reason is not None:
            error["errors"] = [{"domain": "global", "reason": self.reason, "message": str(self)}]
            info = "type.googleapis.com/google.rpc.ErrorInfo"
            error["details"] = [{"@type": info, "reason": self.reason}]
        return JSONResponse({"error": error}, status_code=self.code)


def precondition(code: str, told: str) -> GoogleError:
    """Return a failed precondition, by the code that its message begins with."""
    return GoogleError(400, f"{code} {told}", "FAILED_PRECONDITION")


def not_found() -> GoogleError:
    """Return what is said of whatever is not there, or not to be seen."""
    return GoogleError(404, "Requested entity was not found.")


def page_of(
    key: str, items: Sequence[Item], asked: str, token: str, *, usual: int, most: int
) -> Item:
    """Return a page of a list; without records its key is left out.

    Args:
        key: of the records.
        items: all of them.
        asked: how many the client wants, "" or "0": it does not say.
        token: of the page, "": the first.
        usual: records of a page where the client does not say.
        most: records of the longest page.
    """
    if asked and not asked.isdigit():
        raise GoogleError(400, "Invalid value at page size")
    size = min(int(asked or 0) or usual, most)
    start = 0
    if token:
        try:
            name, _, place = base64.urlsafe_b64decode(token).decode().partition("/")
            start = int(place)
        except (ValueError, binascii.Error):
            name = ""
        if name != key:
            raise GoogleError(400, "Invalid page token")
    page: Item = {}
    if shown := list(items[start : start + size]):
        page[key] = shown
    if start + size < len(items):
        page["nextPageToken"] = base64.urlsafe_b64encode(f"{key}/{start + size}".encode()).decode()
    return page
