"""Static files: an address changes with the content, so that a browser keeps it for good."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

_FOREVER = "public, max-age=31536000, immutable"


class Assets:
    """Serves the files that the package ships, and no others.

    Args:
        folder: of the files.
    """

    def __init__(self, folder: Path) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): path
            for path in folder.rglob("*")
            if path.is_file()
        }

    def routes(self) -> list[Route]:
        """Return the paths."""
        return [Route("/static/{path:path}", self._file)]

    def _file(self, request: Request) -> Response:
        path = self._files.get(request.path_params["path"])
        if path is None:
            return PlainTextResponse("not found\n", 404)
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        # without the digest of its content an address may mean another file tomorrow
        caching = _FOREVER if "v" in request.query_params else "no-cache"
        return FileResponse(path, media_type=kind, headers={"Cache-Control": caching})
