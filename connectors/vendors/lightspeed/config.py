"""The settings of the Lightspeed export."""

from __future__ import annotations

from typing import Literal

from connectors.transport.served import ServedDrop

#: Lightspeed's own files, in the order of their dependence, in which they arrive.
FILES = ("users-v2.csv", "groups-v2.csv", "memberships-v2.csv")
#: What a OneRoster set is called.
ARCHIVE = "oneroster.zip"


class LightspeedConfig(ServedDrop):
    """Where the files go, from which Lightspeed is fed, and which ids they carry."""

    format: Literal["lightspeed", "oneroster-1.1", "oneroster-1.2"] = "lightspeed"
    """lightspeed: its own three files. oneroster-1.1 or oneroster-1.2: a zip, for a district whose
    Lightspeed is fed by Clever or ClassLink; the ids are then the hub's."""
    user_id: Literal["sourcedId", "identifier"] = "sourcedId"
    """`unique_sis_user_id`: the hub's stable id, or the number that the student system gives."""
    school_id: Literal["sourcedId", "identifier"] = "identifier"
    """`unique_sis_school_id`: what is typed as SIS ID on the school in Lightspeed."""
    tk_grade: Literal["-1", "0"] = "-1"
    """The grade that transitional kindergarten becomes; Lightspeed knows none."""
    without_class: Literal["group", "nothing"] = "group"
    """group: who is in no class stands in a group of their school, since Lightspeed takes nobody
    out of a class who stands nowhere in the file. nothing: they keep their classes there."""
    authentication: Literal["0", "1"] = "0"
    """Whether passwords are asked of a directory (0) or kept by Lightspeed (1)."""

    def served(self) -> frozenset[str]:
        """Return the names of the files that may be fetched."""
        return frozenset(FILES if self.format == "lightspeed" else (ARCHIVE,))
