"""The settings of the CrisisGo export.

Source: no specification by the vendor is public. The five files, their columns and their dates are
those that a public script for a school (read 2026-11-23) sends by SFTP; they are those of Clever's
format. The staff id is told by CrisisGo's help article 296.
"""

from __future__ import annotations

from typing import Literal

from connectors.clever.settings import CleverSettings, UserId
from connectors.transport.drop import SftpDrop


class CrisisGoConfig(SftpDrop, CleverSettings):
    """The server to which CrisisGo lets the district send, and what is sent."""

    schools: str = "School_id,School_name"
    teachers: str = "School_id,Teacher_id,Last_name,First_name"
    students: str = "School_id,Student_id,Last_name,First_name"
    sections: str = "School_id,Section_id,Teacher_id,Name,Term_start,Term_end"
    enrollments: str = "School_id,Student_id,Section_id"
    teacher_id: UserId = "identifier"
    """Must equal the "Staff ID" of the app's user, which is the student system's number."""
    teacher_rows: Literal["each_school", "one"] = "one"
    """A teacher's id may stand there once."""
