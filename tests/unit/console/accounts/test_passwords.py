"""What may be a password, and how it is kept."""

from __future__ import annotations

import doctest
import threading

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from console.accounts import common_passwords, password_rules, passwords
from console.accounts.password_rules import check_password, problem_of
from console.accounts.passwords import hash_password, is_outdated, is_password
from shared.db import accounts
from shared.domain import throttling
from shared.errors import ConfigurationError, ThrottledError

GOOD = "lantern gravel otter"


def test_the_examples_in_the_docstrings_hold() -> None:
    for module in (common_passwords, password_rules, accounts, throttling):
        assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "x" * 5 + "yz-4 tbn" * 3,
        "ветер лампа гравий",
        "ランタン砂利カワウソ手紙窓",
        "🦦🪨🏮" * 2 + "otter lamp",
        "         lead and trail        ",
        "83920174650284",
    ],
)
def test_any_long_text_may_be_a_password(password: str) -> None:
    assert problem_of(password, "someone") is None


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("", "it has 0 characters"),
        ("eleven char", "it has 11 characters"),
        ("lantern otter" * 10, "it has 130 characters"),
        ("Pat.Example@oak.org", "it is little more than the account's name"),
        ("pat.example-2026", "it is little more than the account's name"),
        ("Passw0rd!2026", "it is one that many people choose"),
        ("correct horse battery staple", "it is one that many people choose"),
        ("aaaaaaaaaaaaaaaa", "it is one that many people choose"),
        ("123456789012", "it is one that many people choose"),
        ("1qaz2wsx3edc4rfv", "it is one that many people choose"),
        ("FallFallFallFall", "it is one that many people choose"),
    ],
)
def test_what_others_guess_may_not(password: str, problem: str) -> None:
    assert problem_of(password, "pat.example@oak.org") == problem


def test_a_refusal_does_not_repeat_the_password() -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_password("Passw0rd!2026", "pat")
    assert refused.value.field == "password"
    assert "Passw0rd" not in str(refused.value)


def test_a_password_is_kept_as_argon2id_of_the_recommended_cost() -> None:
    made = hash_password(GOOD)
    assert made.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert hash_password(GOOD) != made
    assert is_password(made, GOOD)
    assert not is_password(made, GOOD + " ")
    assert not is_outdated(made)


def test_the_same_letters_from_another_keyboard_are_the_same_password() -> None:
    assert is_password(hash_password("caf\u00e9 lantern otter"), "cafe\u0301 lantern otter")


def test_where_there_is_no_password_none_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    verify = PasswordHasher.verify

    def watched(self: PasswordHasher, hash: str, password: str) -> bool:
        compared.append(hash)
        return verify(self, hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", watched)
    assert not is_password(None, GOOD)
    # the same work as for a hash that is there
    assert len(compared) == 1
    assert not is_outdated(compared[0])


def test_a_hash_of_other_parameters_is_outdated() -> None:
    old = PasswordHasher.from_parameters(CHEAPEST).hash(GOOD)
    assert is_outdated(old)
    assert is_password(old, GOOD)


def test_no_more_are_hashed_at_once_than_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_turns", threading.BoundedSemaphore(1))
    monkeypatch.setattr(passwords, "TURN_S", 0.01)
    with passwords._turn(), pytest.raises(ThrottledError):
        is_password(None, GOOD)
    assert not is_password(None, GOOD)
