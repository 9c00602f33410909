"""The settings of the Finalsite export."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from connectors.flatfiles.columns import Column
from connectors.flatfiles.formats import grade_words
from connectors.flatfiles.sheets import LineEnd
from connectors.transport.drop import Drop
from connectors.transport.setting_errors import setting_error
from connectors.vendors.finalsite.layout import (
    CLASSES_BY_DEFAULT,
    KEYS,
    PARENTS_BY_DEFAULT,
    PLANS,
    SHEETS,
)

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
_FIX = "See docs/connectors/finalsite.md."


class FinalsiteConfig(Drop):
    """The drop site that Finalsite reads, and what lies there."""

    faculty: str = "RECORDID,FIRST_NAME,LAST_NAME,EMAIL_ADDR,PREFERREDNAME"
    """The columns of the faculty's sheet, as `HEADER` or `HEADER=VALUE`, with commas between; the
    leftmost holds the ImportID."""
    students: str = "RECORDID,GRADE_LEVEL,FIRST_NAME,LAST_NAME,EMAIL"
    """The columns of the students' sheet."""
    parents: str = PARENTS_BY_DEFAULT
    """The columns of the parents' sheet."""
    classes: str = CLASSES_BY_DEFAULT
    """The columns of the classes' sheet."""
    enrollments: str = "STUDENT_NUMBER,SECTIONID"
    """The columns of the enrollments' sheet."""
    faculty_file: FileName = "fs_faculty.txt"
    """The name of the faculty's file, as agreed for the deployment."""
    students_file: FileName = "fs_student.txt"
    """The name of the students' file."""
    parents_file: FileName = "fs_parent.txt"
    """The name of the parents' file."""
    classes_file: FileName = "fs_classes.txt"
    """The name of the classes' file."""
    enrollments_file: FileName = "fs_enrollment.txt"
    """The name of the enrollments' file."""
    import_id: Literal["sourcedId", "identifier", "userMasterIdentifier"] = "sourcedId"
    """The ImportID of a person: the hub's stable id, or a number that is theirs for ever."""
    grade_words: str = ""
    """What the hub's grades are called, `KG=Kindergarten,01=1`; others stay as they are."""
    off_feed_percent: Annotated[int, Field(ge=0, le=100)] = 10
    """More people off the feed than this part of a sheet, and 5, are not let go."""
    line_end: LineEnd = "crlf"
    """How a line ends."""
    bom: bool = False
    """Whether the files begin with a byte order mark."""
    unchanged: Literal["leave", "send"] = "send"
    """Finalsite refreshes every feed once a day: a file's time shows that it is today's."""

    @field_validator(*SHEETS)
    @classmethod
    def _known_columns(cls, setting: str, info: ValidationInfo) -> str:
        sheet = str(info.field_name)
        try:
            columns = PLANS[sheet].columns(setting)
        except ValueError as error:
            raise _wrong(str(error)) from error
        if columns[0].name != KEYS[sheet]:
            raise _wrong(f"its first column must hold {KEYS[sheet]}, the ImportID")
        return setting

    @field_validator("grade_words")
    @classmethod
    def _pairs(cls, setting: str) -> str:
        try:
            grade_words(setting)
        except ValueError as error:
            raise _wrong(str(error)) from error
        return setting

    @model_validator(mode="after")
    def _files_differ(self) -> Self:
        names: set[str] = set()
        for sheet in SHEETS:
            if self.file(sheet).lower() in names:
                raise setting_error(f"{sheet}_file", "another sheet has this file name", _FIX)
            names.add(self.file(sheet).lower())
        return self

    def columns(self, sheet: str) -> tuple[Column, ...]:
        """Return the columns of a sheet."""
        return PLANS[sheet].columns(str(getattr(self, sheet)))

    def file(self, sheet: str) -> str:
        """Return the name of a sheet's file."""
        return str(getattr(self, f"{sheet}_file"))


def _wrong(problem: str) -> PydanticCustomError:
    return PydanticCustomError("sheet", "{problem}", {"problem": problem, "fix": _FIX})
