"""The generated district: the same from a seed, whole, and a little different each day."""

from __future__ import annotations

import itertools

import pytest

from connectors.district.generate import generate
from connectors.district.lives import YEAR_DAYS, lives
from connectors.district.model import District


def test_a_seed_decides_everything():
    assert generate("oak", seed=5, students=60) == generate("oak", seed=5, students=60)
    assert generate("oak", seed=5, students=60) != generate("oak", seed=6, students=60)


@pytest.mark.parametrize("students", [1, 25, 700])
def test_it_is_whole(students):
    district = generate("oak", seed=1, students=students)
    people = {
        *(student.person.number for student in district.students),
        *(teacher.person.number for teacher in district.teachers),
        *(guardian.number for guardian in district.guardians),
    }
    assert len(district.students) == students
    assert len(people) == students + len(district.teachers) + len(district.guardians)
    schools = {school.number for school in district.schools}
    courses = {course.number for course in district.courses}
    for section in district.sections:
        assert section.school in schools
        assert section.course in courses
        assert {section.teacher, *section.students} <= people
    usernames = [student.person.username for student in district.students]
    assert len(set(usernames)) == len(usernames)


def test_the_days_differ_a_little():
    days = [generate("oak", seed=1, students=1000, day=day) for day in (0, 1, 2)]
    for one, two in itertools.pairwise(days):
        before = {student.person for student in one.students}
        after = {student.person for student in two.students}
        assert 0 < len(before - after) < 50
        assert 0 < len(after - before) < 50


def test_who_stays_stays_in_class():
    days = [generate("oak", seed=1, students=1000, day=day) for day in (0, 3)]
    before, after = ({s.number: s for s in day.sections} for day in days)
    here = {student.person.number for student in days[1].students}
    moved = _moved(*days)
    assert 0 < len(moved) < 30
    for number, section in before.items():
        stayed = [one for one in section.students if one in here and one not in moved]
        if stayed:
            now = [one for one in after[number].students if one not in moved]
            assert now[: len(stayed)] == stayed
            assert after[number].teacher == section.teacher


def _moved(before: District, after: District) -> set[int]:
    """Those whose classes on the later day are others."""
    one, two = _classes(before), _classes(after)
    return {number for number in one.keys() & two.keys() if one[number] != two[number]}


def _classes(district: District) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for section in district.sections:
        for number in section.students:
            found.setdefault(number, set()).add(section.number)
    return found


def test_students_move_between_schools():
    days = [generate("oak", seed=1, students=3000, day=day) for day in (0, 20)]
    before, after = ({s.person.number: s for s in day.students} for day in days)
    moved = [n for n in before.keys() & after.keys() if before[n].school != after[n].school]
    assert moved
    classes = _classes(days[1])
    schools = {section.number: section.school for section in days[1].sections}
    for number in moved:
        assert {schools[section] for section in classes[number]} == {after[number].school}
        assert before[number].grade == after[number].grade


def test_a_year_later_all_are_a_grade_further():
    days = [generate("oak", seed=1, students=1300, day=day) for day in (YEAR_DAYS - 1, YEAR_DAYS)]
    before, after = ({s.person.number: s for s in day.students} for day in days)
    grades = ("KG", *(f"{grade:02d}" for grade in range(1, 13)))
    for number in before.keys() & after.keys():
        assert grades.index(after[number].grade) == grades.index(before[number].grade) + 1
    began = [student for n, student in after.items() if n not in before and student.grade == "KG"]
    assert len(began) >= 100
    assert not {n for n, student in before.items() if student.grade == "12"} & after.keys()
    assert abs(len(after) - len(before)) < 130
    assert not {s.number for s in days[0].sections} & {s.number for s in days[1].sections}
    assert not {t.number for t in days[0].terms} & {t.number for t in days[1].terms}
    for number in before.keys() & after.keys():
        # nobody is another person by it
        assert before[number].person.birth_date == after[number].person.birth_date


def test_the_last_day_has_nobody_twice():
    ids = [life.index for life, _ in lives(1, 1000, 13, 365)]
    assert len(ids) == len(set(ids))
    assert len(generate("oak", seed=1, students=200, day=365).students) > 100
