"""The generated district: the same from a seed, whole, and a little different each day."""

from __future__ import annotations

import itertools

import pytest

from connectors.district.generate import generate


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
    for number, section in before.items():
        stayed = [student for student in section.students if student in here]
        if stayed:
            assert list(after[number].students)[: len(stayed)] == stayed
            assert after[number].teacher == section.teacher
