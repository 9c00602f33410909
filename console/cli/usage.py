"""What the command line's parser refuses, said in one line as everything else that is refused."""

from __future__ import annotations

from typer import BadParameter
from typer.exceptions import TyperException

from shared.errors import ConfigurationError


def is_help(error: TyperException) -> bool:
    """Whether it only ends a group without a command, whose help has been printed."""
    return not error.message and not isinstance(error, BadParameter)


def as_configuration_error(error: TyperException) -> ConfigurationError:
    """Name the option or argument that the parser refused, the problem, and where to look.

    The parser's classes are private to typer, but for `BadParameter`: what they carry is asked
    for, and what they do not carry is told in the parser's own words.
    """
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "bellringer"
    fix = f"See: {command} --help"
    field, problem = command, error.message
    if isinstance(error, BadParameter):
        if error.param is not None:
            field = error.param.get_error_hint().strip("'")
            if hasattr(error, "param_type"):
                problem = "it is missing"
                if choices := error.param.get_missing_message(ctx=context):
                    fix = f"{choices}. {fix}"
    elif option := getattr(error, "option_name", None):
        field = option
        if problem.startswith("No such option"):
            problem = "there is no such option"
        if near := getattr(error, "possibilities", None):
            fix = f"Did you mean {sorted(near)[0]}? {fix}"
    problem, suggests, suggestion = problem.partition(". Did you mean ")
    if suggests:
        fix = f"Did you mean {suggestion} {fix}"
    problem = " ".join(problem.removeprefix("Value error, ").split()).rstrip(".")
    return ConfigurationError(field, problem[:1].lower() + problem[1:], " ".join(fix.split()))
