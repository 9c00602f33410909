"""Expressions: what they give, and what is said of those that cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.records import FIELDS, Kind
from shared.errors import ConfigurationError
from shared.roster.expressions import Expression, ExpressionError, as_field, is_true

FIELD = {field.name: field for field in FIELDS[Kind.USERS]}


def made(text: str) -> Expression:
    return Expression(Kind.USERS, text, where="attributes.users.email")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("email.lowerAscii()", "pat@example.org"),
        ("email == '' ? username + '@example.org' : email", "Pat@Example.org"),
        ("grades.map(g, g + '!')", ["09!", "10!"]),
        ("email.split('@')[0]", "Pat"),
        ("middleName", ""),
        ("sourcedId.substring(5)", "1"),
        ("'09' in grades && username.matches('^u[0-9]+$')", True),
    ],
)
def test_what_it_gives(text: str, value: object) -> None:
    record = {
        "sourcedId": "user-1",
        "email": "Pat@Example.org",
        "username": "u1",
        "grades": '["09","10"]',
    }
    assert made(text).evaluate(record) == value


@pytest.mark.parametrize(
    "text", ["", "email +", "shoeSize", "email.bogus()", "open('/etc/passwd')", "x" * 1001]
)
def test_what_is_no_expression_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"attributes\.users\.email"):
        made(text)


def test_what_fails_over_one_record_says_so() -> None:
    expression = made("email.split('@')[1]")
    assert expression.evaluate({"email": "a@b"}) == "b"
    with pytest.raises(ExpressionError, match="index out of bounds"):
        expression.evaluate({"email": "ab"})


def test_a_field_takes_only_what_it_can_hold() -> None:
    assert as_field(FIELD["grades"], ["10", "09", ""]) == '["09","10"]'
    assert as_field(FIELD["email"], "") is None
    assert as_field(FIELD["enabledUser"], True) == "true"
    for name, value in (("grades", "09"), ("email", ["x"]), ("email", 1.5), ("email", {})):
        with pytest.raises(ExpressionError, match=name):
            as_field(FIELD[name], value)
    with pytest.raises(ExpressionError, match="true or false"):
        is_true("yes")


@given(st.text(max_size=40))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        expression = made(text)
    except ConfigurationError:
        return
    try:
        expression.evaluate({})
    except ExpressionError:
        return


@pytest.mark.parametrize(
    "text",
    [
        "lists.range(10000000000)",
        "lists.range(9223372036854775807).size()",
        '"' + "x" * 20 + '"' + f'.replace("x", "{"x" * 40}")' * 12,
        f'["{"x" * 300}", "{"x" * 300}"].join("{"x" * 200}")' + '.replace("x", "xxxxxxxxxxxxxxx")' * 3,
        '"".replace("", "x")' + '.replace("x", "xxxxxxxxxxxxxxxxxxxx")' * 8,
    ],
)  # fmt: skip
def test_an_expression_that_would_fill_the_memory_fails_over_the_record(text: str) -> None:
    with pytest.raises(ExpressionError, match="more than an expression may"):
        Expression(Kind.USERS, text, where="x").evaluate({})


def test_loops_within_loops_are_refused_before_they_begin() -> None:
    text = "true"
    for place in range(9):
        text = f"[0,0,0,0,0,0,0,0,0,0].all(v{place}, {text})"
    for one in (text, "[[1]].map(a, a+a).map(b, b+b). //x\n map (c, c+c)"):
        with pytest.raises(ConfigurationError, match="through lists more than 2 times"):
            Expression(Kind.USERS, one, where="x")
    assert Expression(Kind.USERS, "[1].map(a, a).all(b, b == 1)", where="x").evaluate({})
