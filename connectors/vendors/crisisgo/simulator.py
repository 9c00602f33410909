"""CrisisGo's side, simulated: an SFTP site to which a district sends its five files.

Source: a public script of a school sends them by SFTP, by password; what CrisisGo says of a file is
not known, so the site takes what comes. What lies there is told under `/`.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.district.model import District
from connectors.district.sftp_site import SftpSite
from connectors.sdk import Mounted


def mount(district: District, base_url: str) -> Mounted:
    """Return a site for a district, and the settings that reach it; it listens at once."""
    del base_url  # SFTP has a port of its own
    site = SftpSite(district.name)

    async def listed(request: Request) -> Response:
        del request
        with site.lock:
            sizes = {name: len(content) for name, content in sorted(site.files.items())}
        return JSONResponse(sizes)

    async def one(request: Request) -> Response:
        with site.lock:
            content = site.files.get(request.path_params["name"])
        if content is None:
            return JSONResponse({"message": "no such file"}, status_code=404)
        return Response(content, media_type="text/csv; charset=utf-8")

    return Mounted(
        app=Starlette(routes=[Route("/", listed), Route("/{name}", one)]),
        settings={
            "sftp_host": "127.0.0.1",
            "sftp_port": str(site.port),
            "sftp_user": site.user,
            "sftp_host_key": site.host_key,
            "sftp_password": site.password,
        },
        close=site.close,
    )
