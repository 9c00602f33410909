"""`bellringer approvals`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, get_args

import typer

from console.cli.arguments import MAX_ID, app_of, wish_of
from console.cli.output import Json, print_facts, print_json, print_rows
from console.cli.session import open_desk
from console.cli.waiting import wait_for_jobs, warn_unless_it_runs
from console.service import approvals
from console.service.desk import Desk
from shared.db.review_pages import MOST
from shared.errors import ConfigurationError

app = typer.Typer(help="Changes that wait for a person.", no_args_is_help=True)

Id = Annotated[int, typer.Argument(metavar="ID", min=1, max=MAX_ID, help="The approval's id.")]
Ids = Annotated[list[int], typer.Argument(metavar="ID…", min=1, max=MAX_ID, help="Their ids.")]
By = Annotated[str | None, typer.Option(help="Who decides; told with the approval.")]
STATES = get_args(approvals.State)
_COLUMNS = ("id", "app", "what", "state", "deadline_at", "decided_by", "job", "job_state")


@app.command("list")
def list_(
    tenant: Annotated[str | None, typer.Argument(metavar="[TENANT]")] = None,
    app_name: Annotated[
        str | None, typer.Option("--app", metavar="TENANT/APP", help="Of one app.")
    ] = None,
    state: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(STATES)}; else all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List approvals, newest first."""
    if state is not None and state not in STATES:
        raise ConfigurationError(
            "--state", f"there is no {state!r}", f"Give one of {', '.join(STATES)}."
        )
    wanted: dict[str, Any] = {"state": state, "limit": MOST}
    with open_desk() as desk:
        if app_name is not None:
            of = app_of(app_name)
            if tenant not in (None, of["tenant"]):
                raise ConfigurationError("TENANT", f"{app_name} is not its app", "Give one.")
            pages = _pages(desk, approvals.list_approvals, **of, **wanted)
        elif tenant is not None:
            pages = _pages(desk, approvals.list_approvals, tenant=tenant, **wanted)
        else:
            pages = _pages(desk, approvals.list_all_approvals, **wanted)
        rows = [row for page in pages for row in page["approvals"]]
    print_rows(rows, _COLUMNS, as_json=as_json, empty="There is no such approval.")


@app.command()
def show(id_: Id, as_json: Json = False) -> None:
    """Show an approval and its rows: who would go."""
    with open_desk() as desk:
        of = desk.call(approvals.find_approval, approval=id_)["tenant"]
        found = desk.call(approvals.show_approval, tenant=of, approval=id_)
        pages = _pages(
            desk, approvals.list_approval_rows, "after", tenant=of, approval=id_, limit=MOST
        )
        found["rows"] = [row for page in pages for row in page["rows"]]
    if as_json:
        print_json(found)
        return
    rows = found.pop("rows")
    print_facts(found, as_json=False)
    columns = ("name", "external_id", "new_external_id", "state")
    print_rows(rows, columns, as_json=False, empty="Its rows were taken back.")


@app.command()
def approve(
    ids: Ids,
    by: By = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until their jobs have ended.")] = False,
    as_json: Json = False,
) -> None:
    """Approve: a job does it, for each row that is still as it was shown."""
    with open_desk() as desk:
        decided = []
        for tenant, some in _by_tenant(desk, ids).items():
            wish = wish_of(approvals.Decision, approvals=tuple(some), by=by)
            decided += [
                (tenant, one) for one in desk.call(approvals.approve, tenant=tenant, wish=wish)
            ]
        if wait:
            named = [(tenant, one["job"]) for tenant, one in decided if one["job"] is not None]
            wait_for_jobs(desk, named)
        else:
            warn_unless_it_runs(desk)
    _print([one for _, one in decided], as_json=as_json)


@app.command()
def reject(ids: Ids, by: By = None, as_json: Json = False) -> None:
    """Reject: it is not done, and the same is not asked for again."""
    decided = []
    with open_desk() as desk:
        for tenant, some in _by_tenant(desk, ids).items():
            wish = wish_of(approvals.Decision, approvals=tuple(some), by=by)
            decided += desk.call(approvals.reject, tenant=tenant, wish=wish)
    _print(decided, as_json=as_json)


def _by_tenant(desk: Desk, ids: Sequence[int]) -> dict[str, list[int]]:
    """Return the ids by their tenants; of each, all or nothing is decided."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for id_ in ids:
        found[desk.call(approvals.find_approval, approval=id_)["tenant"]].append(id_)
    return found


def _pages(
    desk: Desk, function: Callable[..., Any], cursor: str = "before", **wanted: Any
) -> Iterator[dict[str, Any]]:
    """Yield each page of a list; `cursor` is the name by which the next one is asked for."""
    while True:
        page = desk.call(function, **wanted)
        yield page
        if page[cursor] is None:
            return
        wanted[cursor] = page[cursor]


def _print(decided: list[dict[str, Any]], *, as_json: bool) -> None:
    columns = ("approval", "state", "job", "is_new")
    print_rows(decided, columns, as_json=as_json, empty="")
