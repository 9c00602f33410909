"""Google Classroom: courses, members and accounts are kept in step with the hub, both ways."""

from __future__ import annotations

from connectors.sdk import Connector
from connectors.vendors.google_classroom.access import NAME
from connectors.vendors.google_classroom.config import GoogleClassroomConfig
from connectors.vendors.google_classroom.mapping import COURSE_FIELDS, NAME_FIELDS
from connectors.vendors.google_classroom.source import GoogleClassroom
from shared.domain.reading import Capabilities
from shared.domain.records import Kind
from shared.domain.states import Mode, Tier

CONNECTOR = Connector(
    name=NAME,
    title="Google Classroom",
    tier=Tier.TWO_WAY,
    capabilities=Capabilities(
        modes=frozenset({Mode.FULL}),
        reads=frozenset({Kind.CLASSES, Kind.USERS, Kind.ENROLLMENTS}),
        writes={
            Kind.CLASSES: frozenset(COURSE_FIELDS),
            Kind.USERS: frozenset(NAME_FIELDS),
        },
    ),
    config=GoogleClassroomConfig,
    open=GoogleClassroom,
    simulator="connectors.vendors.google_classroom.simulator:mount",
    is_online=True,
    exempt={
        "short_page": "Google counts nothing: a page may be short, and ends a list by its token",
        "clock_skew": "Google refuses a sign-in whose time is off, and the error says so",
    },
)
