"""The error of one setting, for a validator that looks at several of them."""

from __future__ import annotations

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError


def setting_error(name: str, problem: str, fix: str) -> ValidationError:
    """Return an error that names one setting, which a validator of several cannot raise itself.

    Args:
        name: of the setting.
        problem: what is wrong with it.
        fix: what to do, an imperative sentence.
    """
    told = PydanticCustomError("setting", "{problem}", {"problem": problem, "fix": fix})
    return ValidationError.from_exception_data(
        "settings", [InitErrorDetails(type=told, loc=(name,), input=None)]
    )
