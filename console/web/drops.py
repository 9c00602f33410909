"""Drop folders over HTTP: a vendor that fetches gets an app's files, and nothing else.

`/drop/TENANT/APP/TOKEN/FILE`, since a vendor's form may take an address and no more; or
`/drop/TENANT/APP/FILE` with the token as a Bearer token or as the password of Basic. Whatever is
wrong is answered alike, so that nobody learns which districts and apps there are.
"""

from __future__ import annotations

import base64
import binascii
import logging
import os
import secrets
from collections.abc import Iterator
from email.utils import formatdate
from typing import BinaryIO

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from connectors import registry
from connectors.transport.folder import part_of
from connectors.transport.served import ServedDrop
from shared.db.apps import app_row
from shared.db.engine import Database
from shared.errors import ConfigurationError
from shared.secrets import open_secrets

log = logging.getLogger(__name__)

_BLOCK = 256 * 1024
#: Seconds after which a set that is arriving has arrived.
_ARRIVING_S = 15
#: Nobody's: it is compared where there is no token, so that both take as long.
_NO_TOKEN = secrets.token_hex(32)


class Drops:
    """Serves the drop folders of all apps that have a token.

    Args:
        database: of the apps.
        secret_key: decrypts secrets; None where they are stored as they are.
    """

    def __init__(self, database: Database, secret_key: SecretStr | None) -> None:
        self._database = database
        self._secret_key = secret_key

    def routes(self) -> list[Route]:
        """Return the paths."""
        return [
            Route("/drop/{tenant}/{app}/{token}/{file}", self._fetch),
            Route("/drop/{tenant}/{app}/{file}", self._fetch),
        ]

    # not async: Starlette runs it in a thread, where it may wait for database and disk
    def _fetch(self, request: Request) -> Response:
        params = request.path_params
        app, name = f"{params['tenant']}/{params['app']}", params["file"]
        drop = self._drop(app)
        expected = drop.http_token.get_secret_value() if drop and drop.http_token else _NO_TOKEN
        given = params.get("token") or _token_of(request.headers.get("authorization", ""))
        is_known = secrets.compare_digest(given.encode(), expected.encode())
        if not is_known or drop is None or drop.path is None or name not in drop.served():
            log.warning("drop: refused %s", request.client.host if request.client else "somebody")
            return _told("not found", 404)
        if any((drop.path / part_of(one)).exists() for one in drop.served()):
            return _told("the files are arriving", 503, {"Retry-After": str(_ARRIVING_S)})
        try:
            file = (drop.path / name).open("rb")
        except FileNotFoundError:
            log.warning("drop: %s has not delivered %s yet", app, name)
            return _told("not found", 404)
        return self._answer(request, app, name, file)

    def _answer(self, request: Request, app: str, name: str, file: BinaryIO) -> Response:
        """Answer with an open file: whoever replaces it meanwhile does not change this answer."""
        status = os.fstat(file.fileno())
        etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"'
        headers = {
            "ETag": etag,
            "Last-Modified": formatdate(status.st_mtime, usegmt=True),
            "Cache-Control": "private, no-cache",
            "X-Content-Type-Options": "nosniff",
            "Content-Disposition": f'attachment; filename="{name}"',
        }
        told = request.headers.get("if-none-match", "").split(",")
        # a server before us that packs what it passes on makes our tag a weak one
        known = {tag.strip().removeprefix("W/") for tag in told}
        if etag in known or request.method == "HEAD":
            file.close()
            if etag in known:
                return Response(status_code=304, headers=headers)
            headers["Content-Length"] = str(status.st_size)
            return Response(headers=headers, media_type=_type_of(name))
        log.info("drop: %s fetches %s, %d bytes", app, name, status.st_size)
        headers["Content-Length"] = str(status.st_size)
        return StreamingResponse(_blocks(file), headers=headers, media_type=_type_of(name))

    def _drop(self, app: str) -> ServedDrop | None:
        """Return the settings of an app that is served; None: there is none that could be."""
        try:
            with self._database.read() as connection:
                row = app_row(connection, app)
        except ConfigurationError:
            return None
        try:
            connector = registry.get(row.connector)
            if not issubclass(connector.config, ServedDrop):
                return None
            values = {**row.config, **open_secrets(row.secrets, self._secret_key)}
            config = registry.parse_config(connector, values)
        except ConfigurationError as error:
            # the vendor can do nothing about it, and is told nothing
            log.error("drop: %s cannot be served: %s", app, error)
            return None
        return config if isinstance(config, ServedDrop) else None


def _token_of(authorization: str) -> str:
    """Return the token of an Authorization header, "" where there is none."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return ""
        return decoded.partition(":")[2]
    return ""


def _type_of(name: str) -> str:
    return "application/zip" if name.endswith(".zip") else "text/csv; charset=utf-8"


def _told(problem: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(
        f"{problem}\n", status, {"Cache-Control": "no-store", **(headers or {})}
    )


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK):
            yield block
