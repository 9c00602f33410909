"""Addresses that somebody hands on to somebody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.web.visit import Visit


def whole_address(visit: Visit, link: Mapping[str, Any]) -> dict[str, Any]:
    """Return a one-time link with its whole address.

    Where `BELLRINGER_CONSOLE_URL` does not say by which name browsers reach the console, it is the
    one by which this browser has done so.
    """
    own = str(visit.request.base_url).rstrip("/")
    return {**link, "url": link["url"] or own + link["path"]}
