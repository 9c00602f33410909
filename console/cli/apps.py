"""`bellringer apps`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.cli.arguments import app_of, pairs_of, wish_of
from console.cli.output import Json, print_facts, print_rows, stderr
from console.cli.session import open_desk
from console.service import apps
from console.service.wish import Because

app = typer.Typer(help="Configured connectors.", no_args_is_help=True)

App = Annotated[str, typer.Argument(metavar="TENANT/APP", help="The app.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting; repeat it.")
]
Unset = Annotated[
    list[str] | None,
    typer.Option("--unset", metavar="KEY", help="A setting to take back; repeat it."),
]
After = Annotated[
    str | None, typer.Option(help="An app of the same tier that runs before it; '' for none.")
]
UpstreamFailed = Annotated[
    str | None,
    typer.Option(help="When an upstream run failed: run on the last good hub, or skip."),
]


@app.command()
def add(
    tenant: Annotated[str, typer.Argument(metavar="TENANT")],
    connector: Annotated[str, typer.Argument(metavar="CONNECTOR")],
    name: Annotated[str, typer.Option(help="The app's name.")],
    settings: Set = None,
    after: After = None,
    upstream_failed: UpstreamFailed = None,
    as_json: Json = False,
) -> None:
    """Add an app to a tenant."""
    wish = wish_of(
        apps.NewApp,
        connector=connector,
        name=name,
        settings=pairs_of(settings),
        after=after or None,
        upstream_failed=upstream_failed or "run",
    )
    with open_desk() as desk:
        _print_app(desk.call(apps.add_app, tenant=tenant, wish=wish), as_json=as_json)


@app.command("set")
def set_(
    app_name: App,
    settings: Set = None,
    unset: Unset = None,
    after: After = None,
    upstream_failed: UpstreamFailed = None,
    as_json: Json = False,
) -> None:
    """Change settings of an app, or take them back; those not named stay."""
    wish = wish_of(
        apps.AppChange,
        settings=pairs_of(settings),
        unset=tuple(unset or ()),
        after=after,
        upstream_failed=upstream_failed,
    )
    with open_desk() as desk:
        _print_app(desk.call(apps.change_app, **app_of(app_name), wish=wish), as_json=as_json)


@app.command("list")
def list_(
    tenant: Annotated[str | None, typer.Argument(metavar="[TENANT]")] = None,
    as_json: Json = False,
) -> None:
    """List the apps, of all tenants or of one."""
    with open_desk() as desk:
        if tenant is None:
            rows = desk.call(apps.list_all_apps)
        else:
            rows = desk.call(apps.list_apps, tenant=tenant)
    print_rows(
        rows,
        ("app", "connector", "tier", "modes", "after", "paused_at", "last_outcome", "next_run_at"),
        as_json=as_json,
        empty="There is no app yet: bellringer apps add TENANT CONNECTOR --name NAME",
    )


@app.command()
def show(app_name: App, as_json: Json = False) -> None:
    """Show an app; its secrets are not shown."""
    with open_desk() as desk:
        print_facts(desk.call(apps.show_app, **app_of(app_name)), as_json=as_json)


@app.command()
def check(app_name: App, as_json: Json = False) -> None:
    """Connect to an app's vendor, and say what is missing: a setting, a permission, an answer.

    Nothing is changed, here or there; a worker's machine may see another network than this one.
    """
    with open_desk() as desk:
        told = desk.call(apps.check_app, **app_of(app_name))
    if not told["is_well"] and not as_json:
        stderr.print(f"error: {told['connector']}: {told['problem']}", markup=False)
    else:
        print_facts(told, as_json=as_json)
    if not told["is_well"]:
        raise typer.Exit(1)


@app.command()
def pause(
    app_name: App,
    reason: Annotated[str | None, typer.Option(help="Told wherever a job is skipped.")] = None,
    as_json: Json = False,
) -> None:
    """Take no jobs of an app: what waits is skipped, what runs ends."""
    with open_desk() as desk:
        told = desk.call(apps.pause_app, **app_of(app_name), wish=Because(reason=reason))
    _print_pause(told, as_json=as_json)


@app.command()
def resume(app_name: App, as_json: Json = False) -> None:
    """Take an app's jobs again."""
    with open_desk() as desk:
        _print_pause(desk.call(apps.resume_app, **app_of(app_name)), as_json=as_json)


@app.command()
def rename(
    app_name: App,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.")],
    as_json: Json = False,
) -> None:
    """Give an app another name; its history goes along, its address as a drop folder changes."""
    with open_desk() as desk:
        told = desk.call(apps.rename_app, **app_of(app_name), wish=apps.NewName(name=name))
    print_facts(told, as_json=as_json)


@app.command()
def remove(app_name: App, as_json: Json = False) -> None:
    """Remove an app and its schedules; its history and its records stay."""
    with open_desk() as desk:
        print_facts(desk.call(apps.remove_app, **app_of(app_name)), as_json=as_json)


def _print_pause(shown: dict[str, Any], *, as_json: bool) -> None:
    names = ("app", "paused_at", "paused_reason", "next_run_at")
    print_facts({name: shown[name] for name in names}, as_json=as_json)


def _print_app(shown: dict[str, Any], *, as_json: bool) -> None:
    if shown.pop("secrets_are_plain"):
        stderr.print(
            "warning: BELLRINGER_SECRET_KEY is not set: the app's secrets are stored as they are",
            markup=False,
        )
    print_facts(shown, as_json=as_json)
