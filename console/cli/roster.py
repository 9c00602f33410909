"""`bellringer roster`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.cli.output import Json, cell, print_facts, print_json, print_rows
from console.cli.roster_export import export
from console.cli.session import open_desk
from console.service import roster
from shared.domain.records import Kind, field_names
from shared.errors import ConfigurationError
from shared.roster.browsing import kind_named

app = typer.Typer(help="The records of a tenant's hub, now or as they were.", no_args_is_help=True)
app.command("export")(export)

Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's name.")]
KindName = Annotated[str, typer.Argument(metavar="KIND", help="users, classes, …")]
Record = Annotated[
    str, typer.Argument(metavar="RECORD", help="A sourcedId, or FIELD=VALUE: username=…")
]
AsOf = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="As it was then: ISO 8601, in the tenant's zone."),
]
#: What a table has room for.
_COLUMNS = {
    Kind.USERS: ("username", "givenName", "familyName", "email", "identifier"),
    Kind.CLASSES: ("title", "classCode", "schoolSourcedId", "courseSourcedId"),
    Kind.ENROLLMENTS: ("role", "userSourcedId", "classSourcedId"),
}


@app.command("list")
def list_(
    tenant: Tenant,
    kind: KindName,
    school: Annotated[
        str | None, typer.Option(help="Of one org, by sourcedId, identifier or name.")
    ] = None,
    status: Annotated[str, typer.Option(help="active, tobedeleted, or all.")] = "active",
    search: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Users whose name, address or id begins so; others with this in it.",
        ),
    ] = None,
    as_of: AsOf = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 50,
    after: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="The last sourcedId of the page before.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List records by sourcedId, a page at a time."""
    if status not in {"active", "tobedeleted", "all"}:
        raise ConfigurationError(
            "--status", f"there is no {status!r}", "Give active, tobedeleted or all."
        )
    wanted_kind = kind_named(kind)
    with open_desk() as desk:
        found = desk.call(
            roster.list_roster,
            tenant=tenant,
            kind=wanted_kind,
            school=school,
            status=status,  # type: ignore[arg-type]  # seen to above
            search=search,
            as_of=as_of,
            after=after,
            limit=limit,
        )
    page, cursor = found["records"], found["next"]
    if as_json:
        print_json(found)
        return
    columns = _COLUMNS.get(wanted_kind, field_names(wanted_kind)[:5])
    print_rows(
        page, ("sourcedId", "status", *columns), as_json=False, empty="There is no such record."
    )
    if cursor is not None:
        typer.echo(f"more: --after {cursor}")


@app.command()
def show(
    tenant: Tenant, kind: KindName, record: Record, as_of: AsOf = None, as_json: Json = False
) -> None:
    """Show a record: each field with its app and job, its links, and its history."""
    wanted = kind_named(kind)
    with open_desk() as desk:
        named = desk.call(roster.find_roster_record, tenant=tenant, record=record, kind=wanted)
        found = desk.call(
            roster.show_roster_record,
            tenant=tenant,
            kind=wanted,
            record=named["sourcedId"],
            as_of=as_of,
        )
    if as_json:
        print_json(found)
        return
    names = ("kind", "sourcedId", "status", "as_of")
    print_facts({name: found[name] for name in names}, as_json=False)
    typer.echo()
    print_rows(
        found["fields"], ("field", "value", "app", "job", "by", "at"), as_json=False, empty="Empty."
    )
    typer.echo()
    print_rows(
        found["links"],
        ("app", "external_id", "first_job", "last_job", "ended_at", "ended_why")
        if as_of is None
        else ("app", "external_id", "first_job", "ended_at", "ended_why"),
        as_json=False,
        empty="No app has it." if as_of is None else "No app had it.",
    )
    if found["links_note"]:
        typer.echo(f"({found['links_note']}.)")
    typer.echo()
    print_rows(
        found["history"],
        ("at", "op", "app", "job", "by", "before", "after"),
        as_json=False,
        empty="It has no history.",
    )


@app.command()
def why(
    tenant: Tenant,
    record: Record,
    field: Annotated[str, typer.Argument(metavar="FIELD", help="OneRoster's name: email, …")],
    kind: Annotated[
        str | None, typer.Option(help="Of the record, where a value names several.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say why a field holds its value: source row, rule, job, and the exports that carried it."""
    with open_desk() as desk:
        named = desk.call(
            roster.find_roster_record, tenant=tenant, record=record, kind=kind, field=field
        )
        chain = desk.call(
            roster.explain_value,
            tenant=tenant,
            kind=named["kind"],
            record=named["sourcedId"],
            field=field,
        )
    if as_json:
        print_json(chain)
        return
    _print_chain(chain)


def _print_chain(chain: dict[str, Any]) -> None:
    typer.echo(f"{chain['kind']} {chain['record']}: {chain['field']} = {cell(chain['value'])}")
    for source in chain["sources"]:
        mark = "→" if source["is_decisive"] else " "
        ended = f", {source['ended_why']} at {source['ended_at']}" if source["ended_at"] else ""
        typer.echo(
            f"{mark} source: {source['app']} {source['external_id']} holds"
            f" {cell(source['value'])} (row {source['fingerprint'][:8]}{ended})"
        )
    typer.echo(f"  rule: {chain['rule']}")
    if chain["job"]:
        job = chain["job"]
        typer.echo(f"  job: {job['id']} ({job.get('mode', '?')}) at {chain['at']}")
    for sent in chain["carried_by"]:
        mask = "" if sent["mask"] == "plain" else f", {sent['mask']}"
        typer.echo(f"  sent: to {sent['app']} by job {sent['job']} at {sent['at']}{mask}")
    for write in chain["written_to"]:
        typer.echo(f"  written: to {write['app']} by job {write['job']} at {write['at']}")
    if not chain["carried_by"] and not chain["written_to"]:
        typer.echo("  sent: to nobody since")
