"""The settings of a set: its columns, ids and forms."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from connectors.clever.layout import FILES, PLANS
from connectors.flatfiles.columns import Column
from connectors.flatfiles.formats import DateForm, grade_words
from connectors.flatfiles.sheets import LineEnd

UserId = Literal["sourcedId", "identifier", "userMasterIdentifier"]


class CleverSettings(BaseModel):
    """Which columns the five files have, which ids they carry, and how values are written."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    schools: str = "School_id,School_name,School_number"
    """The columns of the schools' file, as `HEADER` or `HEADER=VALUE`, with commas between."""
    students: str = "School_id,Student_id,Last_name,First_name"
    """The columns of the students' file."""
    teachers: str = "School_id,Teacher_id,Last_name,First_name"
    """The columns of the teachers' file."""
    sections: str = "School_id,Section_id,Teacher_id,Name,Term_name,Term_start,Term_end"
    """The columns of the sections' file."""
    enrollments: str = "School_id,Section_id,Student_id"
    """The columns of the enrollments' file."""
    school_id: Literal["sourcedId", "identifier"] = "sourcedId"
    """`School_id`: the hub's stable id, or the number that the student system gives."""
    student_id: UserId = "sourcedId"
    """`Student_id`: the hub's stable id, the student system's number, or the state's."""
    teacher_id: UserId = "sourcedId"
    """`Teacher_id`: the hub's stable id, the student system's number, or the state's."""
    teacher_rows: Literal["each_school", "one"] = "each_school"
    """each_school: a teacher has a row for each of their schools. one: for the first alone."""
    dates: DateForm = "MM/DD/YYYY"
    """How dates are written."""
    term_end: Literal["as_is", "day_before"] = "as_is"
    """as_is: the end of the hub's session. day_before: the day before, since it is exclusive."""
    grade_words: str = ""
    """What the hub's grades are called, `KG=Kindergarten,01=1`; others stay as they are."""
    line_end: LineEnd = "crlf"
    """How a line ends."""
    bom: bool = False
    """Whether the files begin with a byte order mark."""

    #: The names of the files' settings, which are those of the files.
    files: ClassVar[tuple[str, ...]] = FILES

    @field_validator(*FILES)
    @classmethod
    def _known_columns(cls, setting: str, info: ValidationInfo) -> str:
        try:
            PLANS[str(info.field_name)].columns(setting)
        except ValueError as error:
            raise _wrong(str(error), "See docs/connectors/clever_csv.md.") from error
        return setting

    @field_validator("grade_words")
    @classmethod
    def _pairs(cls, setting: str) -> str:
        try:
            grade_words(setting)
        except ValueError as error:
            raise _wrong(str(error), "Give KG=Kindergarten,01=1.") from error
        return setting

    def columns(self, file: str) -> tuple[Column, ...]:
        """Return the columns of one of the files."""
        return PLANS[file].columns(str(getattr(self, file)))


def _wrong(problem: str, fix: str) -> PydanticCustomError:
    return PydanticCustomError("columns", "{problem}", {"problem": problem, "fix": fix})
