"""What must not happen in a browser, seen as it happens: each page of a test is watched."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, WebError


class Trouble:
    """What has gone wrong in the pages of a test; at its end there must be nothing.

    Seen are the console's errors (a breach of the Content-Security-Policy is one, and so is an
    answer of 400 or more), exceptions that no script has caught, and requests without an answer.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._allowed: list[re.Pattern[str]] = []

    def allow(self, pattern: str) -> None:
        """Let pass what matches a regular expression: the test wants it, such as a 403."""
        self._allowed.append(re.compile(pattern))

    def watch(self, context: BrowserContext) -> None:
        """Watch every page of a context, from its first request on."""
        context.on("console", self._on_console)
        context.on("weberror", self._on_web_error)
        context.on("requestfailed", self._on_request_failed)

    def left(self) -> list[str]:
        """Return what was seen and not allowed."""
        return [
            one for one in self.seen if not any(pattern.search(one) for pattern in self._allowed)
        ]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "assert"):
            place = message.location
            self.seen.append(f"console: {message.text} ({place['url']}:{place['lineNumber']})")

    def _on_web_error(self, error: WebError) -> None:
        self.seen.append(f"exception: {error.error}")

    def _on_request_failed(self, request: Request) -> None:
        # the browser itself gave it up: the page was left, or a file is saved instead of shown
        if request.failure != "net::ERR_ABORTED":
            self.seen.append(f"request: {request.method} {request.url}: {request.failure}")
