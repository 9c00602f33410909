"""What mappings share: vendors' values as the hub's text."""

from __future__ import annotations

import doctest
from datetime import UTC, date, datetime

import pytest

from connectors import normalise


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(normalise).failed == 0


@pytest.mark.parametrize("of", [normalise.text, normalise.name, normalise.email, normalise.day])
def test_nothing_is_none_and_a_list_is_refused(of):
    assert [of(value) for value in (None, "", "  ")] == [None, None, None]
    for value in ([], {}, ["a"]):
        with pytest.raises(ValueError, match="no plain value"):
            of(value)


def test_a_name_keeps_what_is_the_persons_own():
    assert normalise.name("d’Ævi  O'Lin-Ödo") == "d’Ævi O'Lin-Ödo"
    assert normalise.name("a\x00b\x1bc") == "abc"
    assert normalise.name("\u00a0Zo\u2003Va\n") == "Zo Va"
    # composed, and not compatible: a ligature stays one
    assert normalise.name("ﬁ e\u0301") == "ﬁ é"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (0, "KG"), ("00", "KG"), (-2, "PK"), ("-1", "PK"), (1, "01"), ("1.", "01"), (13, "13"),
        (14, None), ("99", None), ("12th", "12"), ("Grade 4", "04"), ("4th grade", "04"),
        ("Kindergarten", "KG"), ("pre-kindergarten", "PK"), ("T.K.", "TK"), ("UG", "UG"),
        ("Infant/toddler", "IT"), ("postsecondary", "PS"), ("graduated", None), ("", None),
    ],
)  # fmt: skip
def test_grades(value, code):
    assert normalise.grade(value) == code


def test_a_vendors_own_words_come_first():
    assert normalise.grade("K 4", {"k4": "PK"}) == "PK"


def test_every_code_is_its_own():
    codes = ["IT", "PR", "PK", "TK", "KG", "PS", "UG", "Other", *(f"{n:02d}" for n in range(1, 14))]
    assert [normalise.grade(code) for code in codes] == codes


def test_days():
    assert normalise.day(date(2026, 8, 20)) == "2026-08-20"
    assert normalise.day(datetime(2026, 8, 20, 23, tzinfo=UTC)) == "2026-08-20"
    assert normalise.day("08/20/26", "%m/%d/%Y", "%m/%d/%y") == "2026-08-20"
    for wrong in ("2026-02-30", "20260820", "20.8.2026", "2026-8-20"):
        with pytest.raises(ValueError, match="not a date, YYYY-MM-DD"):
            normalise.day(wrong)
    assert normalise.day_before("2024-03-01") == "2024-02-29"
    for off, last in ((normalise.day_after, "9999-12-31"), (normalise.day_before, "0001-01-01")):
        with pytest.raises(ValueError, match="no day beside it"):
            off(last)


def test_booleans_and_ids():
    with pytest.raises(ValueError, match="neither true nor false"):
        normalise.boolean("maybe")
    with pytest.raises(ValueError, match="missing"):
        normalise.external_id(" ", "student")
