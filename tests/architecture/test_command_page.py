"""docs/cli.md tells every command and option that there is, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from console.cli.arguments import MAX_ID
from console.cli.commands import COMMANDS, load

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
#: Told once, in the page's first lines.
EVERYWHERE = {"--help", "--json"}


def commands() -> Iterator[tuple[str, Any]]:
    """Yield each command that does something, with its words."""
    for name in COMMANDS:
        command = load(name)
        for below, one in getattr(command, "commands", {"": command}).items():
            yield f"{name} {below}".strip(), one


def options(command: Any) -> set[str]:
    found = {name for parameter in command.params for name in parameter.opts}
    return {name for name in found if name.startswith("--")} - EVERYWHERE


def documented(groups: set[str], page: str) -> tuple[set[str], dict[str, set[str]]]:
    """Return the page's commands, and by group or command the options of its rows.

    A row tells one command, or several of a group: `jobs list`, `show`.
    """
    told: set[str] = set()
    flags: dict[str, set[str]] = {}
    for row in re.findall(r"^\| (`.+?) \| [^|]+ \|$", page, re.MULTILINE):
        first = ""
        for span in re.findall(r"`([^`]+)`", row):
            words = span.split()
            # within a row of a group, a bare word is another command of it
            group = first if first in groups and words[0] not in groups else words[0]
            first = first or group
            name = words[0] if group != words[0] else " ".join(words[1:2])
            told.add(f"{group} {name}" if group in groups else group)
            flags.setdefault(group, set()).update(re.findall(r"--[a-z-]+", span))
    return told, {name: found - EVERYWHERE for name, found in flags.items()}


def test_the_page_tells_every_command_and_option_and_no_other() -> None:
    there = dict(commands())
    groups = {name.split()[0] for name in there if " " in name}
    told, flags = documented(groups, PAGE.read_text())
    assert told == set(there)
    wanted: dict[str, set[str]] = {}
    for name, command in there.items():
        wanted.setdefault(name.split()[0], set()).update(options(command))
    assert flags == wanted


def test_the_comparison_sees_what_is_missing() -> None:
    page = "| `jobs list [--limit N]`, `show` | jobs |\n| `why JOB` or `why APP` | why |\n"
    assert documented({"jobs"}, page) == (
        {"jobs list", "jobs show", "why"},
        {"jobs": {"--limit"}, "why": set()},
    )


def test_the_list_of_all_commands_tells_each_as_its_own_help_does() -> None:
    first = {name: " ".join(load(name).help.split("\n\n")[0].split()) for name in COMMANDS}
    assert {name: line for name, (_, line) in COMMANDS.items()} == first


def test_every_number_that_is_an_argument_is_bounded() -> None:
    unbounded = [
        f"{name} {parameter.name}"
        for name, command in commands()
        for parameter in command.params
        if not parameter.opts[0].startswith("-")
        and parameter.type_descriptor.annotation in (int, list[int])
        and not (parameter.min is not None and (parameter.max or MAX_ID + 1) <= MAX_ID)
    ]
    assert unbounded == [], "give it the type JobId, or max=MAX_ID, of console.cli.arguments"
