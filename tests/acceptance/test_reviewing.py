"""Plans, approvals and rollovers, as a person types them, on the embedded default."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace

import pytest

from connectors.district.generate import generate
from connectors.district.model import District
from connectors.district.oneroster_files import write_oneroster
from connectors.simulator.server import SimulatorServer
from tests.acceptance.test_cli import Cli

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def cli(tmp_path) -> Cli:
    return Cli(tmp_path)


@pytest.fixture
def district(cli: Cli) -> District:
    made = generate("oak", seed=4, students=60)
    write_oneroster(made, cli.folder / "drop.zip")
    cli("tenants", "add", "oak", "--zone", "America/New_York")
    path = f"path={cli.folder}/drop.zip"
    cli("apps", "add", "oak", "oneroster_csv", "--name", "sis", "--set", path, "--set", "quiet_s=0")
    cli("apps", "add", "oak", "lightspeed", "--name", "ls", "--set", f"path={cli.folder}/out")
    return made


def without_a_third(district: District) -> tuple[District, str, int]:
    """A third of the largest school's students are gone, with who cares for them alone.

    Returns:
        What is left, the school's name, and how many students are gone.
    """
    school = Counter(student.school for student in district.students).most_common(1)[0][0]
    own = [student for student in district.students if student.school == school]
    gone = {student.person.number for student in own[: len(own) // 3]}
    kept = {
        number for s in district.students for number in s.guardians if s.person.number not in gone
    }
    left = replace(
        district,
        guardians=tuple(one for one in district.guardians if one.number in kept),
        students=tuple(s for s in district.students if s.person.number not in gone),
        sections=tuple(
            replace(section, students=tuple(n for n in section.students if n not in gone))
            for section in district.sections
        ),
    )
    name = next(one.name for one in district.schools if one.number == school)
    return left, name, len(gone)


def test_a_plan_shows_what_a_sync_then_does(cli, district):
    plan = cli.json("plan", "oak/sis", "--limit", "3", "--op", "adds")
    assert set(plan) == {"job", "hash", "counts", "rows"}
    assert len(plan["rows"]) == 3
    assert {row["op"] for row in plan["rows"]} == {"adds"}
    assert plan["counts"]["users"]["adds"] > 60
    app = next(one for one in cli.json("apps", "list") if one["app"] == "oak/sis")
    assert app["last_outcome"] is None
    text = cli("plan", "oak/sis", "--csv", "plan.csv").stdout
    assert f"{plan['counts']['users']['adds']}" in text
    with (cli.folder / "plan.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["kind"] for row in rows)["users"] == plan["counts"]["users"]["adds"]
    assert (cli.folder / "plan.csv").stat().st_mode & 0o777 == 0o600
    files = cli.json("plan", "oak/ls")
    assert not any(cli.folder.glob("out/*.csv"))
    assert all(one["is_changed"] for one in files["files"].values())
    job = cli.json("run-now", "oak/sis", "--cascade", "--wait")
    assert {k: c["added"] for k, c in job["counts"].items() if c["added"]} == {
        kind: ops["adds"] for kind, ops in plan["counts"].items()
    }
    again = cli.json("plan", "oak/sis")
    assert (again["counts"], again["rows"]) == ({}, [])
    assert "would change nothing" in cli("plan", "oak/sis").stdout
    after = cli.json("plan", "oak/ls")["files"]
    assert not any(one["is_changed"] for one in after.values())
    shown = cli("jobs", "show", str(job["id"])).stdout
    assert "read certificate" in shown
    assert f"plan {cli.json('jobs', 'show', str(job['id']))['plan']['hash']}" in shown


def test_a_plan_that_fails_says_why(cli, district):
    (cli.folder / "drop.zip").unlink()
    failed = cli("plan", "oak/sis", code=1)
    assert "failed: path: there is nothing" in failed.stderr


def test_what_is_too_much_is_shown_approved_and_done(cli, district):
    cli("run-now", "oak/sis", "--wait")
    left, school, gone = without_a_third(district)
    write_oneroster(left, cli.folder / "drop.zip")
    plan = cli.json("plan", "oak/sis", "--op", "held")
    assert plan["counts"]["users"]["held"] >= gone
    assert school in {row["school_name"] for row in plan["rows"]}
    job = cli.json("run-now", "oak/sis", "--wait")
    assert "removals wait for approval" in job["reason"]
    waiting = cli.json("approvals", "list", "oak", "--state", "pending")
    (students,) = (
        one for one in waiting if one["kind"] == "users" and one["school_name"] == school
    )
    people = students["counts"]["proposed"]  # the students with their guardians
    assert people >= gone
    assert f"remove {people} of " in cli("approvals", "list", "--app", "oak/sis").stdout
    shown = cli.json("approvals", "show", str(students["id"]))
    persons = [*(student.person for student in district.students), *district.guardians]
    names = {f"{person.given_name} {person.family_name}" for person in persons}
    assert {row["name"] for row in shown["rows"]} <= names
    assert len(shown["rows"]) == people
    others = [str(one["id"]) for one in waiting if one["id"] != students["id"]]
    if others:
        rejected = cli.json("approvals", "reject", *others, "--by", "ann")
        assert {one["state"] for one in rejected} == {"rejected"}
    cli("approvals", "approve", str(students["id"]), "--by", "ann", "--wait")
    (approved,) = cli.json("approvals", "list", "--state", "approved")
    assert (approved["decided_by"], approved["job_state"]) == ("ann", "succeeded")
    done = cli.json("jobs", "show", str(approved["job"]))
    assert (done["trigger"], done["approval_id"]) == ("approval", students["id"])
    assert done["counts"]["users"]["removed"] == people
    assert "approvals" in cli("jobs", "show", str(job["id"])).stdout
    cli.json("run-now", "oak/sis", "--wait")
    assert cli.json("approvals", "list", "--state", "pending") == []


def test_a_rollover_closes_imports_and_says_so_everywhere(cli, district):
    words = ("--suspend", "imports", "--from", "2020-01-01", "--until", "2035-07-31T06:00")
    made = cli.json("tenants", "rollover", "oak", *words)
    period = {
        "suspend": "imports",
        "from": "2020-01-01T05:00:00.000Z",
        "until": "2035-07-31T10:00:00.000Z",
    }
    assert made == {"tenant": "oak", "rollover": period}
    assert cli.json("tenants", "list")[0]["rollover"] == period
    assert "imports, 2020-01-01" in cli("tenants", "list").stdout
    told = "rollover: imports are suspended until 2035-07-31 06:00 (America/New_York)"
    assert told in cli("run-now", "oak/sis", code=2).stderr
    assert told in cli("plan", "oak/sis", code=2).stderr
    assert told in cli.json("why", "oak/sis")["reason"]
    findings = {row["check"]: row for row in cli.json("doctor")}
    assert findings["rollover of oak"]["detail"] == told
    assert cli.json("run-now", "oak/ls", "--wait")["state"] == "succeeded"
    cli("tenants", "rollover", "oak", "--clear")
    assert cli.json("tenants", "list")[0]["rollover"] is None
    assert cli.json("run-now", "oak/sis")["state"] == "queued"


def test_bad_input_is_one_clear_line(cli, district):
    period = ("tenants", "rollover", "oak")
    for words, told in (
        (("plan", "oak/nobody"), "no app 'nobody'"),
        (("plan", "oak/ls", "--mode", "incremental"), "cannot read incremental"),
        (("plan", "oak/sis", "--op", "everything"), "everything"),
        (("approvals", "list", "elm"), "no tenant 'elm'"),
        (("approvals", "list", "--state", "lost"), "--state"),
        (("approvals", "show", "9"), "no approval 9"),
        (("approvals", "approve", "9"), "no approval 9"),
        (("approvals", "reject", "9"), "no approval 9"),
        (period, "--suspend"),
        ((*period, "--clear", "--from", "2026-01-01"), "--clear"),
        ((*period, "--suspend", "imports", "--from", "x", "--until", "y"), "--from"),
    ):
        refused = cli(*words, code=2)
        assert told in refused.stderr
        assert refused.stdout == ""


def test_a_plan_of_a_two_way_app_shows_what_it_would_write_and_writes_nothing(cli, district):
    cli("run-now", "oak/sis", "--wait")
    with SimulatorServer([district]) as server:
        settings = server.settings["oak"]["powerschool"]
        pairs = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        cli("apps", "add", "oak", "powerschool", "--name", "ps", *pairs)
        plan = cli.json("plan", "oak/ps", "--op", "writes", "--limit", "5")
        assert plan["counts"]["users"]["writes"] > 0
        assert all(row["after"] and row["before"] is not None for row in plan["rows"])
        again = cli.json("plan", "oak/ps", "--op", "writes", "--limit", "5")
        assert again["counts"] == plan["counts"]
        done = cli.json("run-now", "oak/ps", "--wait")
        assert done["counts"]["users"]["written"] == plan["counts"]["users"]["writes"]
