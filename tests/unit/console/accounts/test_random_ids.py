"""Ids that nobody guesses, tokens and what forms carry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.accounts.attempts import Attempt
from console.accounts.random_ids import (
    csrf_token,
    digest_of,
    is_random_id,
    is_same,
    new_random_id,
)
from console.accounts.token_format import SHOWN_CHARACTERS, is_token, new_token


def test_an_id_is_new_each_time_and_fits_a_url() -> None:
    made = {new_random_id() for _ in range(50)}
    assert len(made) == 50
    assert all(map(is_random_id, made))
    assert not is_random_id("")
    assert not is_random_id(new_random_id() + "\n")


def test_a_form_carries_what_belongs_to_its_cookie() -> None:
    mine, other = new_random_id(), new_random_id()
    assert is_same(csrf_token(mine), csrf_token(mine))
    assert csrf_token(mine) != csrf_token(other)
    for presented in (csrf_token(other), "", "é", "\ud800"):
        assert not is_same(presented, csrf_token(mine))
    assert mine not in csrf_token(mine)
    assert digest_of(mine) != csrf_token(mine)


def test_a_token_is_told_by_its_form() -> None:
    token = new_token()
    assert token.startswith("blr_")
    assert len(token) == 55
    assert is_token(token)
    assert SHOWN_CHARACTERS == 10


@given(st.integers(0, 54), st.characters(codec="ascii"))
def test_a_mistyped_token_is_none(at: int, typed: str) -> None:
    token = new_token()
    changed = token[:at] + typed + token[at + 1 :]
    assert is_token(changed) == (changed == token)


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("2001:db8::1%eth0", "2001:db8::2%eth0", True),
        ("a unix socket", "a unix socket", True),
    ],
)
def test_an_address_counts_for_its_network(one: str, other: str, are_one: bool) -> None:
    keys = {Attempt.of("pat", address).address_key for address in (one, other)}
    assert (len(keys) == 1) == are_one


def test_a_name_counts_however_it_is_capitalised_and_is_not_kept() -> None:
    one = Attempt.of(" Pat ", None)
    assert one == Attempt.of("pat", None)
    assert "pat" not in one.account_key
