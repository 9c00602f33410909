"""Checks of a target: what it renders, and how that comes to its place."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from connectors.conformance import districts
from connectors.conformance.hub import MemoryHub, hub_of
from connectors.conformance.rows import BrokenError, NotApplicableError
from connectors.conformance.subject import Subject
from connectors.sdk import ChangesTarget, Delivery, Rendering, Target
from shared.domain.records import Kind
from shared.errors import BellringerError, ConfigurationError, ConnectorError

Found = TypeVar("Found")
#: A hub without these has nobody whom a vendor could be told of.
_PEOPLE = (Kind.ENROLLMENTS, Kind.DEMOGRAPHICS, Kind.ROLES, Kind.USERS, Kind.CLASSES)


class Exports:
    """The renderings and deliveries of one target.

    Args:
        subject: the connector, which is an export.

    Raises:
        NotApplicableError: it is none.
    """

    def __init__(self, subject: Subject) -> None:
        if not subject.is_export:
            raise NotApplicableError("it reads its vendor, and is fed nothing")
        self._subject = subject

    def folder(self) -> Path:
        """Return an empty folder."""
        number = sum(1 for path in self._subject.folder.iterdir() if path.is_dir())
        made = self._subject.folder / f"export{number}"
        made.mkdir()
        return made

    def open(self, place: Path | None = None) -> Target:
        """Return the target, open on a place of its own."""
        return self._subject.target(self.folder() / "place" if place is None else place)

    def render(self, target: Target, hub: MemoryHub) -> Rendering:
        """Render a hub of which only what the target lists may be read."""
        hub.reads = target.reads
        return _told("render", lambda: target.render(hub, self.folder()))

    def deliver(self, target: Target, rendering: Rendering) -> Delivery:
        """Deliver, where somebody has said where to.

        Raises:
            NotApplicableError: the settings are those of a live vendor, who is told nothing.
        """
        if self._subject.given is not None:
            raise NotApplicableError("a live vendor is told nothing: it is only rendered")
        return _told("deliver", lambda: target.deliver(rendering))


def byte_stable_export(subject: Subject) -> str:
    """The same hub renders the same bytes, in whatever order its records came."""
    exports = Exports(subject)
    target = exports.open()
    renderings = [
        exports.render(opened, hub_of(districts.whole(), is_turned=is_turned))
        for opened, is_turned in ((target, False), (target, False), (exports.open(), True))
    ]
    first = _bytes(renderings[0])
    for rendering in renderings[1:]:
        if list(_bytes(rendering)) != list(first):
            raise BrokenError(f"other files: {', '.join(_bytes(rendering))}")
        for name, content in _bytes(rendering).items():
            if content != first[name]:
                raise BrokenError(f"{name} has other bytes the second time")
    for file in renderings[0].files:
        if not file.rows:
            raise BrokenError(f"{file.path.name} of a whole district has no rows")
    return f"{len(first)} files, {sum(file.rows for file in renderings[0].files)} rows"


def whole_delivery(subject: Subject) -> str:
    """The files arrive as they were rendered, all of them, and no part is left beside them."""
    exports = Exports(subject)
    place = exports.folder() / "place"
    target = exports.open(place)
    rendering = exports.render(target, hub_of(districts.whole()))
    delivery = exports.deliver(target, rendering)
    wanted = sorted(_bytes(rendering).values())
    if len(delivery.places) != len(rendering.files):
        raise BrokenError(f"{len(rendering.files)} files have {len(delivery.places)} places")
    there = subject.content(place)
    if there is not None and sorted(there.values()) != wanted:
        raise BrokenError(f"there are other files than were rendered: {', '.join(there)}")
    return f"{len(delivery.places)} files"


def partial(subject: Subject) -> str:
    """A delivery that breaks off leaves the set that was there as it was."""
    exports = Exports(subject)
    place = exports.folder() / "place"
    target = exports.open(place)
    exports.deliver(target, exports.render(target, hub_of(districts.whole())))
    there = subject.content(place)
    broken = exports.render(target, hub_of(districts.whole(districts.LATER)))
    # what cannot be read in the end must not have changed anything before
    broken.files[-1].path.unlink()
    try:
        target.deliver(broken)
    except (OSError, ConnectorError):
        after = subject.content(place)
    else:
        raise BrokenError("a file of the set is gone, and the delivery says that all is well")
    if there is not None and after is not None:
        left = {name: of for name, of in after.items() if not name.endswith(".part")}
        if left != there:
            raise BrokenError("a delivery that broke off has changed the set that was there")
    return "a delivery that broke off left what was there as it was"


def idempotent_rewrite(subject: Subject) -> str:
    """The same set delivered again changes nothing."""
    exports = Exports(subject)
    place = exports.folder() / "place"
    for time in ("first", "second"):
        target = exports.open(place)
        delivery = exports.deliver(target, exports.render(target, hub_of(districts.whole())))
        if time == "first" and not delivery.changed:
            raise BrokenError("the first delivery says that nothing has changed")
        if time == "second" and delivery.changed:
            raise BrokenError(f"the second delivery changed {', '.join(sorted(delivery.changed))}")
    return "the second delivery changed nothing"


def incremental_equals_full(subject: Subject) -> str:
    """A set of changes begins with everything, and then holds what has changed."""
    exports = Exports(subject)
    target = exports.open()
    if not isinstance(target, ChangesTarget):
        raise NotApplicableError("it sends everything, each time")
    hub = hub_of(districts.whole())
    everything = exports.render(target, hub)
    first = _changes(exports, target, hub, None)
    if sum(file.rows for file in first.files) < sum(file.rows for file in everything.files):
        raise BrokenError("the first set of changes holds less than everything")
    if first.cursor is None:
        return "it is set to send everything, each time"
    none = _changes(exports, target, hub, first.cursor)
    if sum(file.rows for file in none.files):
        raise BrokenError("nothing has changed, and a set of changes has rows")
    hub.now += 1
    hub.take(districts.whole(districts.LATER))
    some = _changes(exports, target, hub, first.cursor)
    rows = sum(file.rows for file in some.files)
    if not rows:
        raise BrokenError("some have joined and left, and a set of changes has no rows")
    return f"{rows} rows of changes"


def empty(subject: Subject) -> str:
    """A hub of nobody is rendered or refused; what was there is never emptied in silence."""
    exports = Exports(subject)
    target = exports.open()
    hub = hub_of(districts.whole())
    for kind in _PEOPLE:
        for id_ in hub.kinds[kind]:
            hub.remove(kind, id_)
    hub.reads = target.reads
    try:
        rendering = target.render(hub, exports.folder())
    except (ConnectorError, ConfigurationError) as error:
        return f"refused: {error}"
    return f"rendered, {sum(file.rows for file in rendering.files)} rows in all"


def unicode_names(subject: Subject) -> str:
    """Names of any script are written as they are."""
    exports = Exports(subject)
    target = exports.open()
    district = districts.in_many_scripts()
    content = _text(_bytes(exports.render(target, hub_of(district))))
    missing = [
        name
        for student in district.students
        for name in (student.person.given_name, student.person.family_name)
        if unicodedata.normalize("NFC", name) not in content
    ]
    if missing:
        raise BrokenError(f"{len(missing)} names are missing, or written otherwise")
    return f"{len(districts.SYLLABLES)} scripts and forms, as they were"


def _changes(
    exports: Exports, target: ChangesTarget, hub: MemoryHub, cursor: str | None
) -> Rendering:
    hub.reads = target.reads
    return _told("render_changes", lambda: target.render_changes(hub, exports.folder(), cursor))


def _told(what: str, call: Callable[[], Found]) -> Found:
    try:
        return call()
    except BellringerError as error:
        raise BrokenError(f"all is well, and {what}() says: {error}") from error


def _bytes(rendering: Rendering) -> dict[str, bytes]:
    return {file.path.name: file.path.read_bytes() for file in rendering.files}


def _text(files: dict[str, bytes]) -> str:
    """Return all that is written, composed."""
    told = "\n".join(content.decode("utf-8-sig") for content in files.values())
    return unicodedata.normalize("NFC", told)
