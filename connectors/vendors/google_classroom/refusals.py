"""What Google refuses for one record, in words for the people who can put it right.

Source: the Classroom API's page on common errors: a failed precondition's message begins with its
code.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from connectors.vendors.google_classroom.client import Refusal
from shared.domain.provisioning import Answer, Result

_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "CourseMemberLimitReached": "the course has as many members as Google allows",
        "CourseTeacherLimitReached": "the course has as many teachers as Google allows",
        "CourseNotModifiable": "the course is archived or declined in Google: make it active there,"
        " or end the class here",
        "UserGroupsMembershipLimitReached": "the user is in as many groups as Google allows",
        "InactiveCourseOwner": "the course's owner is suspended in Google: give the course another"
        " owner there",
        "IneligibleOwner": "the teacher may not own courses: make a teacher of the account in"
        " Google",
        "UserCannotOwnCourse": "the teacher may not own courses: make a teacher of the account in"
        " Google",
        "CourseTitleCannotContainUrl": "the title contains an address of the web, which Google"
        " does not allow",
        "CannotRemoveCourseOwner": "the user owns the course, and there is nobody to take it over",
        "CannotRemoveCourseFolderOwner": "the course's folder still belongs to the user: Google is"
        " handing it over",
        "PendingInvitationExists": "an invitation to the course waits for the user's answer",
    }
)
#: Codes that Google itself clears up after a while.
_PASSING = frozenset({"CannotRemoveCourseFolderOwner"})


def refused(sourced_id: str, refusal: Refusal) -> Result:
    """Return the answer for one record.

    What is not found may have been made a moment ago, and is not everywhere yet.
    """
    if refusal.status == 404:
        told = "Google does not find the user or the course; what was just made takes minutes"
        return Result(sourced_id, Answer.LATER, reason=told)
    later = refusal.code in _PASSING
    told = _WORDS.get(refusal.code) or f"Google refused it: {refusal.message[:200]}"
    return Result(sourced_id, Answer.LATER if later else Answer.REJECTED, reason=told)
