"""`bellringer scheduler`, `worker`, `console` and `simulator`: they run until they are stopped."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Mapping
from typing import Annotated

import typer

from connectors import registry
from connectors.district.generate import generate
from connectors.simulator.server import MAX_DAY, SimulatorServer
from console.cli.output import Json, print_json, warn_of
from console.cli.session import need_broker, open_session
from scheduler import bootstrap as scheduler_bootstrap
from shared.domain.states import Tier
from shared.settings import load_settings
from workers import bootstrap as worker_bootstrap


def scheduler() -> int:
    """Fire schedules, take run-nows, release what may start, repair what was lost.

    Several at once are safe, and share the work.
    """
    settings = load_settings()
    need_broker(settings, "bellringer scheduler")
    return scheduler_bootstrap.run(settings)


def worker(
    tier: Annotated[Tier, typer.Option(help="Whose jobs it runs.")],
    threads: Annotated[
        int | None, typer.Option(min=1, max=64, help="Jobs at once; else the tier's default.")
    ] = None,
) -> int:
    """Run one tier's jobs. On SIGTERM, running jobs are given back."""
    settings = load_settings()
    need_broker(settings, "bellringer worker")
    return worker_bootstrap.run(settings, tier, threads)


def console(
    port: Annotated[int, typer.Option(min=1, max=65535, help="To listen on.")] = 8080,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
) -> int:
    """Serve the console's pages, its REST API, and the drop folders of apps.

    While it has no administrator, it prints a link that makes the first one, once. Put a server
    that speaks TLS before it, and set BELLRINGER_CONSOLE_URL to the address that browsers use.
    Without BELLRINGER_BROKER_URL, scheduler and workers run in this process, too.
    """
    # the web is slow to import, and the other processes have no use for it
    from console.web.serving import serve

    with open_session() as session:
        return serve(session.settings, session.database, host, port)


def simulator(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8081,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    students: Annotated[int, typer.Option(min=1, max=200_000, help="Of the district.")] = 1200,
    seed: Annotated[int, typer.Option(help="Decides every name and number.")] = 1,
    district: Annotated[str, typer.Option(help="The district's name.")] = "oakfield",
    day: Annotated[int, typer.Option(min=0, max=MAX_DAY, help="The day to begin with.")] = 0,
    day_s: Annotated[
        float, typer.Option(min=0, help="Seconds that a day lasts; 0: until one is asked for.")
    ] = 0,
    as_json: Json = False,
) -> int:
    """Serve a generated district as every cloud vendor would, until stopped.

    From day to day some join, leave, move and are renamed; every 100 days a school year begins.
    POST {"day": N} to /_simulator/day asks for a day. It prints the settings that each vendor's
    connector takes.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    warn_of(registry.installed()[1])
    made = generate(district, seed=seed, students=students)
    with SimulatorServer([made], port=port, host=host) as server:
        if day:
            server.turn(day)
        settings = server.settings[made.name]
        if as_json:
            print_json({"url": server.url, "settings": {k: dict(v) for k, v in settings.items()}})
        else:
            typer.echo(_told(settings))
        while day_s and day < MAX_DAY and not stop.wait(day_s):
            day += 1
            server.turn(day)
        server.wait(stop)
    return 0


def _told(settings: Mapping[str, Mapping[str, str]]) -> str:
    """Return by connector the words that `apps add` takes, a line each, as a shell reads them."""
    lines = []
    for connector, pairs in settings.items():
        lines.append(connector)
        lines += [f"  --set {shlex.quote(f'{key}={value}')}" for key, value in pairs.items()]
    return "\n".join(lines) or "No vendor is a cloud."
