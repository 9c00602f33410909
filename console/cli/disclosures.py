"""`bellringer disclosures`."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.output import Json, print_rows
from console.cli.session import open_desk
from console.service import roster


def disclosures(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's name.")],
    record: Annotated[
        str,
        typer.Argument(
            metavar="RECORD", help="A user's sourcedId, identifier or username, or FIELD=VALUE."
        ),
    ],
    as_json: Json = False,
) -> None:
    """List which apps were told what of a person, under which masks, since and until when."""
    with open_desk() as desk:
        rows = desk.call(roster.list_disclosures, tenant=tenant, record=record)
    shown = rows if as_json else [{**row, "fields": _told(row["fields"])} for row in rows]
    print_rows(
        shown,
        ("app", "since", "until", "fields"),
        as_json=as_json,
        empty="No delivery that was confirmed has told of this person.",
    )


def _told(fields: dict[str, dict[str, str]]) -> list[str]:
    """Return the fields of each kind, with the masks of those that are not plain."""
    return [
        f"{kind}.{name}" + ("" if mask == "plain" else f" ({mask})")
        for kind, masks in fields.items()
        for name, mask in masks.items()
    ]
