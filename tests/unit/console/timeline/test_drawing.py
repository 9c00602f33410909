"""The drawing: what the templates make of a layout; nothing that was typed in becomes markup."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

from console.web.rendering import environment

ZERO = datetime(2026, 3, 8, 5, tzinfo=UTC)
WINDOW = {"from": ZERO.isoformat(), "zoom": "6h", "zone": "America/New_York"}
NASTY = '</title><script>alert("x")</script>'


def at(minute: int) -> str:
    return (ZERO + timedelta(minutes=minute)).isoformat()


def drawn(template: str, **context: Any) -> str:
    return environment(lambda: ZERO).get_template(template).render(**context)


def page(*, is_cut: bool = False, now: int = 200) -> str:
    job = {
        "id": 7,
        "app": "oak/sis",
        "tier": "import",
        "mode": "full",
        "trigger": "schedule",
        "state": "failed",
        "reason": NASTY,
        "attempt": 2,
        "due_at": at(-10),
        "queued_at": at(60),
        "started_at": at(60),
        "finished_at": at(90),
        "phases": [
            {"kind": "held", "from": at(-10), "to": at(60), "words": NASTY, "on": None},
            {"kind": "running", "from": at(60), "to": at(90), "words": "ran", "on": None},
        ],
    }
    timeline = {
        "tenant": "oak",
        **WINDOW,
        "now": at(now),
        "is_cut": is_cut,
        "apps": [{"app": "oak/sis", "tier": "import", "connector": "test"}],
        "jobs": [job],
    }
    return drawn("_timeline.html", timeline=timeline)


class Tags(HTMLParser):
    """The tags of a page, in order, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_a_reason_is_text_and_never_markup() -> None:
    html = page()
    assert "<script" not in html
    assert html.count("&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;") >= 3


def test_nothing_is_styled_or_scripted_in_place() -> None:
    for tag, attributes in Tags(page()).found:
        assert tag not in {"script", "style"}
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


def test_a_job_is_a_link_with_words_and_a_wait_has_a_pattern() -> None:
    html = page()
    tags = Tags(html).found
    links = [attributes for tag, attributes in tags if tag == "a" and "tl-job" in str(attributes)]
    assert [link["href"] for link in links] == ["/tenants/oak/jobs/7"]
    assert "<title>sis, full, failed: " in html
    waits = [
        attributes for tag, attributes in tags if "tl-wait-held" in str(attributes.get("class"))
    ]
    assert any(attributes.get("fill") == "url(#tl-held)" for attributes in waits)
    assert {attributes["id"] for tag, attributes in tags if tag == "pattern"} == {
        "tl-held",
        "tl-queued",
        "tl-retry",
        "tl-late",
    }


def test_the_same_stands_there_as_a_table_and_in_words() -> None:
    html = page()
    assert "clocks go forward 1 h: 02:00 EST is 03:00 EDT" in html
    table = html[html.index("<table") :]
    for words in ("sis, job 7", "Import", "full", "failed", "7 Mar 23:50", "1 h 10 min", "30 min"):
        assert words in table
    assert re.search(r'aria-current="true">6 h<', html)
    assert "tl-now" in html
    assert "tl-now" not in page(now=900)


def test_a_period_of_too_many_jobs_says_that_some_are_left_out() -> None:
    assert "more jobs than fit" in page(is_cut=True)
    assert "more jobs than fit" not in page()


def test_the_overview_draws_a_row_a_tier_and_leads_on() -> None:
    tier = {
        "tier": "two_way",
        "due_at": at(10),
        "started_at": at(40),
        "until": at(80),
        "counts": {"failed": 1},
        "worst": "failed",
    }
    timeline = {
        **WINDOW,
        "now": at(200),
        "next": "oak & elm",
        "tenants": [{"tenant": "oak", "zone": "UTC", "tiers": [tier]}],
    }
    html = drawn("_timeline_all.html", timeline=timeline)
    assert "after=oak%20%26%20elm" in html
    assert ">2-way<" in html
    assert "<title>oak, 2-way: 1 job: 1 failed; due 8 Mar 00:10, the first waited 30 min;" in html
    assert "7 days" not in html
