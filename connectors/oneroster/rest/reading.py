"""One read of a server: its collections in order, in full or what was modified since."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from connectors.oneroster.mapping import BadRowError
from connectors.oneroster.rest.client import Client, modified_since
from connectors.oneroster.rest.columns import rows_of
from connectors.oneroster.rest.records import plain, values_of
from connectors.oneroster.rest.roles import FIELD_NAMES, plain_role_of, role_names, roles_of
from connectors.oneroster.rest.shape import COLLECTIONS, parts_of
from connectors.oneroster.rest.values import Item, row_of
from shared.domain.reading import Batch, ReadCertificate, Refused, Row
from shared.domain.records import Kind
from shared.domain.states import Mode

GONE = "tobedeleted"
#: What of a wrong record is kept with its refusal.
_KEPT = ("sourcedId", "status", "dateLastModified", "identifier")

#: No role.
NOBODY: frozenset[str] = frozenset()


class Reading:
    """One read.

    Args:
        client: the wire.
        now: an aware instant, for a server that tells no date.
        since: of an incremental read, the cursor of the read before; None: everything is read.
        identified: roles whose users, where they have no identifier, have the record's id for one.
    """

    def __init__(
        self,
        client: Client,
        now: datetime,
        since: str | None = None,
        identified: frozenset[str] = NOBODY,
    ) -> None:
        self._client = client
        self._now = now
        self._since = since
        self._identified = identified
        self._org_types: dict[str, str] = {}
        self._latest = ""
        self._deleted: Counter[Kind] = Counter()
        self.counts: Counter[Kind] = Counter()

    def read(self) -> Iterator[Batch | Refused | ReadCertificate]:
        """Yield the records, then the certificate."""
        kinds = [
            kind
            for kind in COLLECTIONS
            if kind is not Kind.DEMOGRAPHICS or self._client.config.demographics
        ]
        for kind in kinds:
            yield from self._kind(kind)
        yield self._certificate(kinds)

    def _kind(self, kind: Kind) -> Iterator[Batch | Refused]:
        names = tuple(part.field.name for part in parts_of(self._client.config.version, kind))
        is_full = self._since is None
        if is_full:
            # a kind without records gets its batch too
            yield Batch(kind, names, [])
            if kind is Kind.USERS:
                yield Batch(Kind.ROLES, FIELD_NAMES, [])
        self.counts[kind] += 0
        if kind is Kind.ORGS and not is_full:
            self._note_all_orgs()
        for page in self._client.pages(kind, self._filter()):
            items, gone = _parted(page)
            if kind is Kind.USERS:
                items = self._identify(items)
            self._deleted[kind] += len(gone)
            self._note(kind, page)
            rows = yield from self._rows(kind, items)
            ids = () if is_full else _ids_of(gone)
            if rows or ids:
                yield Batch(kind, names, rows, ids)
            if kind is Kind.USERS:
                yield from self._roles(items, () if is_full else gone)

    def _rows(self, kind: Kind, items: Sequence[Any]) -> Generator[Refused, None, list[Row]]:
        """Return the rows of records; yield those that are wrong."""
        if not items:
            return []
        parts = parts_of(self._client.config.version, kind)
        rows = None if isinstance(items[0], dict) else rows_of(items, parts)
        if rows is None:
            rows = []
            for item in map(plain, items):
                try:
                    rows.append(row_of(item, parts))
                except BadRowError as error:
                    yield _refused(kind, item, error)
        self.counts[kind] += len(rows)
        return rows

    def _roles(self, items: Sequence[Any], gone: Sequence[Any]) -> Iterator[Batch | Refused]:
        version, types = self._client.config.version, self._org_types
        rows: list[Row] = []
        for item in items:
            row = plain_role_of(item, version, types)
            if row is not None:
                rows.append(row)
                continue
            try:
                rows += roles_of(plain(item), version, types.get)
            except BadRowError as error:
                yield _refused(Kind.ROLES, plain(item), error)
        ended: list[str] = []
        for item in gone:
            # with the user go the roles that still stand there
            with suppress(BadRowError):
                ended += [str(row[0]) for row in roles_of(plain(item), version, types.get)]
        self.counts[Kind.ROLES] += len(rows)
        if rows or ended:
            yield Batch(Kind.ROLES, FIELD_NAMES, rows, tuple(ended))

    def _identify(self, items: Sequence[Any]) -> Sequence[Any]:
        """Give users their record's id for the identifier that they lack."""
        if not self._identified:
            return items
        for item, identifier in zip(items, values_of(items, "identifier"), strict=True):
            if identifier or self._identified.isdisjoint(role_names(plain(item))):
                continue
            if isinstance(item, dict):
                item["identifier"] = item.get("sourcedId")
            else:
                item.identifier_ = item.sourcedId_
        return items

    def _note(self, kind: Kind, page: Sequence[Any]) -> None:
        """Remember when the newest was modified, and what the orgs are."""
        told = {at for at in values_of(page, "dateLastModified") if type(at) is str}
        if not all(_is_standard(at) for at in told):
            told = set(map(_instant, told))
        self._latest = max(self._latest, *told) if told else self._latest
        if kind is Kind.ORGS:
            self._note_orgs(page)

    def _note_orgs(self, page: Sequence[Any]) -> None:
        both = zip(values_of(page, "sourcedId"), values_of(page, "type"), strict=True)
        self._org_types |= {str(key).strip(): str(kind) for key, kind in both}

    def _note_all_orgs(self) -> None:
        """Learn all orgs' types: those of an administrator may not have changed."""
        if self._client.config.version == "1.1":
            for page in self._client.pages(Kind.ORGS):
                self._note_orgs(page)

    def _filter(self) -> str | None:
        if self._since is None:
            return None
        back = timedelta(minutes=self._client.config.overlap_minutes)
        return modified_since(_written(datetime.fromisoformat(self._since) - back))

    def _certificate(self, kinds: Sequence[Kind]) -> ReadCertificate:
        config = self._client.config
        is_full = self._since is None
        evidence = {f"/{kind}": self._client.reads[kind].told for kind in kinds}
        evidence |= {f"/{kind} {GONE}": str(n) for kind, n in self._deleted.items() if n}
        evidence["since" if self._since else "oneroster"] = self._since or config.version
        return ReadCertificate(
            mode=Mode.FULL if is_full else Mode.INCREMENTAL,
            complete=frozenset({*kinds, Kind.ROLES} if is_full else ()),
            counts=dict(self.counts),
            cursor=self._cursor() if config.use_filter else None,
            filter_fingerprint=f"{config.base_url} demographics={config.demographics}",
            evidence=evidence,
        )

    def _cursor(self) -> str:
        """Return where the next read of changes starts, by the server's own clock.

        Never after this read began: what was modified meanwhile may have been read before. Never
        before the cursor of the read before either, else a quiet night would read ever more.
        """
        told = _date(self._client.server_date) or self._now
        began = _written(told)
        latest = min(self._latest, began) if self._latest else began
        return max(latest, self._since or "")


def _parted(page: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    """Return a page's records apart: those that are, and those that are gone."""
    told = values_of(page, "status")
    if all(status == "active" for status in told):
        return page, ()
    is_gone = [str(status).strip().lower() == GONE for status in told]
    both = list(zip(page, is_gone, strict=True))
    return [item for item, gone in both if not gone], [item for item, gone in both if gone]


def _ids_of(items: Sequence[Any]) -> tuple[str, ...]:
    return tuple(id_ for key in values_of(items, "sourcedId") if (id_ := str(key or "").strip()))


def _refused(kind: Kind, item: Item, error: BadRowError) -> Refused:
    # what names the record and the value that is wrong, and nothing more of it
    source = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name in (*_KEPT, error.field)
        if (value := item.get(name)) is not None and name != "password"
    }
    external_id = str(item.get("sourcedId") or "without an id")
    if kind is Kind.ROLES:
        external_id += "/primary"
    return Refused(kind, external_id, error.field, error.reason, source)


def _is_standard(told: str) -> bool:
    return len(told) == 24 and told[-1] == "Z" and told[10] == "T"


def _instant(told: str) -> str:
    """Return an instant as the standard writes it, "" for what is none."""
    try:
        at = datetime.fromisoformat(told)
    except ValueError:
        return ""
    return _written(at if at.tzinfo else at.replace(tzinfo=UTC))


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _date(header: str | None) -> datetime | None:
    try:
        at = parsedate_to_datetime(header or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
