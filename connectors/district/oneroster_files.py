"""Writes a generated district as a OneRoster bulk set, as a student system drops it.

Written from the standard's facts, apart from what reads it. Source: OneRoster CSV binding 1.1
(2017) and 1.2 (2022, corrected as 1.2.1).
"""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from connectors.district.model import District, Person
from connectors.sdk import Mounted

_START = ("sourcedId", "status", "dateLastModified")
_HEADERS = {
    "academicSessions": "title type startDate endDate parentSourcedId schoolYear",
    "orgs": "name type identifier parentSourcedId",
    "courses": "schoolYearSourcedId title courseCode grades orgSourcedId subjects subjectCodes",
    "classes": "title grades courseSourcedId classCode classType location schoolSourcedId"
    " termSourcedIds subjects subjectCodes periods",
    "enrollments": "classSourcedId schoolSourcedId userSourcedId role primary beginDate endDate",
    "demographics": "birthDate sex americanIndianOrAlaskaNative asian blackOrAfricanAmerican"
    " nativeHawaiianOrOtherPacificIslander white demographicRaceTwoOrMoreRaces"
    " hispanicOrLatinoEthnicity countryOfBirthCode stateOfBirthAbbreviation cityOfBirth"
    " publicSchoolResidenceStatus",
}
_USERS = {
    "1.1": "enabledUser orgSourcedIds role username userIds givenName familyName middleName"
    " identifier email sms phone agentSourcedIds grades password",
    "1.2": "enabledUser username userIds givenName familyName middleName identifier email sms"
    " phone agentSourcedIds grades password userMasterIdentifier preferredGivenName"
    " preferredMiddleName preferredFamilyName primaryOrgSourcedId pronouns",
}
_ROLES = "userSourcedId roleType role beginDate endDate orgSourcedId userProfileSourcedId"
_FILES = {
    "1.1": "academicSessions categories classes classResources courses courseResources demographics"
    " enrollments lineItems orgs resources results users",
    "1.2": "academicSessions categories classes classResources courses courseResources demographics"
    " enrollments lineItemLearningObjectiveIds lineItems lineItemScoreScales orgs resources"
    " resultLearningObjectiveIds results resultScoreScales roles scoreScales userProfiles"
    " userResources users",
}

Rows = Iterator[Sequence[str]]


def write_oneroster(district: District, path: Path, *, version: str = "1.2") -> None:
    """Write a bulk set; what is there is replaced in one rename.

    Args:
        district: what to write.
        path: a `.zip`, or a folder whose files are replaced one by one, the manifest last.
        version: "1.1" or "1.2".
    """
    tables = dict(_tables(district, version))
    manifest = _manifest(tables, version)
    texts = {f"{name}.csv": _csv(header, rows) for name, (header, rows) in tables.items()}
    texts["manifest.csv"] = _csv(("propertyName", "value"), manifest)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zip":
        part = path.with_name(f".{path.name}.part")
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in texts.items():
                archive.writestr(name, text)
        os.replace(part, path)
        return
    path.mkdir(exist_ok=True)
    for name, text in texts.items():
        part = path / f".{name}.part"
        part.write_bytes(text.encode())
        os.replace(part, path / name)


def lay_down(district: District, folder: Path) -> Mounted:
    """Lay a bulk set down in a folder, as the conformance kit wants it."""
    path = folder / "oneroster.zip"
    write_oneroster(district, path)
    return Mounted(
        app=None,
        settings={"path": str(path), "quiet_s": "0"},
        turn=lambda today: write_oneroster(today, path),
    )


def _manifest(tables: Iterable[str], version: str) -> Rows:
    yield "manifest.version", "1.0"
    yield "oneroster.version", version
    for name in _FILES[version].split():
        yield f"file.{name}", "bulk" if name in tables else "absent"
    yield "source.systemName", "generated district"


def _tables(district: District, version: str) -> Iterator[tuple[str, tuple[tuple[str, ...], Rows]]]:
    def header(fields: str) -> tuple[str, ...]:
        return (*_START, *fields.split())

    yield "academicSessions", (header(_HEADERS["academicSessions"]), _sessions(district))
    yield "orgs", (header(_HEADERS["orgs"]), _orgs(district))
    yield "courses", (header(_HEADERS["courses"]), _courses(district))
    yield "classes", (header(_HEADERS["classes"]), _classes(district))
    yield "users", (header(_USERS[version]), _users(district, version))
    if version == "1.2":
        yield "roles", (header(_ROLES), _roles(district))
    yield "enrollments", (header(_HEADERS["enrollments"]), _enrollments(district))
    yield "demographics", (header(_HEADERS["demographics"]), _demographics(district))


def _sessions(district: District) -> Rows:
    for term in district.terms:
        parent = f"term-{term.parent}" if term.parent else ""
        ends = term.end + timedelta(days=1)  # the standard's end is exclusive
        yield _row(
            f"term-{term.number}", term.name, term.kind, str(term.start), str(ends), parent,
            str(term.year + 1),
        )  # fmt: skip


def _orgs(district: District) -> Rows:
    yield _row("district", f"{district.name} district", "district", "", "")
    for school in district.schools:
        yield _row(f"school-{school.number}", school.name, "school", str(school.number), "district")


def _courses(district: District) -> Rows:
    for course in district.courses:
        yield _row(
            f"course-{course.number}", "term-1", course.name, course.number,
            ",".join(course.grades), f"school-{course.school}", course.subject, "",
        )  # fmt: skip


def _classes(district: District) -> Rows:
    subjects = {course.number: course.subject for course in district.courses}
    for section in district.sections:
        yield _row(
            f"class-{section.number}", f"{subjects[section.course]} {section.number}", "",
            f"course-{section.course}", str(section.number), "scheduled", section.room,
            f"school-{section.school}", f"term-{section.term}", subjects[section.course], "",
            section.period,
        )  # fmt: skip


def _users(district: District, version: str) -> Rows:
    for teacher in district.teachers:
        orgs = [f"school-{number}" for number in teacher.schools]
        yield _user(teacher.person, version, orgs, "teacher", [], "")
    for student in district.students:
        agents = [f"user-{number}" for number in student.guardians]
        school = [f"school-{student.school}"]
        yield _user(student.person, version, school, "student", agents, student.grade)
    schools = {
        number: student.school for student in district.students for number in student.guardians
    }
    for guardian in district.guardians:
        school = [f"school-{schools[guardian.number]}"]
        yield _user(guardian, version, school, "guardian", [], "")


def _user(
    person: Person, version: str, orgs: list[str], role: str, agents: list[str], grade: str
) -> Sequence[str]:
    names = (person.given_name, person.family_name, person.middle_name or "")
    contact = (str(person.number), person.email or "", "", person.phone or "")
    tail = (",".join(agents), grade, "")
    if version == "1.1":
        place = ("true", ",".join(orgs), role)
        return _row(f"user-{person.number}", *place, person.username, "", *names, *contact, *tail)
    more = ("", "", "", "", orgs[0], "")
    return _row(
        f"user-{person.number}", "true", person.username, "", *names, *contact, *tail, *more
    )


def _roles(district: District) -> Rows:
    for teacher in district.teachers:
        for place, number in enumerate(teacher.schools):
            yield _role(teacher.person.number, "teacher", number, primary=not place)
    for student in district.students:
        yield _role(student.person.number, "student", student.school)
        for number in student.guardians:
            yield _role(number, "guardian", student.school)


def _role(person: int, role: str, school: int, *, primary: bool = True) -> Sequence[str]:
    kind = "primary" if primary else "secondary"
    key = f"role-{person}-{school}"
    return _row(key, f"user-{person}", kind, role, "", "", f"school-{school}", "")


def _enrollments(district: District) -> Rows:
    for section in district.sections:
        where = (f"class-{section.number}", f"school-{section.school}")
        key = f"enrollment-{section.number}"
        teacher = section.teacher
        yield _row(f"{key}-{teacher}", *where, f"user-{teacher}", "teacher", "true", "", "")
        for student in section.students:
            yield _row(f"{key}-{student}", *where, f"user-{student}", "student", "false", "", "")


def _demographics(district: District) -> Rows:
    for student in district.students:
        person = student.person
        flags = [""] * 7
        rest = ["", "", "", ""]
        yield _row(f"user-{person.number}", str(person.birth_date), person.sex, *flags, *rest)


def _row(sourced_id: str, *values: str) -> Sequence[str]:
    # in a bulk set status and dateLastModified are empty
    return (sourced_id, "", "", *values)


def _csv(header: Sequence[str], rows: Rows) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
