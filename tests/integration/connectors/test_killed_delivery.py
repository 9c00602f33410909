"""A worker that dies while it sends: the old set stays whole, and its follower brings the new one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.district.generate import generate
from connectors.district.oneroster_files import write_oneroster
from shared.db.tenants import add_tenant
from tests.clever_checker import read_set
from tests.deployment import Deployment
from tests.sftp_site import SftpSite, line

STUDENTS = 400
#: So much is sent of the new set: more than the sign-in, less than the files.
SENT = 60_000

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def deployment(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment(database_url, broker_url, tmp_path)
    add_tenant(made.gate, "oak", "UTC")
    made.add_app("oak", "sis", "oneroster_csv", {"path": str(tmp_path / "drop.zip"), "quiet_s": 0})
    yield made
    made.close()


def new_day(folder: Path, day: int) -> None:
    write_oneroster(generate("oak", seed=4, students=STUDENTS, day=day), folder / "drop.zip")


def test_a_worker_that_is_killed_in_the_middle(deployment: Deployment, site: SftpSite) -> None:
    with line(site.settings["sftp_port"]) as slow:
        settings = {**site.settings, "sftp_port": slow.port, "sftp_timeout_s": 120}
        deployment.add_app("oak", "out", "crisisgo", settings)
        deployment.start("scheduler", "scheduler")
        for tier in ("import", "export"):
            deployment.start(f"worker-{tier}", "worker", "--tier", tier, "--threads", "1")
        new_day(deployment.folder, 0)
        deployment.ask("oak/sis", cascade=True)
        deployment.drain(90)
        before = site.contents()
        assert read_set(site.folder, one_row_a_teacher=True).problems == []

        new_day(deployment.folder, 30)
        slow.stall_after(SENT)
        deployment.ask("oak/sis", cascade=True)
        assert slow.stalled.wait(90), deployment.told()
        deployment.kill("worker-export")
        left = site.contents()
        parts = {name: left.pop(name) for name in list(left) if name.endswith(".part")}
        assert left == before
        assert sum(map(len, parts.values())) > 0

        slow.heal()
        deployment.restart("worker-export")
        deployment.drain(120)
    after = site.contents()
    assert set(after) == set(before)
    assert after != before
    assert read_set(site.folder, one_row_a_teacher=True).problems == []
    with deployment.database.read() as connection:
        query = "SELECT state, attempt FROM jobs WHERE tier = 'export' ORDER BY id"
        assert [tuple(row) for row in connection.exec_driver_sql(query)] == [
            ("succeeded", 1),
            ("succeeded", 2),
        ]
