"""What may be a sign-in name."""

from __future__ import annotations

import pytest

from shared.db.accounts import check_account_name
from shared.errors import ConfigurationError


@pytest.mark.parametrize("name", ["", " ", "a b", "é", "-x", "x" * 128, "a\nb", "a/b", "ⅰ"])
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="sign-in name"):
        check_account_name(name)


@pytest.mark.parametrize("name", ["p", "Pat", "pat.example+sis@oak-field.org", " 7 ", "x" * 127])
def test_a_name_is_kept_in_lower_case(name: str) -> None:
    assert check_account_name(name) == name.strip().lower()
