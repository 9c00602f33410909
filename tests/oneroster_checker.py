"""Judges a OneRoster set by the standard alone: it shares nothing with what writes or reads one.

Written from the facts of the CSV binding 1.1 (2017-04-17), 1.2 (2022-06-06) and its correction
1.2.1 (2023-08-22). Where readers differ, the strict one is right: times have milliseconds, lines end
in CRLF, no value holds a line break.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

GUID = re.compile(r"[0-9A-Za-z.\-_/@]{1,255}")
DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
EXT = re.compile(r"ext:.+")

# `*` after a name: a value is required
COLUMNS = {
    "academicSessions": "title* type* startDate* endDate* parentSourcedId schoolYear*",
    "orgs": "name* type* identifier parentSourcedId",
    "courses": "schoolYearSourcedId title* courseCode grades orgSourcedId* subjects subjectCodes",
    "classes": "title* grades courseSourcedId* classCode classType* location schoolSourcedId*"
    " termSourcedIds* subjects subjectCodes periods",
    "enrollments": "classSourcedId* schoolSourcedId* userSourcedId* role* primary beginDate endDate",
    "demographics": "birthDate sex americanIndianOrAlaskaNative asian blackOrAfricanAmerican"
    " nativeHawaiianOrOtherPacificIslander white demographicRaceTwoOrMoreRaces"
    " hispanicOrLatinoEthnicity countryOfBirthCode stateOfBirthAbbreviation cityOfBirth"
    " publicSchoolResidenceStatus",
}
USERS = {
    "1.1": "enabledUser* orgSourcedIds* role* username* userIds givenName* familyName* middleName"
    " identifier email sms phone agentSourcedIds grades password",
    "1.2": "enabledUser* username* userIds givenName* familyName* middleName identifier email sms"
    " phone agentSourcedIds grades password userMasterIdentifier preferredGivenName"
    " preferredMiddleName preferredFamilyName primaryOrgSourcedId pronouns",
}
ROLES = "userSourcedId* roleType* role* beginDate endDate orgSourcedId* userProfileSourcedId"
FILES = {
    "1.1": "academicSessions categories classes classResources courses courseResources demographics"
    " enrollments lineItems orgs resources results users",
    "1.2": "academicSessions categories classes classResources courses courseResources demographics"
    " enrollments lineItemLearningObjectiveIds lineItems lineItemScoreScales orgs resources"
    " resultLearningObjectiveIds results resultScoreScales roles scoreScales userProfiles"
    " userResources users",
}
NEEDED = {
    "1.1": "academicSessions classes courses enrollments orgs users",
    "1.2": "academicSessions classes courses enrollments orgs roles users",
}
VOCABULARIES = {
    ("orgs", "type"): "department school district local state national",
    ("academicSessions", "type"): "gradingPeriod semester schoolYear term",
    ("classes", "classType"): "homeroom scheduled",
    ("enrollments", "role"): "administrator proctor student teacher",
    ("roles", "roleType"): "primary secondary",
    ("roles", "role"): "aide counselor districtAdministrator guardian parent principal proctor"
    " relative siteAdministrator student systemAdministrator teacher",
}
ROLES_1_1 = "administrator aide guardian parent proctor relative student teacher"
SEX = {"1.1": "male female", "1.2": "male female unspecified other"}
MAY_EXTEND = {"type", "classType", "role", "sex"}
BOOLEANS = {
    "enabledUser", "primary", "americanIndianOrAlaskaNative", "asian", "blackOrAfricanAmerican",
    "nativeHawaiianOrOtherPacificIslander", "white", "demographicRaceTwoOrMoreRaces",
    "hispanicOrLatinoEthnicity",
}  # fmt: skip
DATES = {"startDate", "endDate", "beginDate", "birthDate"}
LISTS = {
    "grades", "subjects", "subjectCodes", "periods", "termSourcedIds", "orgSourcedIds",
    "agentSourcedIds", "userIds",
}  # fmt: skip
REFERENCES = {
    ("academicSessions", "parentSourcedId"): "academicSessions",
    ("orgs", "parentSourcedId"): "orgs",
    ("courses", "schoolYearSourcedId"): "academicSessions",
    ("courses", "orgSourcedId"): "orgs",
    ("classes", "courseSourcedId"): "courses",
    ("classes", "schoolSourcedId"): "orgs",
    ("classes", "termSourcedIds"): "academicSessions",
    ("users", "orgSourcedIds"): "orgs",
    ("users", "agentSourcedIds"): "users",
    ("users", "primaryOrgSourcedId"): "orgs",
    ("roles", "userSourcedId"): "users",
    ("roles", "orgSourcedId"): "orgs",
    ("enrollments", "classSourcedId"): "classes",
    ("enrollments", "schoolSourcedId"): "orgs",
    ("enrollments", "userSourcedId"): "users",
    ("demographics", "sourcedId"): "users",
}

Rows = dict[str, dict[str, str]]


@dataclass
class OneRosterSet:
    """A set as it was read: by file the rows by their ids, and what is wrong."""

    version: str = ""
    modes: dict[str, str] = field(default_factory=dict)
    tables: dict[str, Rows] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def is_delta(self) -> bool:
        return "delta" in self.modes.values()


def read_set(path: Path) -> OneRosterSet:
    """Read a folder or a zip, and judge it."""
    found = OneRosterSet()
    contents = _contents(path, found.problems)
    if "manifest.csv" not in contents:
        found.problems.append("there is no manifest.csv")
        return found
    _manifest(found, contents)
    for name in sorted(set(contents) - {"manifest.csv"}):
        if name.removesuffix(".csv") not in found.modes:
            found.problems.append(f"{name}: no file of this name is known")
            continue
        _data_file(found, name.removesuffix(".csv"), contents[name])
    if "bulk" in found.modes.values():
        _whole(found)
    return found


def apply_delta(old: dict[str, Rows], delta: OneRosterSet) -> dict[str, Rows]:
    """Do by hand what a receiver does with a set of changes."""
    assert set(delta.modes.values()) <= {"delta", "absent"}
    made = {name: dict(rows) for name, rows in old.items()}
    for name, rows in delta.tables.items():
        table = made.setdefault(name, {})
        for id_, row in rows.items():
            if row["status"] == "tobedeleted":
                table.pop(id_, None)
            else:
                table[id_] = {**row, "status": "", "dateLastModified": ""}
    return {name: rows for name, rows in made.items() if rows}


def _contents(path: Path, problems: list[str]) -> dict[str, bytes]:
    if path.is_dir():
        strange = [p.name for p in path.iterdir() if p.is_dir() or p.suffix != ".csv"]
        problems += [f"{name} does not belong here" for name in strange]
        return {p.name: p.read_bytes() for p in path.iterdir() if p.is_file()}
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        for entry in archive.infolist():
            if "/" in entry.filename:
                problems.append(f"{entry.filename} is not at the root")
            if entry.compress_type != zipfile.ZIP_DEFLATED:
                problems.append(f"{entry.filename} is not deflated")
        names = archive.namelist()
        assert len(names) == len(set(names))
        return {name: archive.read(name) for name in names}


def _lines(found: OneRosterSet, name: str, content: bytes) -> list[list[str]]:
    if content.startswith(b"\xef\xbb\xbf"):
        found.problems.append(f"{name}: a byte order mark")
    text = content.decode("utf-8")
    if not text.endswith("\r\n") or re.search(r"(?<!\r)\n|\r(?!\n)", text):
        found.problems.append(f"{name}: a line does not end in CRLF")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    if any(len(cell.splitlines()) > 1 for row in rows for cell in row):
        found.problems.append(f"{name}: a value holds a line break")
    if len(text.splitlines()) != len(rows):
        found.problems.append(f"{name}: a line is no row")
    return rows


def _manifest(found: OneRosterSet, contents: dict[str, bytes]) -> None:
    header, *rows = _lines(found, "manifest.csv", contents["manifest.csv"])
    said = dict(rows)
    told = found.problems.append
    if header != ["propertyName", "value"] or len(said) != len(rows):
        told("manifest.csv: its header is wrong, or a property is doubled")
    if said.pop("manifest.version", "") != "1.0":
        told("manifest.csv: manifest.version is not 1.0")
    found.version = said.pop("oneroster.version", "")
    for name in FILES[found.version].split():
        mode = said.pop(f"file.{name}", "")
        found.modes[name] = mode
        if mode not in {"absent", "bulk", "delta"}:
            told(f"manifest.csv: file.{name} is {mode!r}")
        if (mode == "absent") == (f"{name}.csv" in contents):
            told(f"manifest.csv: file.{name} is {mode}, and the file says otherwise")
    if set(said) - {"source.systemName", "source.systemCode"}:
        told(f"manifest.csv: unknown properties {said}")


def _data_file(found: OneRosterSet, name: str, content: bytes) -> None:
    header, *rows = _lines(found, f"{name}.csv", content)
    told = found.problems.append
    wanted = {**COLUMNS, "users": USERS[found.version], "roles": ROLES}.get(name, "").split()
    columns = [column.rstrip("*") for column in wanted]
    if header != ["sourcedId", "status", "dateLastModified", *columns]:
        told(f"{name}.csv: its header is {header}")
    if not rows:
        told(f"{name}.csv: it has no rows")
    table = found.tables.setdefault(name, {})
    for cells in rows:
        if len(cells) != len(header):
            told(f"{name}.csv: {len(cells)} cells in {cells}")
            continue
        row = dict(zip(header, cells, strict=True))
        id_ = row["sourcedId"]
        if not GUID.fullmatch(id_) or id_ in table:
            told(f"{name}.csv: {id_!r} is no id, or there twice")
        table[id_] = row
        for problem in _row(found, name, row):
            told(f"{name}.csv {id_}: {problem}")
        for column in wanted:
            if column.endswith("*") and not row[column.rstrip("*")].strip():
                told(f"{name}.csv {id_}: {column} is missing")


def _row(found: OneRosterSet, name: str, row: dict[str, str]):
    if found.modes[name] == "bulk":
        if row["status"] or row["dateLastModified"]:
            yield "status or dateLastModified is filled"
    elif row["status"] not in {"active", "tobedeleted"} or not TIME.fullmatch(
        row["dateLastModified"]
    ):
        yield f"status {row['status']!r}, dateLastModified {row['dateLastModified']!r}"
    for column, value in row.items():
        if not value:
            continue
        elements = value.split(",") if column in LISTS else [value]
        if column in LISTS and not all(elements):
            yield f"{column} has an empty element: {value!r}"
        if column in BOOLEANS and value not in {"true", "false"}:
            yield f"{column} is {value!r}"
        if column in DATES and not DATE.fullmatch(value):
            yield f"{column} is {value!r}"
        if (name, column) in REFERENCES and not all(map(GUID.fullmatch, elements)):
            yield f"{column} is no id: {value!r}"
        words = _vocabulary(found.version, name, column)
        if words is not None and value not in words.split():
            may = found.version != "1.1" and column in MAY_EXTEND
            if not (may and EXT.fullmatch(value)):
                yield f"{column} is {value!r}"
    subjects, codes = row.get("subjects", ""), row.get("subjectCodes", "")
    if subjects and codes and len(subjects.split(",")) != len(codes.split(",")):
        yield "subjects and subjectCodes differ in length"


def _vocabulary(version: str, name: str, column: str) -> str | None:
    if (name, column) == ("users", "role"):
        return ROLES_1_1
    if column == "sex":
        return SEX[version]
    return VOCABULARIES.get((name, column))


def _whole(found: OneRosterSet) -> None:
    """What only a bulk set must be: complete in itself."""
    told, tables = found.problems.append, found.tables
    for name in NEEDED[found.version].split():
        if name not in tables:
            told(f"{name}.csv is missing")
    for (name, column), target in REFERENCES.items():
        for id_, row in tables.get(name, {}).items():
            value = row.get(column, "")
            for named in value.split(",") if value else []:
                if named not in tables.get(target, {}):
                    told(f"{name}.csv {id_}: {column} {named} is not in {target}.csv")
    for id_, row in tables.get("classes", {}).items():
        if tables["orgs"].get(row["schoolSourcedId"], {}).get("type") != "school":
            told(f"classes.csv {id_}: its school is none")
    for id_, row in tables.get("courses", {}).items():
        year = tables["academicSessions"].get(row["schoolYearSourcedId"], {"type": "schoolYear"})
        if year["type"] != "schoolYear":
            told(f"courses.csv {id_}: its school year is none")
    if found.version == "1.2":
        _roles(found)


def _roles(found: OneRosterSet) -> None:
    told, tables = found.problems.append, found.tables
    orgs: dict[str, set[str]] = {}
    primary: set[tuple[str, str]] = set()
    for id_, row in tables.get("roles", {}).items():
        place = (row["userSourcedId"], row["orgSourcedId"])
        orgs.setdefault(place[0], set()).add(place[1])
        if row["roleType"] == "primary":
            if place in primary:
                told(f"roles.csv {id_}: a second primary role in one org")
            primary.add(place)
    for id_, row in tables.get("users", {}).items():
        if id_ not in orgs:
            told(f"users.csv {id_}: no role")
        if row["primaryOrgSourcedId"] and row["primaryOrgSourcedId"] not in orgs.get(id_, ()):
            told(f"users.csv {id_}: no role in its primary org")
