"""Renders and delivers Finalsite's five sheets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

from connectors.flatfiles.columns import Reads, Record
from connectors.flatfiles.sheets import Sheet
from connectors.sdk import Delivery, RenderedFile, Rendering, RosterReader
from connectors.transport.places import deliver
from connectors.vendors.finalsite.classes import Classes
from connectors.vendors.finalsite.config import FinalsiteConfig
from connectors.vendors.finalsite.layout import SHEETS
from connectors.vendors.finalsite.off_feed import people_gone
from connectors.vendors.finalsite.people import ROLE_FIELDS, People
from shared.domain.records import Kind

NAME = "finalsite"
#: The sheets of people, whose absence Finalsite minds.
_PEOPLE = ("faculty", "students")


class Finalsite:
    """The export target.

    Args:
        config: where the sheets go, and what they hold.
    """

    def __init__(self, config: FinalsiteConfig) -> None:
        self._config = config
        self.reads: Mapping[Kind, tuple[str, ...]] = reads(config)

    def check(self) -> None:
        """See that the drop site can be written.

        Raises:
            ConnectorError: it cannot; names the setting.
        """
        with self._config.place(NAME) as place:
            place.probe()

    def render(self, roster: RosterReader, folder: Path) -> Rendering:
        """Write the five sheets into an empty local folder.

        Raises:
            PermanentConnectorError: too many people would go off the feed.
        """
        people = People(self._config, roster, self.reads)
        altered: Counter[str] = Counter()
        with ExitStack() as stack:
            sheets = {
                name: stack.enter_context(
                    Sheet(
                        folder / self._config.file(name),
                        self._config.columns(name),
                        line_end=self._config.line_end,
                        bom=self._config.bom,
                        tabs=True,
                    )
                )
                for name in SHEETS
            }
            self._write(sheets, people, roster)
            files = {name: sheet.rendered() for name, sheet in sheets.items()}
            altered["rows without the line breaks or tabs of their values"] = sum(
                sheet.altered for sheet in sheets.values()
            )
        self._compare(files, altered)
        left_out = {why: count for why, count in people.left_out.items() if count}
        return Rendering(
            tuple(files.values()),
            left_out,
            altered={what: count for what, count in altered.items() if count},
        )

    def deliver(self, rendering: Rendering) -> Delivery:
        """Bring the sheets to the drop site: all beside it first, then renamed together.

        Raises:
            ConnectorError: the place cannot be reached or written.
        """
        with self._config.place(NAME) as place:
            again = self._config.unchanged == "send"
            return deliver(rendering.files, place, send_unchanged=again)

    def _write(self, sheets: Mapping[str, Sheet], people: People, roster: RosterReader) -> None:
        for person in people.people():
            sheets[person.sheet].add(person.record)
        for record in people.parents():
            sheets["parents"].add(record)
        classes: set[str] = set()
        for record in Classes(roster, self.reads).rows(people.faculty):
            classes.add(str(record["sourcedId"]))
            sheets["classes"].add(record)
        for record in _enrollments(roster, people, classes):
            sheets["enrollments"].add(record)

    def _compare(self, files: Mapping[str, RenderedFile], altered: Counter[str]) -> None:
        with self._config.place(NAME) as place:
            for sheet in _PEOPLE:
                gone, has_other_columns = people_gone(
                    NAME, place, files[sheet], sheet, self._config.off_feed_percent
                )
                altered[f"{sheet} no longer sent (off the feed 48 hours after)"] = gone
                altered["sheets of people with other columns than before"] += has_other_columns


def reads(config: FinalsiteConfig) -> dict[Kind, tuple[str, ...]]:
    """Return the fields that the sheets are made of, by kind: what their columns need."""
    needed = Reads()
    needed.add(Kind.ORGS)
    needed.add(Kind.USERS, "enabledUser")
    needed.add(Kind.ROLES, *ROLE_FIELDS)
    needed.add(Kind.CLASSES)
    needed.add(Kind.ENROLLMENTS, "classSourcedId", "userSourcedId", "role", "primary")
    if config.import_id != "sourcedId":
        needed.add(Kind.USERS, config.import_id)
    for sheet in SHEETS:
        needed.add_columns(config.columns(sheet))
    return needed.fields()


def _enrollments(roster: RosterReader, people: People, classes: set[str]) -> Iterator[Record]:
    fields = ("classSourcedId", "userSourcedId", "role")
    rows = roster.rows(Kind.ENROLLMENTS, fields, order_by=fields[:2])
    students = (row for row in rows if row[3] == "student")
    for (class_id, user), _ in groupby(students, key=lambda row: (str(row[1]), str(row[2]))):
        if class_id in classes and user in people.students:
            yield {"student_id": people.students[user], "class_id": class_id}
        else:
            people.left_out["enrollments of a class or student that is not sent"] += 1
