"""`bellringer console` as a vendor meets it: its own files, by its token, and nothing else."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from connectors import registry
from shared.db import apps
from shared.db.engine import Database
from shared.db.gate import Gate
from shared.db.migrate import upgrade
from shared.db.tenants import add_tenant
from shared.secrets import seal_secrets

ROOT = Path(__file__).resolve().parents[2]
TOKEN, OTHER = "t" * 40, "o" * 40


@dataclass(frozen=True)
class Site:
    http: httpx.Client
    folder: Path
    log: Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("console")
    state = folder / "state"
    state.mkdir()
    database = Database(f"sqlite:///{state / 'bellringer.db'}")
    upgrade(database)
    gate = Gate(database)
    for tenant, token in (("oak", TOKEN), ("elm", OTHER), ("fir", None), ("yew", TOKEN)):
        add_tenant(gate, tenant, "UTC")
        connector = registry.get("lightspeed")
        out = folder / tenant
        out.mkdir()
        secrets = {"http_token": token} if token else {}
        apps.add_app(
            gate,
            apps.NewApp(
                tenant=tenant, name="lightspeed", tier=connector.tier,
                modes=connector.capabilities.modes, config={"path": str(out)},
                secrets=seal_secrets(secrets, None),
                # a package of somebody's that is gone by now
                connector="lightspeed" if tenant != "yew" else "of_a_stranger",
            ),
        )  # fmt: skip
    database.dispose()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("BELLRINGER_")},
        "BELLRINGER_STATE_DIR": str(state),
    }
    command = [sys.executable, "-m", "console.cli", "console", "--port", str(port)]
    log = folder / "log"
    with (
        log.open("wb") as told,
        subprocess.Popen(command, cwd=ROOT, env=environment, stderr=told) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):
        deadline = time.monotonic() + 60
        while not _answers(http):
            assert process.poll() is None
            assert time.monotonic() < deadline
        yield Site(http, folder, log)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert TOKEN not in log.read_text()


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get("/healthz").text == "ok\n"
    except httpx.TransportError:
        return False


@pytest.fixture
def users(site: Site) -> Path:
    path = site.folder / "oak" / "users-v2.csv"
    path.write_bytes(b"unique_sis_user_id\r\n1\r\n")
    (site.folder / "oak" / "notes.txt").write_text("none of the vendor's")
    return path


def test_a_vendor_fetches_by_an_address_alone(site: Site, users: Path) -> None:
    answer = site.http.get(f"/drop/oak/lightspeed/{TOKEN}/users-v2.csv")
    assert (answer.status_code, answer.content) == (200, users.read_bytes())
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert "server" not in answer.headers
    again = site.http.get(
        f"/drop/oak/lightspeed/{TOKEN}/users-v2.csv",
        headers={"If-None-Match": answer.headers["etag"]},
    )
    assert (again.status_code, again.content) == (304, b"")
    packed = {"If-None-Match": f"W/{answer.headers['etag']}"}
    place = f"/drop/oak/lightspeed/{TOKEN}/users-v2.csv"
    assert site.http.get(place, headers=packed).status_code == 304
    head = site.http.head(f"/drop/oak/lightspeed/{TOKEN}/users-v2.csv")
    assert head.headers["content-length"] == str(len(answer.content))
    users.write_bytes(b"unique_sis_user_id\r\n2\r\n")
    newer = site.http.get(
        f"/drop/oak/lightspeed/{TOKEN}/users-v2.csv",
        headers={"If-None-Match": answer.headers["etag"]},
    )
    assert newer.content == users.read_bytes()


def test_a_vendor_that_can_sign_in_does(site: Site, users: Path) -> None:
    place = "/drop/oak/lightspeed/users-v2.csv"
    assert site.http.get(place, auth=("anybody", TOKEN)).status_code == 200
    assert site.http.get(place, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert site.http.get(place, auth=("anybody", OTHER)).status_code == 404
    assert site.http.get(place, headers={"Authorization": "Basic ///"}).status_code == 404


@pytest.mark.parametrize(
    "place",
    [
        "/drop/oak/lightspeed/users-v2.csv",
        f"/drop/oak/lightspeed/{OTHER}/users-v2.csv",
        f"/drop/elm/lightspeed/{TOKEN}/users-v2.csv",
        f"/drop/yew/lightspeed/{TOKEN}/users-v2.csv",
        f"/drop/oak/none/{TOKEN}/users-v2.csv",
        f"/drop/none/lightspeed/{TOKEN}/users-v2.csv",
        f"/drop/oak/lightspeed/{TOKEN}/notes.txt",
        f"/drop/oak/lightspeed/{TOKEN}/..%2Fstate%2Fbellringer.db",
        f"/drop/oak/lightspeed/{TOKEN}/groups-v2.csv",
        # the address that is typed at the vendor; it leads nowhere else
        f"/drop/oak/lightspeed/{TOKEN}/",
        f"/drop/oak/lightspeed/{TOKEN}/users-v2.csv/",
        # an app without a token is not served, whatever is given
        "/drop/fir/lightspeed/None/users-v2.csv",
        f"/drop/oak/lightspeed/{TOKEN}é/users-v2.csv",
    ],
)
def test_all_else_is_not_found(place: str, site: Site, users: Path) -> None:
    assert site.http.get(place).status_code == 404


def test_a_set_that_is_arriving_is_not_handed_out(site: Site, users: Path) -> None:
    part = users.parent / ".memberships-v2.csv.part"
    part.touch()
    answer = site.http.get(f"/drop/oak/lightspeed/{TOKEN}/users-v2.csv")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "15")
    part.unlink()
    assert site.http.get(f"/drop/oak/lightspeed/{TOKEN}/users-v2.csv").status_code == 200
