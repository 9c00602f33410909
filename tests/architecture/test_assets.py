"""Templates and static files: nothing inline, nothing from elsewhere, nothing unescaped, all shipped.

The Content-Security-Policy would refuse what is inline or foreign in the browser; this refuses it
before anybody looks.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from shared.domain.states import JobState, Tier

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "console" / "web"
STATIC = WEB / "static"
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
VENDORED = (STATIC / "vendor", ROOT / "tests" / "browser" / "vendor")
#: Files of ours that a browser gets.
OURS = sorted(path for path in STATIC.glob("*") if path.is_file())

#: Where a template may say that a text is safe, by its name; nowhere so far.
SAFE: dict[str, int] = {}

_JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}", re.DOTALL)
_VALUE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
#: Attributes by which a browser or htmx fetches something.
_FETCHING = re.compile(
    r"(src|srcset|href|action|formaction|poster|data|sse-connect|hx-(get|post|put|patch|delete))"
)
_ELSEWHERE = re.compile(r"^\s*(https?:|wss?:|data:|javascript:|//)", re.IGNORECASE)
_NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
#: htmx runs what these hold as code.
_CODE_OF_HTMX = re.compile(r"^(data-)?hx-(on|vars)|^(js|javascript):")


class Judge(HTMLParser):
    """Notes what must not stand in a template."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _value in attrs}
        self._script = tag == "script"
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(f"<{tag}> inline")
        for name, value in attrs:
            if name == "style" or re.match(r"on[a-z]", name) or _CODE_OF_HTMX.search(name):
                self.found.append(f"{tag} {name}=")
            # a link to read leads wherever it leads; what is loaded is ours
            is_loaded = _FETCHING.fullmatch(name) and not (tag == "a" and name == "href")
            if is_loaded and _ELSEWHERE.search(value or ""):
                self.found.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.found.append("<script> inline")

    def handle_endtag(self, tag: str) -> None:
        self._script = False


def judged(text: str) -> list[str]:
    """Return what is wrong with a template's text."""
    judge = Judge()
    judge.feed(_VALUE.sub("value", _JINJA.sub("", text)))
    judge.close()
    return judge.found


def test_there_are_templates() -> None:
    assert {"base.html", "_macros.html"} <= {path.name for path in TEMPLATES}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_nothing_inline_and_nothing_from_elsewhere(path: Path) -> None:
    assert judged(path.read_text()) == []


@pytest.mark.parametrize(
    "text",
    [
        "<p style='color:red'>",
        "<style>p{}</style>",
        "<script>x</script>",
        "<script src='/x.js'>x</script>",
        "<p {% if x %}onclick='x'{% endif %}>",
        "<p hx-on:click='x'>",
        "<script src='https://cdn.example/x.js'></script>",
        "<img src='//cdn.example/x.png'>",
        "<img src='data:image/png;base64,x'>",
        "<form action='http://x.example/'>",
        "<p hx-get='https://x.example/'>",
    ],
)
def test_each_of_these_is_found(text: str) -> None:
    assert judged(text)


def test_what_is_allowed_is_not_found() -> None:
    text = "<a href='https://x.example/'>x</a><script defer src=\"{{ static('x.js') }}\"></script>"
    assert judged(text) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_escapes_everything(path: Path) -> None:
    text = path.read_text()
    unescaped = re.findall(r"\|\s*safe\b|\bautoescape\b", text)
    assert len(unescaped) == SAFE.get(path.name, 0), unescaped


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_form_that_posts_carries_the_token(path: Path) -> None:
    for form in re.findall(r"<form\b.*?</form>", path.read_text(), re.DOTALL):
        if re.search(r'method="post"', form):
            assert "csrf_field()" in form, form


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_a_static_file_of_ours_names_no_other_place(path: Path) -> None:
    text = path.read_text().replace(_NAMESPACE, "")
    assert not re.findall(r"https?://|url\(\s*['\"]?(?!#)|@import|<script|<style|\bon[a-z]+=", text)


def test_what_templates_ask_for_is_there() -> None:
    text = "".join(path.read_text() for path in TEMPLATES)
    for name in set(re.findall(r"static\('([^']+)'\)", text)):
        assert (STATIC / name).is_file(), name
    icons = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text()))
    named = set(re.findall(r'icon\("([^"]+)"\)', text))
    assert named | set(JobState) | set(Tier) <= icons


def test_every_state_and_tier_has_its_look() -> None:
    sheet = (STATIC / "console.css").read_text()
    for state in JobState:
        assert f".badge-{state} " in sheet
        assert re.search(rf"\.tl-{state}\b", sheet)
    for tier in Tier:
        assert f".tier-{tier} " in sheet


@pytest.mark.parametrize("folder", VENDORED, ids=lambda folder: folder.parent.name)
def test_code_of_others_is_as_its_makers_have_published_it(folder: Path) -> None:
    table = (folder / "README.md").read_text()
    told = dict(re.findall(r"^\| `([^`]+)` .* `([0-9a-f]{64})` \|$", table, re.MULTILINE))
    here = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.js")
    }
    assert told == here
    for licence in re.findall(r"\]\(([^)]+LICENSE[^)]*)\)", table):
        assert (folder / licence).is_file(), licence


def test_a_wheel_has_every_file() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["console"]
    shipped = {path for pattern in patterns for path in (ROOT / "console").glob(pattern)}
    files = {path for name in ("static", "templates") for path in (WEB / name).rglob("*")}
    assert {path for path in files if path.is_file()} <= shipped
