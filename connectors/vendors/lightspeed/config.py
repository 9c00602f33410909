"""The settings of the Lightspeed export."""

from __future__ import annotations

from typing import Literal

from connectors.transport.drop import Drop


class LightspeedConfig(Drop):
    """Where the three files go, from which Lightspeed is fed, and which ids they carry."""

    #: `unique_sis_user_id`: the hub's stable id, or the number that the student system gives.
    user_id: Literal["sourcedId", "identifier"] = "sourcedId"
    #: `unique_sis_school_id`: what is typed as SIS ID on the school in Lightspeed.
    school_id: Literal["sourcedId", "identifier"] = "identifier"
    #: The grade that transitional kindergarten becomes; Lightspeed knows none.
    tk_grade: Literal["-1", "0"] = "-1"
    #: Whether passwords are asked of a directory (0) or kept by Lightspeed (1).
    authentication: Literal["0", "1"] = "0"
