"""What pages are made of, as HTML: secrets stay away, texts are escaped, errors lead to fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.form import Setting
from console.web.rendering import environment


def rendered(call: str, **values: Any) -> str:
    """Return what a call of a macro writes."""
    source = '{% import "_macros.html" as ui with context %}' + call
    made = environment(lambda: datetime(2026, 11, 25, 11, tzinfo=UTC))
    return made.from_string(source).render({"csrf_field": lambda: "TOKEN", **values})


def field(setting: Setting, **more: Any) -> str:
    return rendered(
        "{{ ui.field(setting, value=value, error=error, is_set=is_set) }}",
        **{"setting": setting, "value": None, "error": None, "is_set": False, **more},
    )


def setting(name: str, type_: str, **more: Any) -> Setting:
    given = {"is_required": True, "is_secret": type_ == "secret", "default": None, **more}
    return Setting(name, type_, description="What it is for.", **given)


@pytest.mark.parametrize("is_required", [True, False])
def test_a_secret_is_never_written_into_a_page(is_required: bool) -> None:
    one = setting("client_secret", "secret", is_required=is_required, default="s3cret")
    html = field(one, value="s3cret", error="is too short", is_set=True)
    assert "s3cret" not in html
    assert 'type="password"' in html
    assert "A value is stored and never shown" in html
    # what is stored may stay, and what an app can do without may go
    assert " required" not in html.split("<input", 1)[1].split(">", 1)[0]
    assert ('name="forget" value="client_secret"' in html) is not is_required


def test_a_secret_that_is_missing_must_be_given() -> None:
    assert " required" in field(setting("api_key", "secret"))


@pytest.mark.parametrize(
    ("one", "value", "expected"),
    [
        (
            setting("url", "address"),
            "https://a.example/?x=1&y",
            'value="https://a.example/?x=1&amp;y"',
        ),
        (setting("pages", "integer", minimum=1, maximum=9), 3, 'min="1" max="9" step="1"'),
        (setting("rate", "number", exclusive_minimum=0), None, "More than 0."),
        (setting("mode", "choice", choices=("a", "b")), "b", '<option value="b" selected>'),
        (setting("mode", "choice", choices=("a",), is_required=False), None, ">Not set</option>"),
        (setting("verify", "boolean", default=True), None, 'value="true" checked'),
        (setting("verify", "boolean", default=True), False, 'value="true" aria'),
        (setting("roles", "json"), {"teacher": "T's"}, "&#34;teacher&#34;: &#34;T&#39;s&#34;"),
        (setting("roles", "json"), "{not json", ">\n{not json</textarea>"),
        (setting("client_id", "text"), None, ">Client ID</label>"),
        (setting("folder", "path", is_required=False), None, "(optional)"),
    ],
)
def test_a_setting_has_the_control_of_its_type(one: Setting, value: Any, expected: str) -> None:
    assert expected in field(one, value=value)


def test_an_error_is_tied_to_its_field_and_listed_on_top() -> None:
    html = field(setting("pages", "integer"), value=0, error="must be above 0")
    assert 'aria-describedby="f-pages-hint f-pages-error" aria-invalid="true"' in html
    assert 'id="f-pages-error"' in html
    listed = rendered('{{ ui.errors({"pages": "must be above 0"}, {"pages": "Pages"}) }}')
    assert '<a href="#f-pages">Pages: must be above 0</a>' in listed


def test_texts_are_escaped() -> None:
    bad = "<script>alert(1)</script>"
    for call in (
        "{{ ui.badge('failed', bad) }}",
        "{{ ui.diff(bad, bad) }}",
        "{{ ui.notice('error', bad) }}",
        "{{ ui.text('name', bad, bad, hint=bad, error=bad) }}",
        "{{ ui.post('/x', bad, confirm=bad, fields={'a': bad}) }}",
        "{{ ui.copyable('id', bad) }}",
        "{{ ui.item(bad, '/x', bad) }}",
        "{% call ui.card(bad) %}{{ bad }}{% endcall %}",
        "{% call ui.table(bad, [bad]) %}{% endcall %}",
    ):
        html = rendered(call, bad=bad)
        assert "<script" not in html
        assert "&lt;script&gt;" in html


def test_counts_say_what_changed_and_leave_out_what_did_not() -> None:
    html = rendered("{{ ui.counts({'added': 1204, 'removed': 0, 'unchanged': 3}) }}")
    assert "<b>1\u202f204</b> added" in html
    assert "removed" not in html
    assert "no change" in rendered("{{ ui.counts({'added': 0}) }}")
    assert "left out" in rendered("{{ ui.counts({'left_out': 2}) }}")


def test_an_instant_is_told_in_the_zone_and_by_its_distance() -> None:
    at = "2026-11-25T08:00:00Z"
    html = rendered("{{ ui.when(at, 'America/Chicago') }}", at=at)
    assert html == f'<time datetime="{at}">25 Nov 2026, 02:00 CST</time>'
    assert ">3 h ago</time>" in rendered("{{ ui.when(at, 'UTC', relative=true) }}", at=at)
    assert "never" in rendered("{{ ui.when(none, 'UTC') }}")


def test_progress_of_an_unknown_total_has_no_value() -> None:
    assert "value=" not in rendered("{{ ui.progress('Reads users', 7) }}")
    assert 'value="7" max="9"' in rendered("{{ ui.progress('Reads users', 7, 9) }}")
