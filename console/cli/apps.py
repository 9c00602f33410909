"""`bellringer apps`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from connectors import registry
from connectors.sdk import Connector
from console.cli.arguments import pairs_of
from console.cli.output import Json, print_facts, print_rows, stderr
from console.cli.session import Session, open_session
from shared.db import apps, views
from shared.db.tenants import find_tenant
from shared.errors import ConfigurationError, ConnectorError
from shared.secrets import open_secrets, seal_secrets

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
    chosen = registry.get(connector)
    with open_session() as session:
        config, secrets = _split(session, chosen, pairs_of(settings))
        apps.add_app(
            session.gate,
            apps.NewApp(
                tenant=tenant,
                name=name,
                connector=connector,
                tier=chosen.tier,
                modes=chosen.capabilities.modes,
                config=config,
                secrets=secrets,
                after=after or None,
                upstream_failed=upstream_failed or "run",
            ),
        )
        _print_app(session, f"{tenant}/{name}", as_json=as_json)


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
    with open_session() as session:
        config: dict[str, Any] | None = None
        secrets: str | None = None
        if settings or unset:
            with session.database.read() as connection:
                row = apps.app_row(connection, app_name)
            connector = registry.get(row.connector)
            given = pairs_of(settings)
            _check_unset(connector, unset or (), given)
            there = {
                **row.config,
                **open_secrets(row.secrets, session.settings.secret_key),
                **given,
            }
            kept = {name: value for name, value in there.items() if name not in (unset or ())}
            config, secrets = _split(session, connector, kept)
        apps.change_app(
            session.gate,
            app_name,
            config=config,
            secrets=secrets,
            after=after,
            upstream_failed=upstream_failed,
        )
        _print_app(session, app_name, as_json=as_json)


@app.command("list")
def list_(
    tenant: Annotated[str | None, typer.Argument(metavar="[TENANT]")] = None,
    as_json: Json = False,
) -> None:
    """List the apps, of all tenants or of one."""
    with open_session() as session, session.database.read() as connection:
        if tenant is not None:
            find_tenant(connection, tenant)
        rows = views.list_apps(connection, tenant)
    print_rows(
        rows,
        ("app", "connector", "tier", "modes", "after", "paused_at", "last_outcome", "next_run_at"),
        as_json=as_json,
        empty="There is no app yet: bellringer apps add TENANT CONNECTOR --name NAME",
    )


@app.command()
def show(app_name: App, as_json: Json = False) -> None:
    """Show an app; its secrets are not shown."""
    with open_session() as session:
        _print_app(session, app_name, as_json=as_json)


@app.command()
def check(app_name: App, as_json: Json = False) -> None:
    """Connect to an app's vendor, and say what is missing: a setting, a permission, an answer.

    Nothing is changed, here or there; a worker's machine may see another network than this one.
    """
    # the other commands of this group need no worker's means
    from workers.opening import network_of

    with open_session() as session:
        with session.database.read() as connection:
            row = apps.app_row(connection, app_name)
        secrets = open_secrets(row.secrets, session.settings.secret_key)
        connector = registry.get(row.connector)
        config = registry.parse_config(connector, {**row.config, **secrets})
        problem = None
        try:
            connector.connect(config, network_of(session.settings, session.database)).check()
        except ConnectorError as error:
            problem = error.user_message
    if problem is not None and not as_json:
        stderr.print(f"error: {row.connector}: {problem}", markup=False)
    else:
        told = {"app": app_name, "connector": row.connector, "is_well": problem is None}
        print_facts({**told, "problem": problem}, as_json=as_json)
    if problem is not None:
        raise typer.Exit(1)


@app.command()
def pause(
    app_name: App,
    reason: Annotated[str | None, typer.Option(help="Told wherever a job is skipped.")] = None,
    as_json: Json = False,
) -> None:
    """Take no jobs of an app: what waits is skipped, what runs ends."""
    with open_session() as session:
        session.relay(apps.pause_app(session.gate, app_name, reason))
        _print_pause(session, app_name, as_json=as_json)


@app.command()
def resume(app_name: App, as_json: Json = False) -> None:
    """Take an app's jobs again."""
    with open_session() as session:
        session.relay(apps.resume_app(session.gate, app_name))
        _print_pause(session, app_name, as_json=as_json)


@app.command()
def remove(app_name: App, as_json: Json = False) -> None:
    """Remove an app and its schedules; its history and its records stay."""
    with open_session() as session:
        session.relay(apps.remove_app(session.gate, app_name))
    print_facts({"app": app_name, "removed": True}, as_json=as_json)


def _shown(connection: Connection, app_name: str) -> dict[str, Any]:
    listed = views.list_apps(connection, app_name.partition("/")[0])
    return next(one for one in listed if one["app"] == app_name)


def _print_pause(session: Session, app_name: str, *, as_json: bool) -> None:
    with session.database.read() as connection:
        shown = _shown(connection, app_name)
    names = ("app", "paused_at", "paused_reason", "next_run_at")
    print_facts({name: shown[name] for name in names}, as_json=as_json)


def _print_app(session: Session, app_name: str, *, as_json: bool) -> None:
    with session.database.read() as connection:
        row = apps.app_row(connection, app_name)
        shown = _shown(connection, app_name)
    hidden = registry.secret_fields(registry.get(row.connector))
    stored = open_secrets(row.secrets, session.settings.secret_key)
    shown["config"] = {**row.config, **dict.fromkeys(sorted(hidden & set(stored)), "••••")}
    print_facts(shown, as_json=as_json)


def _check_unset(connector: Connector, unset: Sequence[str], given: Mapping[str, str]) -> None:
    """See that what is taken back is a setting, and is not set with the same words."""
    known = connector.config.model_fields
    for name in unset:
        if name not in known:
            fix = f"{connector.name} takes: {', '.join(known)}."
            raise ConfigurationError("--unset", f"there is no setting {name}", fix)
        if name in given:
            raise ConfigurationError("--unset", f"{name} is set as well", "Give one of the two.")


def _split(
    session: Session, connector: Connector, values: dict[str, Any]
) -> tuple[dict[str, Any], str | None]:
    """Check settings; return those that are no secrets as JSON, and the secrets sealed."""
    parsed = registry.parse_config(connector, values)
    hidden = registry.secret_fields(connector)
    told = parsed.model_dump(mode="json", exclude_unset=True)
    config = {name: value for name, value in told.items() if name not in hidden}
    secrets = {name: str(values[name]) for name in hidden if values.get(name) is not None}
    key = session.settings.secret_key
    if secrets and key is None:
        stderr.print(
            "warning: BELLRINGER_SECRET_KEY is not set: the app's secrets are stored as they are",
            markup=False,
        )
    return config, seal_secrets(secrets, key)
