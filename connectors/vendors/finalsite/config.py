"""The settings of the Finalsite export."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from connectors.flatfiles.columns import Column
from connectors.flatfiles.formats import grade_words
from connectors.flatfiles.sheets import LineEnd
from connectors.transport.drop import Drop
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

    #: The columns of each sheet, as `HEADER` or `HEADER=VALUE`; the leftmost holds the ImportID.
    faculty: str = "RECORDID,FIRST_NAME,LAST_NAME,EMAIL_ADDR,PREFERREDNAME"
    students: str = "RECORDID,GRADE_LEVEL,FIRST_NAME,LAST_NAME,EMAIL"
    parents: str = PARENTS_BY_DEFAULT
    classes: str = CLASSES_BY_DEFAULT
    enrollments: str = "STUDENT_NUMBER,SECTIONID"
    #: The names of the files, as agreed for the deployment.
    faculty_file: FileName = "fs_faculty.txt"
    students_file: FileName = "fs_student.txt"
    parents_file: FileName = "fs_parent.txt"
    classes_file: FileName = "fs_classes.txt"
    enrollments_file: FileName = "fs_enrollment.txt"
    #: The ImportID of a person: the hub's stable id, or a number that is theirs for ever.
    import_id: Literal["sourcedId", "identifier", "userMasterIdentifier"] = "sourcedId"
    #: What the hub's grades are called, `KG=Kindergarten,01=1`; others stay as they are.
    grade_words: str = ""
    #: More people off the feed than this part of a sheet, and 5, are not let go.
    off_feed_percent: Annotated[int, Field(ge=0, le=100)] = 10
    line_end: LineEnd = "crlf"
    #: Whether the files begin with a byte order mark.
    bom: bool = False
    #: Finalsite refreshes every feed once a day: a file's time shows that it is today's.
    unchanged: Literal["leave", "send"] = "send"

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
        names = [self.file(sheet).lower() for sheet in SHEETS]
        if len(set(names)) < len(names):
            raise _wrong("two sheets have one file name")
        return self

    def columns(self, sheet: str) -> tuple[Column, ...]:
        """Return the columns of a sheet."""
        return PLANS[sheet].columns(str(getattr(self, sheet)))

    def file(self, sheet: str) -> str:
        """Return the name of a sheet's file."""
        return str(getattr(self, f"{sheet}_file"))


def _wrong(problem: str) -> PydanticCustomError:
    return PydanticCustomError("sheet", "{problem}", {"problem": problem, "fix": _FIX})
