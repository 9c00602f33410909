"""The `bellringer` command in the test's own process: what it refuses, and what it says of it."""

from __future__ import annotations

import itertools
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.district.generate import generate
from connectors.district.oneroster_files import write_oneroster
from console.cli.main import run
from shared.db import claiming
from shared.db.claiming import Terms
from shared.db.engine import open_database
from shared.db.gate import Gate
from shared.settings import load_settings

HUGE = "99999999999999999999"
FULLWIDTH_TWO = "\N{FULLWIDTH DIGIT TWO}"
#: Nobody listens there, and it answers so at once.
DEAD_BROKER = "amqp://somebody:s3cret@127.0.0.1:1/x"


class Answer:
    """What a command printed, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Cli:
    """Runs commands in a folder of their own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> Answer:
        ended = run(list(words))
        out, err = self._capsys.readouterr()
        assert ended == code, f"{words}: {ended}\n{out}\n{err}"
        return Answer(ended, out, err)


@pytest.fixture
def cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Cli]:
    monkeypatch.setenv("BELLRINGER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield Cli(tmp_path, capsys)
    for number, handler in before.items():
        signal.signal(number, handler)


def add_district(folder: Path) -> None:
    """Add a district with an import and an export app to the database that is set."""
    write_oneroster(generate("oak", seed=4, students=25), folder / "drop.zip")
    sis = ("--set", f"path={folder}/drop.zip", "--set", "quiet_s=0")
    for words in (
        ("tenants", "add", "oak", "--zone", "America/New_York"),
        ("apps", "add", "oak", "oneroster_csv", "--name", "sis", *sis),
        ("apps", "add", "oak", "lightspeed", "--name", "ls", "--set", f"path={folder}/out"),
    ):
        assert run(list(words)) == 0


@pytest.fixture
def district(cli: Cli, capsys: pytest.CaptureFixture[str]) -> Cli:
    add_district(cli.folder)
    capsys.readouterr()
    return cli


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of a district that no test changes."""
    folder = tmp_path_factory.mktemp("unchanged")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BELLRINGER_STATE_DIR", str(folder / "state"))
        add_district(folder)
    return folder / "state"


def refused(answer: Answer) -> str:
    """Return the one line that a refusal is."""
    assert answer.out == ""
    (line,) = answer.err.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


# What is wrong is said in one line


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("jobs", "show", HUGE), "JOB: "),
        (("jobs", "cancel", HUGE), "JOB: "),
        (("jobs", "show", "one"), "JOB: "),
        (("why", HUGE), f"JOB: there is no job {HUGE}"),
        (("why", "0"), "JOB: there is no job 0"),
        (("why", "\N{SUPERSCRIPT TWO}"), "Give TENANT/APP"),
        (("why", "oak"), "Give TENANT/APP"),
        (("why", "oak/"), "Give TENANT/APP"),
        (("apps", "set", "oak"), "Give TENANT/APP"),
        (("apps", "list", "nosuch"), "TENANT: there is no tenant 'nosuch'"),
        (("jobs", "list", "--tenant", "nosuch"), "TENANT: there is no tenant 'nosuch'"),
        (("apps", "set", "oak/ls", "--set", "path="), "--set path: it is empty"),
        (("apps", "set", "oak/ls", "--set", "path=out"), "--set path: 'out' would mean"),
        (("apps", "set", "oak/sis", "--set", "path=drop.zip"), "--set path: 'drop.zip' would mean"),
        (("run-now", "oak/sis", "--timeout", "3"), "--timeout: nothing is waited for. Add --wait"),
        (("schedules", "preview", "--cron", f"0,0 {FULLWIDTH_TWO} * * *"), "--cron: hour: "),
        (("schedules", "set", "oak/sis", "--cron", f"0,0 {FULLWIDTH_TWO} * * *"), "--cron: hour: "),
        (("schedules", "preview", "--frequency", "daily", "--at", "02:30", "--from", "0001-01-01", "--zone", "Asia/Tokyo"), "--from: 0001-01-01 is too early"),
        (("schedules", "preview", "--frequency", "daily", "--at", "02:30", "--from", "2026-02-01", "--until", "2026-01-31"), "--until: 2026-01-31 is before --from 2026-02-01. Give a later"),
        # what the parser itself refuses
        (("run-now", "oak/sis", "--mode", "fulll"), "--mode: 'fulll' is not one of 'full', 'incremental'. See: bellringer run-now --help"),
        (("run-now", "oak/sis", "--timeout", "-1"), "--timeout: input should be greater"),
        (("run-now",), "TENANT/APP: it is missing. See: bellringer run-now --help"),
        (("worker",), "--tier: it is missing. Choose from: import, two_way, export. See: "),
        (("worker", "--tier", "sideways"), "--tier: 'sideways' is not one of 'import'"),
        (("jobs", "list", "--statee", "x"), "--statee: there is no such option. Did you mean --state?"),
        (("jobs", "list", "--limit", "0"), "--limit: "),
        (("jobs", "list", "--limit"), "--limit: option '--limit' requires an argument"),
        (("jobs", "lst"), "bellringer jobs: no such command 'lst'. Did you mean 'list'? See: "),
        (("jobs", "show", "1", "2"), "bellringer jobs show: got unexpected extra argument"),
        (("nonsense",), "bellringer: no such command 'nonsense'"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(
    cli: Cli,
    unchanged: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.setenv("BELLRINGER_STATE_DIR", str(unchanged))
    assert told in refused(cli(*words, code=2))


def test_a_command_without_its_group_prints_the_help_alone(cli: Cli) -> None:
    for words in ((), ("jobs",)):
        helped = cli(*words, code=2)
        assert "Usage: bellringer" in helped.out + helped.err
        assert "error:" not in helped.err
    assert "Usage: bellringer jobs list" in cli("jobs", "list", "--help").out


def test_the_far_end_of_the_calendar_is_no_error(cli: Cli) -> None:
    daily = (
        "schedules",
        "preview",
        "--frequency",
        "daily",
        "--at",
        "02:30",
        "--zone",
        "Asia/Tokyo",
    )
    assert "There is no run" in cli(*daily, "--from", "9999-12-31").out
    assert len(cli(*daily, "--until", "9999-12-31", "--count", "2", "--json").json) == 2


# Settings


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("BELLRINGER_STATE_DIR", "/proc/x", "cannot be written"),
        ("BELLRINGER_STATE_DIR", "file", "cannot be written"),
        ("BELLRINGER_DATABASE_URL", "sqlite:////proc/x/y.db", "cannot be made"),
        ("BELLRINGER_LEASE_S", "15", "less than twice BELLRINGER_BEAT_S (15 s). Give 30 or more"),
        ("BELLRINGER_SECRET_KEY", "secret", "no Fernet key"),
    ],
)
def test_a_setting_that_cannot_work_is_named(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    (cli.folder / "file").touch()
    monkeypatch.setenv(name, value)
    for words in (("jobs", "list"), ("doctor",), ("db", "upgrade")):
        line = refused(cli(*words, code=2))
        assert told in line
        assert name in line


def test_a_beat_slows_down_with_its_lease(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELLRINGER_LEASE_S", "30")
    cli("jobs", "list")
    monkeypatch.setenv("BELLRINGER_BEAT_S", "15.5")
    assert "BELLRINGER_LEASE_S" in refused(cli("jobs", "list", code=2))


def test_a_worker_without_a_state_folder_does_not_start(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BELLRINGER_DATABASE_URL", f"sqlite:///{cli.folder}/some.db")
    monkeypatch.setenv("BELLRINGER_BROKER_URL", DEAD_BROKER)
    monkeypatch.setenv("BELLRINGER_STATE_DIR", "/proc/x")
    assert "BELLRINGER_STATE_DIR" in refused(cli("worker", "--tier", "import", code=2))


@pytest.mark.parametrize("words", [("scheduler",), ("worker", "--tier", "import")])
def test_a_process_asks_for_the_upgrade(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("BELLRINGER_DATABASE_URL", f"sqlite:///{cli.folder}/some.db")
    monkeypatch.setenv("BELLRINGER_BROKER_URL", DEAD_BROKER)
    line = refused(cli(*words, code=2))
    assert line == ("BELLRINGER_DATABASE_URL: the database is empty. Run: bellringer db upgrade")


def test_doctor_says_what_is_wrong_with_the_servers(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BELLRINGER_BROKER_URL", DEAD_BROKER)
    monkeypatch.setenv("BELLRINGER_MANAGEMENT_URL", "http://somebody:s3cret@127.0.0.1:1")
    answer = cli("doctor", "--json", code=1)
    found = {row["check"]: row["detail"] for row in answer.json}
    assert found["broker"] == "127.0.0.1:1: Connection refused"
    assert found["queues"].startswith("127.0.0.1:1: ")
    assert found["queues"].endswith("Connection refused")
    assert "s3cret" not in answer.out + answer.err


# What a command has done, it says


def test_pause_resume_and_remove_say_what_is_so_now(district: Cli) -> None:
    paused = district("apps", "pause", "oak/ls", "--reason", "exams", "--json").json
    assert (paused["app"], paused["paused_reason"]) == ("oak/ls", "exams")
    assert paused["paused_at"]
    assert "exams" in district("apps", "pause", "oak/ls", "--reason", "exams").out
    assert district("apps", "resume", "oak/ls", "--json").json["paused_at"] is None
    removed = district("apps", "remove", "oak/ls", "--json").json
    assert removed == {"app": "oak/ls", "removed": True}


def test_suspending_says_what_is_so_now(district: Cli) -> None:
    suspended = district("tenants", "suspend", "oak", "--reason", "summer", "--json").json
    assert (suspended["tenant"], suspended["suspended_reason"]) == ("oak", "summer")
    assert suspended["suspended_at"]
    assert district("tenants", "resume", "oak", "--json").json["suspended_at"] is None


def test_a_removed_schedule_is_told(district: Cli) -> None:
    district("schedules", "set", "oak/sis", "--frequency", "daily", "--at", "02:30")
    removed = district("schedules", "remove", "oak/sis", "--json").json
    assert removed == {"app": "oak/sis", "mode": "full", "removed": True}


# Why


def test_why_names_an_app_that_is_closed_once(district: Cli) -> None:
    district("apps", "pause", "oak/ls", "--reason", "exams")
    assert district("why", "oak/ls").out == "oak/ls takes no jobs: ls is paused: exams\n"
    district("tenants", "suspend", "oak")
    assert district("why", "oak/sis").out == "oak/sis takes no jobs: oak is suspended\n"


def test_a_cancel_of_what_has_ended_says_so(district: Cli) -> None:
    job = str(district("run-now", "oak/sis", "--json").json["id"])
    assert district("jobs", "cancel", job, "--json").json["told"] == "it has ended now"
    again = district("jobs", "cancel", job, "--json").json
    assert again["state"] == "cancelled"
    assert again["told"] == "it had ended before: nothing to cancel"


def test_why_shows_a_cancel_that_a_running_job_has_not_seen(district: Cli) -> None:
    job = district("run-now", "oak/sis", "--json").json["id"]
    database = open_database(load_settings())
    terms = Terms(lease_s=60, deadline_s=3600, max_failures=3, retry_base_s=30)
    claiming.claim(Gate(database), job, worker="test", terms=terms)
    database.dispose()
    assert "asked to stop" not in district("why", str(job)).out
    assert "asked to stop" in district("jobs", "cancel", str(job)).out
    assert "attempt 1, asked to stop at 20" in district("why", str(job)).out
    assert district("jobs", "show", str(job), "--json").json["cancel_requested_at"]


# run-now --cascade --wait


def test_a_cascade_is_judged_by_all_its_jobs(district: Cli) -> None:
    district("apps", "set", "oak/ls", "--set", "path=/proc/nothing/can/be/made/here")
    job = district("run-now", "oak/sis", "--cascade", "--wait", "--json", code=1).json
    assert job["state"] == "succeeded"
    (below,) = job["cascaded"]
    assert (below["app"], below["state"]) == ("oak/ls", "failed")
    text = district("run-now", "oak/sis", "--cascade", "--wait", code=1).out
    assert "oak/ls" in text
    assert "cannot be written" in text
    district("apps", "set", "oak/ls", "--set", f"path={district.folder}/out")
    job = district("run-now", "oak/sis", "--cascade", "--wait", "--json").json
    assert [below["state"] for below in job["cascaded"]] == ["succeeded"]
    assert district("run-now", "oak/ls", "--wait", "--json").json["cascaded"] == []


def test_a_wait_says_what_for_and_gives_up_in_time(
    district: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "BELLRINGER_DATABASE_URL", f"sqlite:///{district.folder}/state/bellringer.db"
    )
    monkeypatch.setenv("BELLRINGER_BROKER_URL", DEAD_BROKER)
    # each look at the clock is half a second later, however slow the machine
    clock = SimpleNamespace(monotonic=itertools.count(0.0, 0.5).__next__)
    monkeypatch.setattr("console.cli.waiting.time", clock)
    monkeypatch.setattr("console.cli.waiting.LOOK_S", 0.1)
    words = ("run-now", "oak/sis", "--cascade", "--wait", "--timeout", "1.5", "--json")
    answer = district(*words, code=1)
    assert answer.json["state"] == "queued"
    assert answer.json["cascaded"][0]["state"] == "held"
    *_, told, gave_up = answer.err.splitlines()
    assert "is queued since" in told
    assert "bellringer worker --tier import" in told
    assert gave_up == f"error: --timeout: after 1.5 s, {told}"
    assert answer.err.count("is queued since") == 2


@pytest.mark.timeout(120)
def test_the_demo_leaves_the_files_that_it_names_and_nothing_else(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(cli.folder))
    told = cli("demo", "--once", "--students", "30").out
    (folder,) = cli.folder.glob("bellringer-demo-*")
    there = {str(path) for path in folder.rglob("*") if path.is_file()}
    assert there
    assert there == {line.strip() for line in told.splitlines() if line.startswith(f"  {folder}")}
    assert not (folder / "state").exists()
