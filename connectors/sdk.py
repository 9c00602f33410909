"""The ports that a connector fills, and the `Connector` by which it is registered.

An import is a `Source`, a 2-way app a `Source` that is a `Writer` or `Provisioner` too, an export a
`Target`. A
connector is one entry point of the group `bellringer.connectors` whose object is a `Connector`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Protocol, Self, runtime_checkable

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from connectors.network import Network
from shared.domain.limits import Limit
from shared.domain.provisioning import EndedRecord, Linked, NewRecord, Result, Step
from shared.domain.reading import Batch, Capabilities, Known, ReadCertificate, Refused
from shared.domain.records import Kind
from shared.domain.states import Mode, Tier


def _absolute(path: object) -> object:
    # before pydantic's own reading, which makes "." of an empty path
    if path == "":
        problem = "it is empty"
    elif isinstance(path, str | Path) and not Path(path).is_absolute():
        problem = f"{str(path)!r} would mean another place to each process"
    else:
        return path
    fix = "Give the whole path, from / on."
    raise PydanticCustomError("absolute_path", "{problem}", {"problem": problem, "fix": fix})


#: The type of every setting that is a path: a relative one would depend on where a worker started.
AbsolutePath = Annotated[Path, BeforeValidator(_absolute)]
#: In the type of a setting whose text has several lines, as a key file has; a form leaves room.
MULTILINE = Field(json_schema_extra={"multiline": True})


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What to read.

    Attributes:
        mode: full, or incremental where the connector can.
        cursor: the cursor of the last committed read; None: there was none, so an incremental
            read is a full one and says so in its certificate's mode.
        known: tells a full read which source rows have not changed; None: nothing is known.
        folder: an empty one, for what must lie at hand while it is read; it is removed with all it
            holds. None: the source makes its own.
        linked: tells which of the vendor's records stand for the hub's; None: nothing is known.
    """

    mode: Mode
    cursor: str | None = None
    known: Known | None = None
    folder: Path | None = None
    linked: Linked | None = None


@runtime_checkable
class Source(Protocol):
    """Reads a vendor.

    Every adapter holds: the batches of one kind name the same fields; memory does not grow with the
    roster; the last item, and only the last, is the certificate; what fails raises a
    `ConnectorError` (`Transient…` where trying again may help), and never ends quietly.
    """

    def check(self) -> None:
        """Connect and read a little.

        Raises:
            PermanentConnectorError: names the setting or the permission that is missing.
            TransientConnectorError: the vendor does not answer now.
        """
        ...

    def read(self, request: ReadRequest) -> Iterator[Batch | Refused | ReadCertificate]:
        """Yield batches and refused records, then one certificate."""
        ...


@dataclass(frozen=True, slots=True)
class RecordWrite:
    """One record to write back.

    Attributes:
        external_id: the record's id at the vendor.
        key: the idempotency key, unique in the app; the same write carries the same key.
        values: the fields to set; None clears.
    """

    external_id: str
    key: str
    values: Mapping[str, str | None]


class WriteOutcome(StrEnum):
    """What the vendor said of one record."""

    #: It holds the values now.
    CONFIRMED = "confirmed"
    #: It refused them; writing the same again cannot help.
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The vendor's answer for one `RecordWrite`.

    Attributes:
        external_id: of the write.
        outcome: confirmed or rejected.
        values: the fields as the vendor holds them now (it may have normalised them).
        reason: why it was rejected, or the vendor's warning.
    """

    external_id: str
    outcome: WriteOutcome
    values: Mapping[str, str | None]
    reason: str | None = None


@runtime_checkable
class Writer(Protocol):
    """Writes back to a vendor, in small batches.

    Every adapter holds: one result a write, in the order of the writes; writing the same again is
    harmless; an answer of success for the whole is never taken for the success of each.
    """

    #: The most records in one call of `write`.
    batch_size: int

    def accepts(self, kind: Kind, external_id: str) -> bool:
        """Return whether a record can be written at all, by what its id says."""
        ...

    def write(self, kind: Kind, writes: Sequence[RecordWrite]) -> list[WriteResult]:
        """Write one batch.

        Raises:
            ConnectorError: the batch as a whole was not taken; nothing is known of its records.
        """
        ...


@runtime_checkable
class Provisioner(Source, Protocol):
    """A source whose vendor is fed from the hub, too: it makes and ends records there.

    Every adapter holds: one result a record, in the order of the records; to make or end the same
    again is harmless, and answered as done; what one record is refused for stops no other.
    """

    #: The most records in one call.
    batch_size: int
    #: By kind, the fields of the hub that leave for the vendor; nothing else does. With `roles`
    #: among them the values of a user have the set-valued field `roles`, too.
    reads: Mapping[Kind, tuple[str, ...]]
    #: What is made, in this order; after that things are ended, their kinds in the reverse order.
    steps: Sequence[Step]

    def left_out(self, kind: Kind, values: Mapping[str, str | None]) -> str | None:
        """Return why a record is not made at the vendor, in words that follow a number.

        None: it is made.
        """
        ...

    def create(self, kind: Kind, records: Sequence[NewRecord], linked: Linked) -> Sequence[Result]:
        """Make one batch.

        Raises:
            ConnectorError: the vendor does not answer, or lets nobody in; nothing is known of the
                records.
        """
        ...

    def end(self, kind: Kind, records: Sequence[EndedRecord], linked: Linked) -> Sequence[Result]:
        """Remove, archive or suspend one batch.

        Raises:
            ConnectorError: as for `create`.
        """
        ...


class RosterReader(Protocol):
    """One consistent snapshot of a tenant's hub, for an export."""

    def rows(
        self, kind: Kind, fields: Sequence[str], order_by: Sequence[str] = ("sourcedId",)
    ) -> Iterator[tuple[str | None, ...]]:
        """Yield `(sourcedId, value of fields[0], …)` of the active records, in `order_by`'s order.

        Ties are broken by sourcedId, and text is ordered by code point on every database, so the
        same hub gives the same bytes.

        Raises:
            ConfigurationError: a field that the target's `reads` does not list.
        """
        ...

    def leave_out(self, kind: Kind, sourced_id: str) -> None:
        """Say of a record that was yielded that nothing of it is sent, so that nobody is told so.

        Whom a target does not name here counts as disclosed to its vendor.
        """
        ...


class ChangesReader(RosterReader, Protocol):
    """A snapshot that also tells what has changed, what was removed among it.

    Who leaves the scope of the app's filter has gone, who enters it has come back.

    Attributes:
        terms: what the app's masks and filter are, as text; "": there are none. A set of changes
            goes on from one under the same terms alone.
    """

    @property
    def terms(self) -> str:
        """What the app's masks and filter are."""
        ...

    def changes(
        self,
        kind: Kind,
        fields: Sequence[str],
        since: datetime,
        order_by: Sequence[str] = ("sourcedId",),
    ) -> Iterator[tuple[str | None, ...]]:
        """Yield the records that changed at or after an instant, in the order that `rows` has.

        Yields `(sourcedId, status, dateLastModified, history, value of fields[0], …)`: status is
        `active` or `tobedeleted`; the time ISO 8601 in UTC with milliseconds; the history `new`
        for a record made since, `back` for one that was restored, has come into scope, or whose
        type or required references changed, else None.

        Raises:
            ConfigurationError: a field that the target's `reads` does not list.
        """
        ...

    def former(self, kind: Kind, field: str, since: datetime) -> Iterator[str]:
        """Yield the ids that a reference of some records of a kind named before it changed.

        Args:
            kind: of the records.
            field: the reference, which names one record.
            since: the instant at or after which it changed.
        """
        ...

    def latest(self) -> datetime | None:
        """Return when the hub changed last, aware; None: it holds nothing.

        Whatever the snapshot does not show has changed, or will change, after this.
        """
        ...


@runtime_checkable
class Follower(Provisioner, Protocol):
    """A provisioner that keeps more in step than records: such as who is whose guardian."""

    #: The kinds that it looks at for that; none: there is nothing to keep in step.
    follows: frozenset[Kind]

    def follow(
        self,
        roster: RosterReader,
        linked: Linked,
        confirm: Callable[[], None],
        limit: Limit,
        *,
        is_plan: bool,
    ) -> Mapping[str, int]:
        """Compare the vendor with the hub, and bring it in step; what is so already costs no write.

        Args:
            roster: the hub, as far as `reads` goes.
            linked: which records stand for which.
            confirm: to be called before each batch of writes; it raises if the job must stop.
            limit: of what may be taken away at once.
            is_plan: nothing is to be written.

        Returns:
            What was done, or would be: words that follow a number, and the number.

        Raises:
            ConnectorError: the vendor does not answer, or lets nobody in.
        """
        ...


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """A file that a target rendered: its path, its data rows and its SHA-256 in hex."""

    path: Path
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Rendering:
    """All files of one export, with what was left out and why.

    Attributes:
        files: in the order in which they must arrive.
        left_out: reason → number of records.
        cursor: where the next export of changes starts, kept once these files are delivered; None
            leaves the app's cursor as it is.
        altered: what was done → number of records that were sent otherwise than the hub has them.
    """

    files: tuple[RenderedFile, ...]
    left_out: Mapping[str, int]
    cursor: str | None = None
    altered: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a delivery did: where the files are, and which of them differ from what was there."""

    places: tuple[str, ...]
    changed: frozenset[str]


@runtime_checkable
class Target(Protocol):
    """Feeds a vendor from the hub.

    Every adapter holds: the same hub renders the same bytes; a reader of the place never sees half
    a file, nor half a set.
    """

    #: By kind, the fields that leave the hub; nothing else can be read.
    reads: Mapping[Kind, tuple[str, ...]]

    def check(self) -> None:
        """See that the place can be written.

        Raises:
            PermanentConnectorError: names the setting.
        """
        ...

    def render(self, roster: RosterReader, folder: Path) -> Rendering:
        """Write the files into an empty local folder."""
        ...

    def deliver(self, rendering: Rendering) -> Delivery:
        """Bring the rendered files to their place, all together."""
        ...


@runtime_checkable
class ChangesTarget(Target, Protocol):
    """A target that can send what has changed since its last delivery, and nothing more."""

    def render_changes(self, roster: ChangesReader, folder: Path, cursor: str | None) -> Rendering:
        """Write the files of what changed since `cursor` into an empty local folder.

        Args:
            roster: the hub.
            folder: empty.
            cursor: of the last set that was delivered, as its rendering gave it. A set may have
                been delivered after it whose job then failed: what it held is sent again. None:
                nothing was ever delivered, so everything is sent.
        """
        ...


@dataclass(frozen=True, slots=True)
class Mounted:
    """A vendor's simulator, ready to be served.

    Attributes:
        app: an ASGI application, served under the base URL it was made for; None: the vendor
            drops files.
        settings: the config that reaches it, as text.
        turn: makes it hold the district of another day; None: it stays as it is.
        close: ends what it serves beside the application; None: there is nothing.
    """

    app: Any
    settings: Mapping[str, str]
    turn: Callable[[Any], None] | None = None
    close: Callable[[], None] | None = None


@runtime_checkable
class Reaching(Protocol):
    """Settings that reach a server by themselves, as those of files on one do."""

    def within(self, network: Network) -> Self:
        """Return the same settings, which go where the network lets them."""
        ...


@dataclass(frozen=True, slots=True)
class Connector:
    """How a connector is registered.

    Attributes:
        name: the entry point's name.
        title: as people know the vendor.
        tier: import, two_way or export.
        capabilities: what it can do.
        config: the pydantic model of its settings; secrets are `SecretStr`.
        open: takes a config and gives a Source, Source and Writer, or Target; where the connector
            is online, it takes the network after it.
        simulator: `module:function` of its vendor's simulator, which takes a generated district
            and a base URL and returns a `Mounted`; None where there is no cloud.
        is_online: whether it asks its vendor over the network.
        bench: `module:function` that stands the vendor's side up in a folder for the conformance
            kit; it takes a generated district and a folder, and returns a `Mounted` without an
            app. Of a connector that reads files it lays the district down as the vendor would drop
            it; of one that is online it fills a real server, and where none is at hand, raises
            `ConfigurationError`; of an export its settings lead to a place in that folder. None: a
            simulator, or the setting `path`, does.
        exempt: by the name of a check of the conformance kit, why this vendor's side makes it
            impossible to pass: a page that lacks a record, where the vendor tells no count, say.
            The reason is printed in place of a result.
    """

    name: str
    title: str
    tier: Tier
    capabilities: Capabilities
    config: type[BaseModel]
    open: Callable[..., Source | Target]
    simulator: str | None = None
    is_online: bool = False
    bench: str | None = None
    exempt: Mapping[str, str] = field(default_factory=dict)

    def connect(self, config: BaseModel, network: Network) -> Source | Target:
        """Open it; it goes where the network lets it, to a file server too."""
        bound = config.within(network) if isinstance(config, Reaching) else config
        return self.open(bound, network) if self.is_online else self.open(bound)
