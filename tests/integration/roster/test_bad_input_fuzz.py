"""Accidents of a good set, as the hub sees them: nothing of it is lost beyond the limits."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shared.db.hub_tables import HUB
from shared.db.tables import apps
from shared.domain.records import Kind
from shared.errors import ConnectorError
from tests.integration.roster.district import Hub
from tests.integration.roster.oneroster_sets import sync_set, write_good

#: Of one kind and school, so few go without approval; of more, a tenth.
AT_LEAST = 5
NAMES = ("orgs", "classes", "users", "roles", "enrollments", "demographics")
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "double", "drop", "cut", "move"]),
        st.sampled_from(NAMES),
        st.floats(0, 1, exclude_max=True),
        st.sampled_from([b"\x00", b"\xff", b'"', b",", b"0", b"x", b"\n"]),
    ),
    min_size=1,
    max_size=12,
)
Edits = list[tuple[str, str, float, bytes]]


def _edit(folder: Path, edits: Edits) -> None:
    for what, name, where, piece in edits:
        file = folder / f"{name}.csv"
        content = file.read_bytes()
        lines = content.splitlines(keepends=True)
        at = int(len(lines) * where)
        place = int(len(content) * where)
        match what:
            case "flip":
                content = content[:place] + piece + content[place + 1 :]
            case "double":
                content = b"".join([*lines[:at], *lines[at : at + 1] * 2, *lines[at + 1 :]])
            case "drop":
                content = b"".join(lines[:at] + lines[at + 1 :])
            case "cut":
                # between two rows, which nobody can see
                content = b"".join(lines[: max(2, at)])
            case "move":
                content = b"".join([*lines[:1], *lines[:0:-1]])
        file.write_bytes(content)


def _active(hub: Hub) -> dict[Kind, dict[str, str | None]]:
    """By kind, the school of each active record."""
    users = {row["sourced_id"]: row["primary_org_sourced_id"] for row in hub.table(HUB[Kind.USERS])}
    return {
        kind: {
            row["sourced_id"]: row.get("school_sourced_id")
            or row.get("org_sourced_id")
            or row.get("primary_org_sourced_id")
            or users.get(row.get("user_sourced_id", ""))
            for row in hub.table(HUB[kind])
            if row["status"] == "active"
        }
        for kind in Kind
    }


@settings(
    max_examples=8,
    # a shrunk example costs minutes, and says hardly more
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(edits=EDITS)
def test_accidents_lose_nothing(hub: Hub, edits: Edits) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = write_good(Path(made) / "set")
        # an example before this one may have left out or removed something, and this heals it
        app = next((row["id"] for row in hub.table(apps)), None) or hub.app(1)
        sync_set(hub, app, folder)
        before, whole = _active(hub), hub.everything()
        _edit(folder, edits)
        try:
            sync_set(hub, app, folder)
        except ConnectorError:
            assert hub.everything() == whole
            return
    after = _active(hub)
    for kind in Kind:
        gone = Counter(
            school for record, school in before[kind].items() if record not in after[kind]
        )
        there = Counter(before[kind].values())
        for school, count in gone.items():
            assert count < AT_LEAST or count * 10 <= there[school], (kind, school, count)
