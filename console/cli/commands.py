"""Every command of `bellringer`, and where it is: imported when it is called, never to be listed.

A command alone would else wait for the imports of all others, the workers' and the scheduler's
among them.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from console.cli.output import exiting

#: Each command with its place, a function or a group of commands, and the line that tells it in
#: `bellringer --help`: the first of its own help.
COMMANDS = {
    "run-now": ("console.cli.run_now:run_now", "Run an app now."),
    "plan": (
        "console.cli.plan:plan",
        "Show what a sync would change, without applying it.",
    ),
    "why": (
        "console.cli.why:why",
        "Say the one reason why an app or a job has not run, and when it will.",
    ),
    "disclosures": (
        "console.cli.disclosures:disclosures",
        "List which apps were told what of a person, under which masks, since and until when.",
    ),
    "doctor": (
        "console.cli.doctor:doctor",
        "Look at database, broker, queues, secrets, connectors, overdue jobs; 1: one is wrong.",
    ),
    "scheduler": (
        "console.cli.processes:scheduler",
        "Fire schedules, take run-nows, release what may start, repair what was lost.",
    ),
    "worker": (
        "console.cli.processes:worker",
        "Run one tier's jobs. On SIGTERM, running jobs are given back.",
    ),
    "console": (
        "console.cli.processes:console",
        "Serve the console's pages, its REST API, and the drop folders of apps.",
    ),
    "simulator": (
        "console.cli.processes:simulator",
        "Serve a generated district as every cloud vendor would, until stopped.",
    ),
    "demo": (
        "console.cli.demo:demo",
        "Show it all: every vendor's app in two generated districts, for two days.",
    ),
    "tenants": ("console.cli.tenants:app", "Districts."),
    "apps": ("console.cli.apps:app", "Configured connectors."),
    "connectors": ("console.cli.connectors:app", "The connectors that are installed."),
    "conformance": (
        "console.cli.conformance:conformance",
        "Check that a connector keeps what the SDK promises, against its vendor's simulator.",
    ),
    "schedules": ("console.cli.schedules:app", "When apps run."),
    "rules": ("console.cli.rules:app", "What a person has set for an app or a tenant."),
    "jobs": ("console.cli.jobs:app", "Syncs that wait, run or have ended."),
    "conflicts": (
        "console.cli.conflicts:app",
        "Fields that the hub and a 2-way app have both changed.",
    ),
    "roster": (
        "console.cli.roster:app",
        "The records of a tenant's hub, now or as they were.",
    ),
    "duplicates": (
        "console.cli.duplicates:app",
        "Users that look like one person, for you to judge.",
    ),
    "quarantine": (
        "console.cli.quarantine:app",
        "Records that were left out, each with its reason.",
    ),
    "approvals": ("console.cli.approvals:app", "Changes that wait for a person."),
    "accounts": ("console.cli.accounts:app", "Who may sign in, and what they may."),
    "tokens": ("console.cli.tokens:app", "Tokens of the REST API."),
    "audit": (
        "console.cli.audit:audit",
        "List who did what and who was refused, newest first.",
    ),
    "db": ("console.cli.db:app", "The database."),
}


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"bellringer {version('bellringer')}")
        raise typer.Exit


#: What is not of one command alone.
_root = typer.Typer(add_completion=False)


@_root.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_tell_version, help="Tell the version."),
    ] = False,
) -> None:
    """Hold the options; they act by their callbacks."""


class OnDemand(TyperGroup):
    """The group of all commands: it holds names and help lines, and imports what is called."""

    def __init__(self) -> None:
        super().__init__(
            name="bellringer",
            help="One roster hub for a school district, synced with its apps in order.",
            no_args_is_help=True,
            params=get_group(_root).params,
            commands=[TyperCommand(name, help=line) for name, (_, line) in COMMANDS.items()],
        )

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the name and the command that the words call, and the words that are left."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, None if name is None else load(name), rest


def load(name: str) -> Any:
    """Import a command, or a group of commands."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        return get_group(found)
    alone = typer.Typer(add_completion=False)
    alone.command(name)(exiting(found))
    return get_command(alone)
