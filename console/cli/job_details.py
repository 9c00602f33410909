"""What `bellringer jobs show` tells beside a job's facts: plan, certificate, approvals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from console.cli.output import print_rows
from console.cli.plan import print_plan
from shared.domain.states import Trigger


def print_details(
    job: Mapping[str, Any],
    approvals: Sequence[Mapping[str, Any]],
    not_done: Sequence[Mapping[str, Any]],
    count: int,
) -> None:
    """Print what a job planned, what proves its read, and what waits for a person after it.

    Args:
        job: its facts.
        approvals: that wait after it.
        not_done: what it could not make or end at its vendor, the first of it.
        count: of all that.
    """
    if job["plan"]:
        typer.echo(f"\nplan {job['plan']['hash']}")
        print_plan(job["plan"])
    if job["certificate"]:
        typer.echo("\nread certificate")
        _print_certificate(job["certificate"])
    if not_done:
        would = "would not be" if job["trigger"] == Trigger.PLAN else "not"
        typer.echo(f"\n{would} done at the vendor")
        columns = ("state", "action", "kind", "sourced_id", "external_id", "reason")
        print_rows(not_done, columns, as_json=False, empty="")
        if count > len(not_done):
            typer.echo(f"… and {count - len(not_done)} more")
    if approvals:
        typer.echo("\napprovals")
        columns = ("id", "what", "state", "deadline_at", "decided_by", "job")
        print_rows(approvals, columns, as_json=False, empty="")
    typer.echo("")


def _print_certificate(certificate: Mapping[str, Any]) -> None:
    complete = set(certificate["complete"])
    rows = [
        {"kind": kind, "records": count, "complete": kind in complete}
        for kind, count in certificate["counts"].items()
    ]
    columns = ("kind", "records", "complete")
    print_rows(rows, columns, as_json=False, empty="It counts nothing.")
    facts = {
        "mode": certificate["mode"],
        "cursor": certificate.get("cursor"),
        "scope": certificate.get("scope"),
        "input hash": certificate.get("input_hash"),
        **certificate["evidence"],
    }
    for name, value in facts.items():
        if value:
            typer.echo(f"{name}: {value}")
