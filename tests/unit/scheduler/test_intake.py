"""Run-now messages: 100 kinds of malformed ones, and whatever hypothesis thinks of."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.intake import MAX_BODY, parse
from shared.broker.consumer import Delivery
from shared.errors import ContractError
from shared.messages import RUN_NOW_FIXES, RunNow

GOOD = {"app": "oak/sis", "mode": "full", "cascade": False}


def _malformed() -> dict[str, bytes]:
    found: dict[str, bytes] = {
        "empty": b"",
        "no json": b"run it",
        "not utf-8": b"\xff\xfe\x00",
        "half": json.dumps(GOOD).encode()[:-3],
        "two documents": json.dumps(GOOD).encode() * 2,
        "nul": b'{"app": "oak/sis\x00"}',
        "deep": b"[" * 5000 + b"]" * 5000,
        "too long": b'{"app": "' + b"a" * MAX_BODY + b'"}',
        "xml": b"<app>oak/sis</app>",
        "nan": b'{"app": NaN}',
    }
    wrong = [None, 1, 1.5, True, [], {}, ["oak/sis"], "", " "]
    for value in [*wrong, "oak", "/", "oak/", "/sis", "oak/sis/x", "Oak/sis", "oak/sis ", "oak\\sis",
                  "../sis", "oak/" + "a" * 64, "oak/é", "oak/sis\n", "-oak/sis", "oak/ sis"]:  # fmt: skip
        found[f"app {value!r}"] = json.dumps({**GOOD, "app": value}).encode()
    for value in [*wrong, "FULL", "delta", "full ", "fullincremental"]:
        found[f"mode {value!r}"] = json.dumps({**GOOD, "mode": value}).encode()
    for value in [None, 0, 1, "true", "false", "yes", [], {}, 1.0]:
        found[f"cascade {value!r}"] = json.dumps({**GOOD, "cascade": value}).encode()
    for value in [*wrong, "text", [GOOD]]:
        found[f"instead {value!r}"] = json.dumps(value).encode()
    for name in ["tenant", "App", "apps", "modes", "priority", "__class__", "job", "options",
                 "queue_name", "message_id", "user", "when", "at", "", "app "]:  # fmt: skip
        found[f"more {name!r}"] = json.dumps({**GOOD, name: "x"}).encode()
    for count in range(1, 4):
        found[f"no app {count}"] = json.dumps({"mode": "full"}).encode() + b" " * count
    for name in ("app", "mode", "cascade"):
        for shape in ({"a": 1}, [[]], [None], "\u0000", "\ud83d\ude00", 10**30):
            found[f"{name} as {shape!r}"] = json.dumps({**GOOD, name: shape}).encode()
    return found


MALFORMED = _malformed()


def test_there_are_a_hundred_kinds():
    assert len(MALFORMED) >= 100


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_message_is_refused_with_its_reason(name):
    with pytest.raises(ContractError) as caught:
        parse(Delivery(body=MALFORMED[name]))
    assert str(caught.value)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"run it", 'body: it is no JSON object. Send such as {"app": "TENANT/NAME"}'),
        (b"[]", 'body: it is no JSON object. Send such as {"app": "TENANT/NAME"}'),
        (b"{}", "app: it is missing. Give TENANT/NAME, each of a-z 0-9 - _"),
        (b'{"app": "Oak"}', "app: it cannot be read. Give TENANT/NAME, each of a-z 0-9 - _"),
        (
            b'{"app": "oak/sis", "mode": "delta"}',
            'mode: it cannot be read. Give "full" or "incremental"',
        ),
        (b'{"app": "oak/sis", "cascade": 1}', "cascade: it cannot be read. Give true or false"),
        (
            b'{"app": "oak/sis", "when": 1, "cascade": 1}',
            "cascade: it cannot be read. Give true or false; "
            "when: there is no such field. Send some of app, mode, cascade",
        ),
    ],
)
def test_a_refusal_says_what_to_send(body, told):
    with pytest.raises(ContractError) as caught:
        parse(Delivery(body=body))
    assert str(caught.value) == told


def test_a_refusal_stays_short_enough_for_a_header():
    many = {"x" * 60_000: 1, **{f"x{number}": number for number in range(100)}}
    with pytest.raises(ContractError) as caught:
        parse(Delivery(body=json.dumps(many)[:MAX_BODY].encode()))
    assert len(str(caught.value)) < 1000


def test_every_field_has_its_fix():
    assert set(RUN_NOW_FIXES) == set(RunNow.model_fields)


def test_a_good_one_is_taken():
    assert parse(Delivery(body=json.dumps(GOOD).encode())) == RunNow(app="oak/sis")


def test_a_message_id_that_is_too_long():
    with pytest.raises(ContractError, match="message_id"):
        parse(Delivery(body=json.dumps(GOOD).encode(), message_id="x" * 300))


@given(st.one_of(st.binary(), st.text().map(str.encode), st.dictionaries(st.text(), st.text()).map(
    lambda value: json.dumps(value).encode())))  # fmt: skip
def test_no_bytes_get_past_the_contract(body):
    try:
        parse(Delivery(body=body))
    except ContractError:
        return
    raise AssertionError(f"{body!r} was taken")
