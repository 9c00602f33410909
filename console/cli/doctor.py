"""`bellringer doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

from console.cli.output import Json, print_rows
from shared.settings import load_settings


def doctor(as_json: Json = False) -> int:
    """Look at database, broker, queues, secrets, connectors, overdue jobs; 1: one is wrong."""
    found = _found()
    print_rows(found, ("check", "result", "detail", "fix"), as_json=as_json, empty="")
    return 1 if any(finding["result"] == "error" for finding in found) else 0


def _found() -> list[dict[str, str]]:
    """Have a server look, or look here, where the database need not even answer."""
    settings = load_settings()
    if settings.server_url is not None:
        from console.remote import RemoteDesk
        from console.service.operators import run_doctor

        with RemoteDesk(settings.server_url, settings.api_token) as desk:
            return desk.call(run_doctor)
    from dataclasses import asdict

    from console.operators.doctor import examine

    return [asdict(finding) for finding in examine(settings)]
