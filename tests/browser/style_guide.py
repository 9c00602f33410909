"""A page of everything that pages are made of, served as the console will serve it.

It has the console's templates, static files and Content-Security-Policy, and nothing behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from connectors.form import Setting
from console.web import rendering
from console.web.assets import Assets
from console.web.headers import POLICY
from shared.domain.states import JobState

#: Three hours after `instant`.
NOW = datetime(2026, 11, 25, 11, tzinfo=UTC)

_PAGES = [("Home", ""), ("Timeline", ""), ("Approvals", 2), ("Roster", ""), ("App gallery", "")]


def application() -> Starlette:
    """Return the application: the guide at `/` and by theme, and the other pages of this folder."""
    return Starlette(
        routes=[
            *Assets(rendering.STATIC).routes(),
            Route("/bad", _bad),
            Route("/alone", _alone),
            Route("/live", _live),
            Route("/live/stream", _stream),
            Route("/live/part", _part, methods=["GET", "POST"]),
            Route("/live/answer/{status:int}", _answer, methods=["POST"]),
            Route("/{theme}", _guide),
            Route("/", _guide),
        ]
    )


@cache
def environment() -> Environment:
    """Return the console's own, which finds the templates of this folder too."""
    made = rendering.environment(lambda: NOW)
    assert made.loader is not None
    made.loader = ChoiceLoader([made.loader, FileSystemLoader(Path(__file__).parent)])
    return made


def context(theme: str | None = None) -> dict[str, Any]:
    """Return what the style guide's page shows."""
    states = [*map(str, JobState), "paused", "idle"]
    return {
        "visit": {"account": {"name": "operator1"}},
        "tenant": "oakfield",
        "has_choice": True,
        "nav": [
            {"href": f"/{label}", "label": label, "is_current": label == "Home", "count": count}
            for label, count in _PAGES
        ],
        "theme": theme,
        "csrf_token": lambda: "t0ken",
        "csrf_field": lambda: Markup('<input type="hidden" name="csrf_token" value="t0ken">'),
        "notices": [{"kind": "success", "text": "The sync is queued."}],
        "instant": "2026-11-25T08:00:00Z",
        "zone": "America/Chicago",
        "all_states": states,
        "states": {
            "import": ["running", "succeeded"],
            "two_way": ["held", "failed"],
            "export": ["queued", "paused"],
        },
        "settings": _settings(),
    }


def _settings() -> list[dict[str, Any]]:
    def one(
        name: str, type_: str, *, value: Any = None, error: str | None = None, **more: Any
    ) -> dict[str, Any]:
        given = {"is_required": True, "is_secret": False, "default": None, **more}
        setting = Setting(name, type_, description=f"What {name} is for.", **given)
        return {"setting": setting, "value": value, "error": error, "is_set": setting.is_secret}

    return [
        one("url", "address", value="https://sis.oakfield.example/api"),
        one("folder", "path", is_required=False),
        one("client_secret", "secret", is_secret=True, is_required=False),
        one("mode", "choice", choices=("oauth1", "oauth2"), value="oauth2"),
        one("max_pages", "integer", minimum=1, maximum=9, value=0, error="must be above 0"),
        one("rate", "number", exclusive_minimum=0, is_required=False, default=1.5),
        one("verify", "boolean", value=True),
        one("roles", "json", value={"teacher": "T's"}, is_required=False),
    ]


async def _guide(request: Request) -> Response:
    theme = request.path_params.get("theme")
    return _page("style_guide.html", context(theme))


async def _alone(request: Request) -> Response:
    alone = {**context(), "visit": {"account": None}, "tenant": None, "nav": [], "notices": []}
    return _page("sign_in_guide.html", alone)


async def _live(request: Request) -> Response:
    return _page("live_guide.html", {**context(), "stream": "stream" in request.query_params})


async def _stream(request: Request) -> Response:
    async def events() -> AsyncIterator[str]:
        yield "event: changed\ndata: 1\n\n"
        # until the browser goes
        await asyncio.Event().wait()

    return StreamingResponse(events(), media_type="text/event-stream")


async def _part(request: Request) -> Response:
    token = request.headers.get("x-csrf-token", "no token")
    told = f"by {request.method} with {token}"
    return HTMLResponse(f'<div id="part" data-announce>Updated {told}</div>')


async def _answer(request: Request) -> Response:
    told = '<div id="part" data-announce>Refused: choose a day</div>'
    return HTMLResponse(told, request.path_params["status"])


async def _bad(request: Request) -> Response:
    return _page("bad_guide.html", context())


def _page(template: str, values: dict[str, Any]) -> Response:
    text = environment().get_template(template).render(values)
    return HTMLResponse(text, headers={"Content-Security-Policy": POLICY})
