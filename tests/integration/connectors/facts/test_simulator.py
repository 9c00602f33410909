"""The simulated API by a client that is not ours: what is known of the real one, it does."""

from __future__ import annotations

import pytest


def test_the_envelope(vendor):
    count = len(vendor.district.students)
    first = vendor.get("/Students", PageSize=10, Page=1).json()
    assert {name: first[name] for name in ("currentPage", "pageCount", "pageSize", "rowCount")} == {
        "currentPage": 1,
        "pageCount": 3,
        "pageSize": 10,
        "rowCount": count,
    }
    assert "Page=2" in first["nextPage"]
    last = vendor.get("/Students", pagesize=10, page=3).json()
    assert len(last["results"]) == count - 20
    assert last["nextPage"] == ""


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ("studentId==100000", 1),
        ("studentId==100000|100001|999", 2),
        ("studentId==100000|studentId==100001", 2),
        ("school.status==Enrolled", 26),
        ("school.status==enrolled,studentId>100020", 5),
        ("school.status!=Enrolled", 0),
        ("schoolCode@=110", 6),
    ],
)
def test_filters(vendor, filters, count):
    assert vendor.get("/Students", Filters=filters).json()["rowCount"] == count
    assert vendor.get("/Students", filters=filters).json()["rowCount"] == count


@pytest.mark.parametrize(
    ("path", "column"),
    [
        *[("/Students", name) for name in ("classYear", "withdrawDate", "graduationDate")],
        *[("/People/Staff", name) for name in ("startDate", "endDate", "highSchool")],
        *[("/SchoolConfigurations", name) for name in ("city", "state", "zip")],
        ("/People/ParentStudent", "reEnroll"),
        ("/People/Address", "city"),
        ("/Students/EnrollmentHistories", "studentId"),
        ("/Students/Status", "status"),
        ("/UserDefinedFields", "fieldId"),
        ("/UserDefinedData", "linkedId"),
    ],
)
def test_a_column_that_nothing_fills_finds_nothing(vendor, path, column):
    answer = vendor.get(path, Filters=f"{column}==5", Sorts=column)
    assert answer.status_code == 200
    assert answer.json()["rowCount"] == 0


def test_a_list_of_nothing_knows_its_columns(vendor):
    assert vendor.get("/People/Address").json()["results"] == []
    assert vendor.get("/People/Address", Filters="colour==5").status_code == 500


def test_columns_of_students_are_flat(vendor):
    by_grade = vendor.get("/Students", Filters="gradeLevel==08").json()["results"]
    assert by_grade
    assert {one["school"]["gradeLevel"] for one in by_grade} == {"08"}
    assert vendor.get("/Students", Filters="status==Enrolled").json()["rowCount"] == 26


def test_a_grade_is_told_alike_everywhere(vendor):
    students = vendor.get("/Students", PageSize=1000).json()["results"]
    grades = {one["studentId"]: one["school"]["gradeLevel"] for one in students}
    taken = vendor.get("/Academics/Enrollments", PageSize=10_000).json()["results"]
    assert "K" in grades.values()
    assert all(one["gradeLevel"] == grades[one["studentId"]] for one in taken)


@pytest.mark.parametrize("column", ["studentReference.studentId", "StudentId", "colour"])
def test_a_column_that_there_is_not(vendor, column):
    answer = vendor.get("/Students", Filters=f"{column}==5")
    assert answer.status_code == 500
    assert "not found." in answer.text


def test_columns_of_parents_are_written_otherwise(vendor):
    assert vendor.get("/People/ParentStudent", Filters="studentID==100000").status_code == 200
    assert vendor.get("/People/ParentStudent", Filters="studentId==100000").status_code == 500


def test_a_students_classes_are_those_of_all_years(vendor):
    years = {item["yearId"] for item in vendor.get("/Classes/v2/Students/100000").json()["results"]}
    assert years == {14, 31}
    told = vendor.get("/Classes/v2/Students/100000", Filters="yearId==14").json()
    assert told["rowCount"] > 0


def test_sorts(vendor):
    years = vendor.get("/SchoolYears", Sorts="-yearId").json()["results"]
    assert [year["yearId"] for year in years] == [31] * 3 + [14] * 3 + [9] * 3


def test_paths_that_lead_elsewhere(vendor):
    assert vendor.get("/SchoolTerms").json() == {"statusCode": 404, "message": "Resource not found"}
    assert vendor.get("/SchoolTerms/v2").status_code == 400
    old = vendor.get("/Schools/1/SchoolTerms").json()["results"]
    new = vendor.get("/SchoolTerms/v2/Schools/1").json()["results"]
    # each path has its own name of the id, and filters by it
    assert len(old) == 4
    assert [one["schoolTermID"] for one in old] == [one["uniqueTermID"] for one in new]
    assert not any("uniqueTermID" in one for one in old)
    assert not any("schoolTermID" in one for one in new)
    key = old[0]["schoolTermID"]
    assert vendor.get(f"/SchoolTerms/{key}").json() == old[0]
    path = "/SchoolTerms/v2/Schools/1"
    assert vendor.get(path, Filters=f"uniqueTermID=={key}").json()["rowCount"] == 1
    assert vendor.get(path, Filters=f"schoolTermID=={key}").status_code == 500


def test_the_second_teacher_is_called_otherwise_in_the_old_list(vendor):
    old = vendor.get("/Classes", PageSize=1).json()["results"][0]
    new = vendor.get("/Classes/v2", PageSize=1).json()["results"][0]
    assert "instructor2Id" in old
    assert "secondaryStaffId" in new


@pytest.mark.parametrize(("habit", "status"), [("honoured", 200), ("refused", 500), ("empty", 200)])
def test_what_nobody_knows_is_set(vendor, habit, status):
    vendor.set(modified=habit)
    answer = vendor.get("/People", Filters="modifiedDate>2026-01-01")
    assert answer.status_code == status
    if status == 200:
        assert (answer.json()["rowCount"] > 0) == (habit == "honoured")


def test_too_many_requests(vendor):
    vendor.set(per_second=2)
    answers = [vendor.get("/SchoolYears") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "1"
    assert "Rate limit is exceeded" in answers[-1].json()["message"]


def test_a_stranger(vendor):
    vendor.settings["api_key"] = "x"
    assert vendor.get("/People").status_code == 401
    vendor.settings["subscription_key"] = "x"
    assert "subscription key" in vendor.get("/People").json()["message"]
