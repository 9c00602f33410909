"""Whatever is sent to any operation or page, it is answered: no input is a fault of the server."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.service.catalog import catalog
from console.web.page import Access
from console.web.pages import every_page
from console.web.reference import openapi
from console.web.routing import API
from shared.domain.roles import Role
from tests.console_site import Browser, ConsoleSite

pytestmark = pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)

#: What has broken programs before: markup, paths, formulas, signs that no database holds.
NASTY = (
    "", " ", "0", "-1", "1e309", "NaN", str(2**63), "9" * 5000, "null", "true", "[", "{}", "\x00",
    "\ud800", "\u202e", "é" * 300, "x" * 5000, "../../etc/passwd", "%2e%2e/", "a/b", "'", '"', "\\",
    "' OR 1=1 --", "%", "_", "<script>alert(1)</script>", "{{ 7*7 }}", "=1+1", "2026-02-30",
    "2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "* * * * *",
    "a.b", "users.email", "oak", "oak/sis", "sis", "ls", "users", "full", "Etc/GMT+99", "\n", "\u2028",
)  # fmt: skip
TEXTS = st.sampled_from(NASTY) | st.text(max_size=8)
NUMBERS = st.sampled_from([0, 1, -1, 2**31, 2**63 - 1, 2**63, 10**400, 1e308, 0.1])
#: JSON as a program of Python's sends it: NaN and Infinity among it.
LEAVES = st.none() | st.booleans() | NUMBERS | TEXTS | st.sampled_from([float("nan"), float("inf")])
JUNK = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
#: Of things that there are, so that not every request ends at the first look.
THERE = {"tenant": "oak", "app": "sis", "kind": "users", "mode": "full", "connector": "lightspeed"}


def fitting(schema: Any, whole: dict[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    """Return what an operation's schema describes; where it leaves room, what is nasty."""
    if "$ref" in schema:
        return fitting(
            whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]], whole, depth
        )
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "const" in schema:
        return st.just(schema["const"])
    if "anyOf" in schema:
        return st.one_of([fitting(one, whole, depth) for one in schema["anyOf"]])
    kind = schema.get("type")
    if kind == "object" and "properties" in schema and depth < 4:
        made = {name: fitting(of, whole, depth + 1) for name, of in schema["properties"].items()}
        required = set(schema.get("required", ()))
        return st.fixed_dictionaries(
            {name: of for name, of in made.items() if name in required},
            optional={name: of for name, of in made.items() if name not in required},
        )
    if kind == "object":
        inner = schema.get("additionalProperties")
        values = fitting(inner, whole, depth + 1) if isinstance(inner, dict) and depth < 4 else JUNK
        return st.dictionaries(TEXTS, values, max_size=3)
    if kind == "array" and depth < 4:
        return st.lists(fitting(schema.get("items", {}), whole, depth + 1), max_size=3)
    simple = {
        "integer": st.integers(schema.get("minimum"), schema.get("maximum")),
        "number": st.floats(),
        "boolean": st.booleans(),
        "null": st.none(),
        "string": TEXTS,
    }
    return simple.get(kind, JUNK)


def in_path(name: str) -> st.SearchStrategy[str]:
    """Return what stands in the place of a name in a path: mostly something that there is."""
    there = st.sampled_from([THERE[name]] if name in THERE else ["1", "2", "viewer"])
    return st.integers(0, 9).flatmap(lambda dice: TEXTS if dice == 0 else there)


def addressed(data: st.DataObject, path: str) -> str:
    """Return a path with something in the place of each name."""
    parts = [
        quote(data.draw(in_path(part.strip("{}").partition(":")[0])).encode("utf-8", "surrogatepass"), safe="")
        if part.startswith("{") else part
        for part in path.split("/")
    ]  # fmt: skip
    return "/".join(parts)


def queried(data: st.DataObject, names: list[str]) -> str:
    drawn = data.draw(st.dictionaries(st.sampled_from(names), TEXTS, max_size=3)) if names else {}
    return "?" + urlencode(
        {name: value.encode("utf-8", "surrogatepass") for name, value in drawn.items()}
    )


#: What would leave nothing to ask about, or nobody to ask.
_LAST = {"remove_app", "rename_app", "disable_account", "take_role", "give_role", "revoke_token"}
_OUT = {"/sign-out", "/account/password", "/account/sessions/end", "/account/sessions/end-all"}
#: The same draws each time: a test that fails now and then is none.
_EVERY = settings(
    max_examples=2,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def draw_for(run: Callable[[st.DataObject], None]) -> None:
    _EVERY(given(st.data())(lambda data: run(data)))()


def test_no_operation_fails_over_what_it_is_sent(site: ConsoleSite) -> None:
    client = Browser(site.app, follow_redirects=False)
    whole = openapi(site.app)
    headers = {
        "authorization": f"Bearer {site.token_of(Role.ADMINISTRATOR)}",
        "content-type": "application/json",
    }
    for one in catalog():
        if one.name in _LAST:
            continue
        told = whole["paths"][API + one.path][one.method.lower()]
        names = [each["name"] for each in told.get("parameters", ()) if each["in"] == "query"]
        content = told.get("requestBody", {}).get("content", {}).get("application/json")
        bodies = st.none() if content is None else fitting(content["schema"], whole) | JUNK

        def run(data: st.DataObject, one=one, names=names, bodies=bodies) -> None:
            path = API + addressed(data, one.path) + queried(data, names)
            body = json.dumps(data.draw(bodies)).encode()
            answer = client.request(one.method, path, content=body, headers=headers)
            assert answer.status_code < 500, f"{one.method} {path} {body!r}"
            assert answer.status_code != 401, f"{one.name} has ended the token"

        draw_for(run)


def test_no_page_fails_over_what_it_is_sent(site: ConsoleSite) -> None:
    client = site.client(Role.ADMINISTRATOR)
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-csrf-token": client.csrf("/tenants"),
    }
    for page in every_page():
        if page.path in _OUT or page.needs is Access.PUBLIC:
            continue
        names = [one.name for one in page.parameters() if f"{{{one.name}}}" not in page.path]
        fields = words_of(page.function.__module__)

        def run(data: st.DataObject, page=page, names=names, fields=fields) -> None:
            path = addressed(data, page.path) + queried(data, names)
            sent = data.draw(st.lists(st.tuples(st.sampled_from(fields), TEXTS), max_size=8))
            pairs = [(name, value.encode("utf-8", "surrogatepass")) for name, value in sent]
            body = None if page.is_safe else urlencode(pairs).encode()
            answer = client.request(page.method, path, content=body, headers=headers)
            assert answer.status_code < 500, f"{page.method} {path} {body!r}"
            assert answer.status_code != 403, f"{page.path} has ended the session"

        draw_for(run)


def words_of(module: str) -> list[str]:
    """Return the words in a page's module: the names of its form's fields are among them."""
    source = inspect.getsource(sys.modules[module])
    return sorted({*re.findall(r'"([a-z_]{2,30})"', source), "name"})


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 100_000, b"\xff\xfe", b"", b"{", b"nul"]
)
def test_what_is_no_body_is_refused(site: ConsoleSite, body: bytes) -> None:
    headers = {"authorization": f"Bearer {site.token_of(Role.ADMINISTRATOR)}"}
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", ""):
        path = f"{API}/tenants/oak/apps/sis/rules"
        answer = site.client().patch(path, content=body, headers={**headers, "content-type": kind})
        assert answer.status_code in (400, 413, 415, 422), answer.text
    client = site.client(Role.ADMINISTRATOR)
    sent = {"setting": body.decode("latin-1"), "schools": body.decode("latin-1")}
    answer = client.submit("/tenants/oak/apps/sis/settings/connection", **sent)
    assert answer.status_code < 500
