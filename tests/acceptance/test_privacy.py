"""Mapping, filters, masks and disclosures, as a person sets and reads them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from connectors.district.generate import generate
from connectors.district.oneroster_files import write_oneroster
from tests.acceptance.test_cli import Cli

#: A command is a process of its own, and a sync is three of them.
pytestmark = pytest.mark.timeout(240)

SENDS = {
    "orgs": "plain",
    "classes": "plain",
    "enrollments": "plain",
    "roles": "plain",
    "users": "plain",
    "users.sourcedId": "hash",
    "users.givenName": "initial",
    "users.familyName": "constant:Student",
    "users.grades": "hide",
}


@pytest.fixture(scope="module")
def oak(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A district that was imported with a mapped e-mail address."""
    folder = tmp_path_factory.mktemp("oak")
    cli = Cli(folder)
    write_oneroster(generate("oak", seed=4, students=25), folder / "drop.zip")
    cli("tenants", "add", "oak")
    path, quiet = f"path={folder}/drop.zip", "quiet_s=0"
    cli("apps", "add", "oak", "oneroster_csv", "--name", "sis", "--set", path, "--set", quiet)
    cli("apps", "add", "oak", "lightspeed", "--name", "ls", "--set", f"path={folder}/out")
    rule = {"users.email": "username.lowerAscii() + '@mapped.example'"}
    cli("rules", "set", "oak/sis", f"attributes={json.dumps(rule)}")
    assert cli.json("run-now", "oak/sis", "--wait")["state"] == "succeeded"
    return cli


def sent(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "out" / name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_real_export_carries_the_masks_and_the_record_says_so(oak: Cli) -> None:
    before = oak.json("run-now", "oak/ls", "--wait")
    plain = {row["username"]: row for row in sent(oak.folder, "users-v2.csv")}
    assert before["counts"]["disclosed"] == len(plain) > 25
    oak("rules", "set", "oak/ls", f"sends={json.dumps(SENDS)}")
    assert oak.json("run-now", "oak/ls", "--wait")["state"] == "succeeded"
    masked = {row["username"]: row for row in sent(oak.folder, "users-v2.csv")}
    assert set(masked) == set(plain)
    for name, row in masked.items():
        assert row["first_name"] == plain[name]["first_name"][0]
        assert row["last_name"] == "Student"
        assert row["email"] == f"{name.lower()}@mapped.example"
        assert row["grade"] == ""
        assert len(row["unique_sis_user_id"]) == 32
    # a hashed id is the same in every file
    ids = {row["unique_sis_user_id"] for row in masked.values()}
    members = {row["unique_sis_user_id"] for row in sent(oak.folder, "memberships-v2.csv")}
    assert members
    assert members <= ids
    assert not ids & {row["unique_sis_user_id"] for row in plain.values()}
    who = min(masked)
    newest, oldest = oak.json("disclosures", "oak", who)
    assert newest["until"] is None
    assert newest["fields"]["users"]["givenName"] == "initial"
    assert "grades" not in newest["fields"]["users"]
    assert oldest["until_job"] == newest["since_job"]
    assert oldest["fields"]["users"]["grades"] == "plain"
    table = oak("disclosures", "oak", f"username={who}").stdout
    assert "users.givenName (initial)" in table
    # and so says the chain behind a value: by which job, under which mask
    assert "title" in before["counts"]["fields"]["classes"]
    for field, masks in (("givenName", ["initial", "plain"]), ("grades", ["plain"])):
        chain = oak.json("roster", "why", "oak", f"username={who}", field)
        if chain["value"] is not None:
            assert [one["mask"] for one in chain["carried_by"]] == masks
    chain = oak.json("roster", "why", "oak", "type=district", "name", "--kind", "orgs")
    assert [source["app"] for source in chain["sources"]] == ["sis"]


def test_a_filtered_export_holds_those_in_scope_alone(oak: Cli) -> None:
    oak("rules", "set", "oak/ls", "sends=null", 'filters={"roles": ["teacher"]}')
    assert oak.json("run-now", "oak/ls", "--wait")["state"] == "succeeded"
    rows = sent(oak.folder, "users-v2.csv")
    assert rows
    assert {row["user_type"] for row in rows} == {"2"}
    oak("rules", "set", "oak/ls", "filters=null")


REFUSED = (
    ("oak/sis", 'attributes={"users.email": "shoeSize"}', "attributes.users.email"),
    ("oak/sis", 'attributes={"users.email": "username +"}', "attributes.users.email"),
    ("oak/sis", 'schools={"100": "Nowhere High"}', "'Nowhere High'"),
    ("oak/sis", 'filters={"schools": ["Nowhere"]}', "filters.schools"),
    ("oak/sis", 'sends={"users": "plain"}', "sends"),
    ("oak/ls", 'sends={"users.email": "rot13"}', "sends.users.email"),
    ("oak/ls", 'sends={"users.grades": "initial"}', "sends.users.grades"),
    ("oak/ls", 'schools={"100": "100"}', "schools"),
    ("oak/ls", 'filters={"schools": ["Nowhere"]}', "filters.schools"),
)


def test_a_rule_that_cannot_be_followed_is_refused_when_it_is_set(oak: Cli) -> None:
    apps = ("oak/sis", "oak/ls")
    before = [oak.json("rules", "show", app) for app in apps]
    for app, rule, told in REFUSED:
        refused = oak("rules", "set", app, rule, code=2)
        assert told in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
    assert [oak.json("rules", "show", app) for app in apps] == before


def test_nobody_of_that_name_is_said_so(oak: Cli) -> None:
    assert "RECORD" in oak("disclosures", "oak", "nobody", code=2).stderr
    assert "no tenant" in oak("disclosures", "elm", "x", code=2).stderr
