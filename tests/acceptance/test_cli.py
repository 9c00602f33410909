"""The `bellringer` command on the embedded default, as a person types it."""

from __future__ import annotations

import csv
import itertools
import json
import os
from pathlib import Path

import pytest

from connectors.district.generate import generate
from connectors.district.oneroster_files import write_oneroster
from connectors.simulator.server import SimulatorServer
from tests.acceptance.zygote import zygote
from tests.samba_directory import SambaDirectory

JOB_FIELDS = {
    "id", "tenant", "app", "connector", "tier", "mode", "trigger", "state", "reason", "attempt",
    "wave", "due_at", "queued_at", "started_at", "finished_at", "counts",
}  # fmt: skip


class Cli:
    """Runs commands in a folder of their own."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("BELLRINGER_")},
            "BELLRINGER_STATE_DIR": str(folder / "state"),
            "COLUMNS": "200",
            **settings,
        }
        self.folder = folder

    def __call__(self, *words: str, code: int = 0, **settings: str):
        done = zygote().run(words, self.folder, {**self.environment, **settings})
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def json(self, *words: str, code: int = 0):
        return json.loads(self(*words, "--json", code=code).stdout)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


@pytest.fixture
def district(cli: Cli):
    made = generate("oak", seed=4, students=25)
    write_oneroster(made, cli.folder / "drop.zip")
    cli("tenants", "add", "oak", "--zone", "America/New_York")
    cli(
        "apps",
        "add",
        "oak",
        "oneroster_csv",
        "--name",
        "sis",
        "--set",
        f"path={cli.folder}/drop.zip",
        "--set",
        "quiet_s=0",
    )
    cli("apps", "add", "oak", "lightspeed", "--name", "ls", "--set", f"path={cli.folder}/out")
    return made


def test_from_nothing_to_files(cli, district):
    cli(
        "schedules",
        "set",
        "oak/sis",
        "--frequency",
        "daily",
        "--at",
        "02:30,14:00",
        # never due while the test runs, at whatever time of day
        "--start",
        "2036-01-01",
        "--until",
        "2036-01-31",
    )
    shown = cli.json("schedules", "show", "oak/sis")
    assert shown[0]["description"].startswith("daily at 02:30, 14:00 (America/New_York)")
    job = cli.json("run-now", "oak/sis", "--cascade", "--wait")
    assert job["state"] == "succeeded"
    assert job["counts"]["users"]["added"] > 25
    jobs = cli.json("jobs", "list")
    assert [one["app"] for one in jobs] == ["oak/ls", "oak/sis"]
    assert all(set(one) >= JOB_FIELDS for one in jobs)
    assert jobs[0]["started_at"] >= jobs[1]["finished_at"]
    assert len((cli.folder / "out" / "users-v2.csv").read_text().splitlines()) > 25
    events = cli.json("jobs", "show", str(job["id"]))["events"]
    assert [event["to"] for event in events] == ["held", "queued", "running", "succeeded"]
    why = cli.json("why", "oak/sis")
    assert why["next_run_at"] == shown[0]["next_run_at"]
    assert "is not due before" in why["reason"]
    assert cli.json("apps", "list")[0]["last_outcome"] == "succeeded"


def test_a_held_job_says_what_it_waits_for(cli, district):
    cli("run-now", "oak/sis", "--cascade")
    why = cli.json("why", "oak/ls")
    assert "waits for sis (import)" in why["reason"]
    assert why["waits_for"] == cli.json("jobs", "list", "--app", "oak/sis")[0]["id"]
    assert cli.json("jobs", "cancel", str(why["job"]))["state"] == "cancelled"
    assert cli.json("why", str(why["job"]))["reason"].startswith("cancelled at")


def test_a_paused_app_skips_and_says_so(cli, district):
    cli("run-now", "oak/sis")
    cli("apps", "pause", "oak/sis", "--reason", "exams")
    job = cli.json("jobs", "list")[0]
    assert (job["state"], job["reason"]) == ("skipped", "sis is paused: exams")
    refused = cli("run-now", "oak/sis", code=2)
    assert "sis is paused: exams" in refused.stderr
    cli("apps", "resume", "oak/sis")
    cli("tenants", "suspend", "oak", "--reason", "summer")
    assert "oak is suspended: summer" in cli("run-now", "oak/ls", code=2).stderr
    cli("tenants", "resume", "oak")
    assert cli.json("run-now", "oak/sis")["state"] == "queued"


def test_a_failed_job_ends_with_1_and_says_why(cli, district):
    (cli.folder / "drop.zip").unlink()
    failed = cli("run-now", "oak/sis", "--wait", "--json", code=1)
    job = json.loads(failed.stdout)
    assert job["state"] == "failed"
    assert "path: there is nothing" in job["reason"]


def test_secrets_are_never_shown(cli, district):
    with SimulatorServer([district]) as server:
        settings = server.settings["oak"]["powerschool"]
        pairs = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        added = cli("apps", "add", "oak", "powerschool", "--name", "ps", *pairs)
        assert "BELLRINGER_SECRET_KEY is not set" in added.stderr
        for words in (("apps", "show", "oak/ps"), ("apps", "list", "oak")):
            for flags in ((), ("--json",)):
                assert settings["client_secret"] not in cli(*words, *flags).stdout
        assert cli.json("run-now", "oak/ps", "--wait")["state"] == "succeeded"
        findings = {row["check"]: row["result"] for row in cli.json("doctor")}
        assert findings["secrets"] == "warning"
        key = "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="
        cli("apps", "set", "oak/ps", "--set", "page_size=50", BELLRINGER_SECRET_KEY=key)
        other = key.replace("MDAw", "MTAw")
        wrong = cli("apps", "show", "oak/ps", code=2, BELLRINGER_SECRET_KEY=other)
        assert "BELLRINGER_SECRET_KEY" in wrong.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("tenants", "add", "Bad Name"), "TENANT"),
        (("tenants", "add", "elm", "--zone", "Mars/Olympus"), "--zone"),
        (("tenants", "add", "oak"), "already"),
        (("tenants", "suspend", "nobody"), "no tenant 'nobody'"),
        (("apps", "add", "oak", "powerscool", "--name", "x"), "Did you mean powerschool"),
        (("apps", "add", "oak", "lightspeed", "--name", "x"), "--set path"),
        (("apps", "add", "oak", "lightspeed", "--name", "x", "--set", "path"), "KEY=VALUE"),
        (("apps", "add", "oak", "lightspeed", "--name", "ls", "--set", "path=/x"), "already"),
        (("apps", "add", "nobody", "lightspeed", "--name", "x", "--set", "path=/x"), "no tenant"),
        (("apps", "add", "oak", "lightspeed", "--name", "x", "--set", "path=/x", "--after", "sis"), "--after"),
        (("apps", "set", "oak/ls", "--after", "ls"), "wait for each other"),
        (("apps", "set", "oak/ls", "--upstream-failed", "maybe"), "'run' or 'skip'"),
        (("apps", "show", "oak/nobody"), "no app 'nobody'"),
        (("run-now", "oak/nobody"), "no app 'nobody'"),
        (("run-now", "nobody/sis"), "no tenant 'nobody'"),
        (("run-now", "oak/ls", "--mode", "incremental"), "cannot read incremental"),
        (("schedules", "set", "oak/sis", "--frequency", "monthly", "--at", "02:30", "--days", "32"), "1 to 31"),
        (("schedules", "set", "oak/sis", "--frequency", "daily", "--at", "2:75"), "--at"),
        (("schedules", "set", "oak/ls", "--mode", "incremental", "--frequency", "daily", "--at", "02:30"), "--mode"),
        (("schedules", "set", "oak/sis", "--frequency", "daily", "--at", "02:30", "--until", "2020-01-01"), "--until"),
        (("schedules", "set", "oak/sis", "--frequency", "daily", "--at", "02:30", "--start", "2030-02-01", "--until", "2030-01-01"), "--until"),
        (("schedules", "set", "oak/sis", "--cron", "0 0 2 * * *"), "--cron"),
        (("schedules", "remove", "oak/sis"), "no full schedule"),
        (("jobs", "show", "999"), "no job 999"),
        (("jobs", "cancel", "999"), "no job 999"),
        (("jobs", "list", "--state", "lost"), "--state"),
        (("why", "999"), "no job 999"),
        (("why", "oak/nobody"), "no app"),
        (("worker",), "--tier"),
        (("worker", "--tier", "sideways"), "sideways"),
        (("scheduler",), "BELLRINGER_BROKER_URL"),
        (("worker", "--tier", "import"), "BELLRINGER_BROKER_URL"),
        (("nonsense",), "nonsense"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line(district, cli, words, told):
    refused = cli(*words, code=2)
    assert told in refused.stderr
    assert refused.stdout == ""


def test_preview_needs_no_database(cli):
    rows = cli.json(
        "schedules", "preview", "--frequency", "monthly", "--at", "02:30", "--days", "31",
        "--zone", "America/New_York", "--from", "2026-01-01", "--count", "2",
    )  # fmt: skip
    assert rows == [
        {"local": "2026-01-31T02:30:00-05:00", "utc": "2026-01-31T07:30:00Z"},
        {"local": "2026-02-28T02:30:00-05:00", "utc": "2026-02-28T07:30:00Z"},
    ]
    assert not (cli.folder / "state").exists()
    text = cli("schedules", "preview", "--frequency", "daily", "--at", "02:30", "--zone",
               "America/New_York", "--from", "2026-03-08", "--count", "1").stdout  # fmt: skip
    assert "gap" in text


def test_a_database_that_is_down_is_said_so(cli):
    down = cli(
        "jobs", "list", code=1,
        BELLRINGER_DATABASE_URL="postgresql://somebody:s3cret@127.0.0.1:1/nothing",
    )  # fmt: skip
    assert "127.0.0.1" in down.stderr
    assert "s3cret" not in down.stderr + down.stdout
    assert (
        "BELLRINGER_DATABASE_URL"
        in cli("jobs", "list", code=2, BELLRINGER_DATABASE_URL="mysql://x/y").stderr
    )
    assert "BELLRINGER_LEASE_S" in cli("jobs", "list", code=2, BELLRINGER_LEASE_S="-1").stderr


def test_an_empty_database_asks_for_its_upgrade(cli, database_url):
    asked = cli("jobs", "list", code=2, BELLRINGER_DATABASE_URL=database_url)
    assert "bellringer db upgrade" in asked.stderr
    cli("db", "upgrade", BELLRINGER_DATABASE_URL=database_url)
    cli("db", "upgrade", BELLRINGER_DATABASE_URL=database_url)
    assert (
        json.loads(cli("jobs", "list", "--json", BELLRINGER_DATABASE_URL=database_url).stdout) == []
    )


def test_help_tells_every_command(cli):
    text = cli("--help").stdout
    for word in ("tenants", "apps", "schedules", "run-now", "jobs", "why", "doctor", "db",
                 "scheduler", "worker", "simulator", "demo"):  # fmt: skip
        assert word in text


EVERY_VENDOR = {
    "skyward", "facts", "active_directory", "google_classroom", "powerschool", "lightspeed",
    "crisisgo", "finalsite",
}  # fmt: skip


@pytest.mark.timeout(300)
def test_the_demo_has_every_vendor_in_order_for_two_days(cli, samba: SambaDirectory):
    ldap = {k: v for k, v in samba.environment.items() if k.startswith("BELLRINGER_LDAP_")}
    done = cli("demo", "--once", "--json", "--students", "60", **ldap)
    assert "left out" not in done.stderr
    jobs = json.loads(done.stdout)["jobs"]
    assert {job["connector"] for job in jobs} == EVERY_VENDOR
    assert {job["state"] for job in jobs} == {"succeeded"}
    assert len({job["due_at"] for job in jobs if job["day"] == 0}) == 1
    for day in (0, 1):
        for tenant in {job["tenant"] for job in jobs}:
            tiers = [
                [j for j in jobs if (j["day"], j["tenant"], j["tier"]) == (day, tenant, tier)]
                for tier in ("import", "two_way", "export")
            ]
            for upstream, downstream in itertools.pairwise(tiers):
                last = max(job["finished_at"] for job in upstream)
                assert last <= min(job["started_at"] for job in downstream)
    later = {job["connector"]: job["counts"] for job in jobs if job["day"] == 1}
    assert later["skyward"]["users"]["added"] > 0
    # both bring the same people to one district: whichever comes first has added them
    assert sum(later[one]["users"]["added"] for one in ("facts", "active_directory")) > 0
    assert later["google_classroom"]["enrollments"]["created"] > 0
    first = {job["connector"]: job["counts"] for job in jobs if job["day"] == 0}
    # who is the same person is one, and what is taught once is there once
    assert not first["powerschool"]["users"].get("quarantined")
    assert not first["powerschool"]["classes"].get("added")
    sections = first["facts"]["classes"]["added"]
    assert first["google_classroom"]["classes"]["created"] == sections
    assert first["finalsite"]["files"]["fs_classes.txt"]["rows"] == sections
    for connector in ("lightspeed", "crisisgo", "finalsite"):
        assert any(file["changed"] for file in later[connector]["files"].values())


def _break_rows(folder: Path, district) -> None:
    """Write the district anew, with a user who lacks a name and one whose id has a blank."""
    write_oneroster(district, folder / "set")
    users = folder / "set" / "users.csv"
    lines = users.read_text().splitlines()
    first, second = lines[1].split(","), lines[2].split(",")
    family_name = lines[0].split(",").index("familyName")
    first[family_name] = ""
    first[lines[0].split(",").index("givenName")] = "=2+3"
    second[0] = "user 2"
    users.write_text("\r\n".join([lines[0], ",".join(first), ",".join(second), *lines[3:], ""]))


def test_quarantine_is_listed_and_downloaded(cli, district):
    _break_rows(cli.folder, district)
    cli("apps", "set", "oak/sis", "--set", f"path={cli.folder}/set")
    job = cli.json("run-now", "oak/sis", "--wait")
    assert "records are in quarantine" in job["reason"]
    left_out = cli.json("quarantine", "list", "--kind", "users")
    assert {(row["app"], row["job"], row["field"]) for row in left_out} == {
        ("oak/sis", job["id"], "familyName"),
        ("oak/sis", job["id"], "sourcedId"),
    }
    assert all(row["source"]["givenName"] for row in left_out)
    # what hangs on them is told too, by OneRoster's names
    hanging = cli.json("quarantine", "list", "oak", "--app", "oak/sis", "--kind", "enrollments")
    assert hanging[0]["source"]["userSourcedId"] in hanging[0]["reason"]
    assert "quarantine export" in cli("quarantine", "list", "--limit", "1").stderr

    out = cli.folder / "left-out.csv"
    told = cli.json("quarantine", "export", "--job", str(job["id"]), "--out", str(out))
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert told["records"] == len(rows) > len(left_out)
    assert list(rows[0])[:8] == [
        "app", "job", "kind", "external_id", "field", "reason", "at", "sourcedId",
    ]  # fmt: skip
    assert "password" not in rows[0]
    # a spreadsheet runs none of it; as JSON it is as the source has it
    names = {row["source"]["givenName"] for row in left_out}
    assert "=2+3" in names
    assert {row["givenName"] for row in rows if row["kind"] == "users"} == {
        "'=2+3",
        *names - {"=2+3"},
    }
    assert out.stat().st_mode & 0o077 == 0

    # the next job that reads says what is left out now; the old one can still be asked for
    write_oneroster(district, cli.folder / "set")
    cli("run-now", "oak/sis", "--wait")
    assert cli.json("quarantine", "list") == []
    assert len(cli.json("quarantine", "list", "--job", str(job["id"]))) == len(rows)


def test_a_wrong_question_about_quarantine_is_said_in_a_line(cli, district):
    assert "--job: there is no job 9" in cli("quarantine", "list", "--job", "9", code=2).stderr
    assert "elm" in cli("quarantine", "list", "elm", code=2).stderr
    assert "--out" in cli("quarantine", "export", "--out", "nowhere/x.csv", code=2).stderr


def test_a_quality_rule_is_checked_when_it_is_set_and_then_holds(cli, district):
    rule = {
        "kind": "users",
        "field": "grades",
        "expression": 'size(grades) == 0 || grades.exists(g, g != "09")',
        "reason": "grade 9 has left for the high school",
    }
    broken = json.dumps([rule | {"expression": "grades =="}])
    refused = cli("rules", "set", "oak", f"quality={broken}", code=2)
    assert "quality.0.expression" in refused.stderr
    cli("rules", "set", "oak", f"quality={json.dumps([rule])}")
    cli("run-now", "oak/sis", "--wait")
    told = cli.json("quarantine", "list", "oak", "--kind", "users")
    assert told
    assert {(row["field"], row["reason"]) for row in told} == {("grades", rule["reason"])}
