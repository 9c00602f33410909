"""The reference of the REST API."""

from __future__ import annotations

from console.web.page import Access, Data, page
from console.web.reference import OPENAPI_PATH, subjects
from console.web.visit import Visit


@page("GET", "/api/docs", needs=Access.SIGNED_IN, template="api_docs.html")
def reference(visit: Visit) -> Data:
    """Show every operation, by subject."""
    base = str(visit.request.base_url).rstrip("/")
    return {"subjects": subjects(visit.request.app), "openapi": OPENAPI_PATH, "base": base}
