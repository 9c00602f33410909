"""The lists that are read, and the columns by which they are ordered and filtered.

Source: the vendor's API description. A filter names the flat column, not the place in the JSON:
`studentID` of the parents' list, `studentId` elsewhere; `school.status` alone was seen with a dot.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.vendors.facts.client import Listing

SCHOOLS = Listing("/SchoolConfigurations", "configSchoolID", "configSchoolID")
# one year may be told for each school
YEARS = Listing("/SchoolYears", "yearId,schoolCode")
COURSES = Listing("/Courses", "courseID", "courseID")
PEOPLE = Listing("/People", "personId", "personId")
STAFF = Listing("/People/Staff", "staffId", "staffId")
PARENTS = Listing("/People/ParentStudent", "parentID,studentID")
ENROLLMENTS = Listing("/Academics/Enrollments", "classId,studentId")
PERSON_COLUMN, CHILD_COLUMN, CLASS_COLUMN = "personId", "studentID", "classId"


def terms(school: str) -> Listing:
    """Return the list of a school's terms, of all years."""
    return Listing(f"/Schools/{school}/SchoolTerms", "termID")


def classes(year: str) -> Listing:
    """Return the list of a year's classes; it was seen to hold one twice."""
    return Listing(f"/Classes/v2/SchoolYears/{year}", "classId")


def students(statuses: Sequence[str]) -> Listing:
    """Return the list of the students who have one of some statuses."""
    filters = f"school.status=={'|'.join(statuses)}"
    return Listing("/Students", "studentId", "studentId", filters)
