"""What has changed since a cursor: whose entries must be read again, and who was deleted.

Neither way tells whole entries that could be trusted: DirSync tells changed attributes alone, and
back-links never; the numbers of changes do not show who left a group. So both give ids, and what is
to be known of them is read anew. What cannot be told by them is told by a full read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from connectors.transport.ldap import (
    Directory,
    Entry,
    NotAllowedError,
    RejectedError,
    equals,
)
from connectors.vendors.active_directory.cursor import Cursor, cookie_mark
from connectors.vendors.active_directory.domain import Domain
from connectors.vendors.active_directory.scope import Scope
from connectors.vendors.active_directory.values import first, guid_text, is_true

USERS = "(&(objectCategory=person)(objectClass=user))"
#: Of what was deleted, the category is gone.
_WERE_USERS = "(&(objectClass=user)(!(objectClass=computer)))"
_GROUPS = "(objectClass=group)"
_PLACES = "(|(objectClass=organizationalUnit)(objectClass=container))"
_NOTHING = "(objectClass=bellringerNothing)"
#: Names that are asked for in one search.
_NAMES = 100
_MEMBERSHIP = ("objectGUID", "member", "isDeleted")


class NeedsFullError(Exception):
    """Only a full read can tell what has changed; its text says why."""


@dataclass(slots=True)
class Delta:
    """What has changed.

    Attributes:
        mark: of the cursor after it.
        users: objectGUIDs of users to be read again; some may not be users of ours, or be gone.
        deleted: objectGUIDs of users who were deleted.
        notes: what a person should know.
    """

    mark: str
    users: set[bytes] = field(default_factory=set)
    deleted: set[bytes] = field(default_factory=set)
    notes: dict[str, str] = field(default_factory=dict)


def newest_cookie(directory: Directory, domain: Domain) -> bytes:
    """Return a cookie after which come the changes from now on, without reading what is there.

    Raises:
        NotAllowedError: the account may not replicate changes.
        RejectedError: the server has no DirSync.
    """
    newest = b""
    for _, cookie in directory.changes(domain.context, _NOTHING, ("objectGUID",), b""):
        newest = cookie
    return newest


class Changes:
    """The changes of one domain since a cursor.

    Args:
        directory: signed in.
        domain: as it was when the read began.
        scope: what the settings mean now.
        attributes: whose change counts; DirSync tells of no others.
    """

    def __init__(
        self, directory: Directory, domain: Domain, scope: Scope, attributes: Iterable[str]
    ) -> None:
        self._directory = directory
        self._domain = domain
        self._scope = scope
        self._attributes = tuple(attributes)

    def since(self, cursor: Cursor) -> Delta:
        """Return what has changed.

        Raises:
            NeedsFullError: it cannot be told; says why.
            ConnectorError: the server failed.
        """
        deciding = self._scope.circles.guids | {bytes.fromhex(guid) for guid in cursor.groups}
        if cursor.way == "usn":
            return self._by_number(cursor.usn, deciding)
        try:
            return self._by_dirsync(cursor.cookie, deciding)
        except RejectedError as error:
            raise NeedsFullError(
                f"the server does not know the cookie any more: {error}"
            ) from error
        except NotAllowedError as error:
            raise NeedsFullError(f"the account may no longer use DirSync: {error}") from error

    def users_since(self, cursor: Cursor) -> set[bytes]:
        """Return the users who have changed or moved, whatever became of groups."""
        if cursor.way == "usn":
            return self._numbered_users(cursor.usn) | self._numbered_places(cursor.usn)
        delta = Delta("")
        self._dirsync_users(cursor.cookie, delta)
        return delta.users | self._dirsync_places(cursor.cookie)

    def _by_dirsync(self, cookie: bytes, deciding: frozenset[bytes]) -> Delta:
        delta = Delta("")
        # the first search's cookie is kept: what changes between it and the others comes again
        delta.mark = cookie_mark(self._dirsync_users(cookie, delta))
        if deciding:
            touched: set[str] = set()
            for entry in self._dirsync(_GROUPS, _MEMBERSHIP, cookie):
                if (first(entry.values, "objectGUID") or b"") not in deciding:
                    continue
                if is_true(entry.values, "isDeleted"):
                    raise NeedsFullError(_deleted_group(entry))
                for name, values in entry.values.items():
                    if name.partition(";")[0] == "member":
                        touched |= {value.decode() for value in values}
            delta.users |= self._people(touched)
        if self._scope.is_by_place:
            delta.users |= self._dirsync_places(cookie)
        return delta

    def _dirsync_users(self, cookie: bytes, delta: Delta) -> bytes:
        wanted = (*self._attributes, "name", "isDeleted")
        newest = cookie
        for page, after in self._directory.changes(
            self._domain.context, _WERE_USERS, wanted, cookie
        ):
            newest = after
            for entry in page:
                guid = first(entry.values, "objectGUID") or b""
                is_deleted = is_true(entry.values, "isDeleted")
                (delta.deleted if is_deleted else delta.users).add(guid)
        return newest

    def _dirsync_places(self, cookie: bytes) -> set[bytes]:
        """Return the users below what was made, moved or renamed: they do not show themselves."""
        found: set[bytes] = set()
        for entry in self._dirsync(_PLACES, ("name", "isDeleted"), cookie):
            if "name" in entry.values and not is_true(entry.values, "isDeleted"):
                found |= self._below(entry.dn)
        return found

    def _dirsync(self, wanted: str, attributes: tuple[str, ...], cookie: bytes) -> Iterator[Entry]:
        for page, _ in self._directory.changes(self._domain.context, wanted, attributes, cookie):
            yield from page

    def _by_number(self, usn: int, deciding: frozenset[bytes]) -> Delta:
        delta = Delta(str(self._domain.usn))
        delta.users = self._numbered_users(usn)
        if deciding:
            for entry in self._numbered(_GROUPS, usn):
                if (first(entry.values, "objectGUID") or b"") in deciding:
                    raise NeedsFullError(
                        f"{entry.dn} has changed, and uSNChanged does not tell who left it"
                    )
        if self._scope.is_by_place:
            delta.users |= self._numbered_places(usn)
        self._tombstones(usn, deciding, delta)
        return delta

    def _tombstones(self, usn: int, deciding: frozenset[bytes], delta: Delta) -> None:
        if not sees_deleted(self._directory, self._domain):
            delta.notes["deleted"] = NO_TOMBSTONES
            return
        place = _deleted_objects(self._domain)
        for entry in self._numbered(_WERE_USERS, usn, place):
            delta.deleted.add(first(entry.values, "objectGUID") or b"")
        for entry in self._numbered(_GROUPS, usn, place) if deciding else ():
            if (first(entry.values, "objectGUID") or b"") in deciding:
                raise NeedsFullError(_deleted_group(entry))

    def _numbered_users(self, usn: int) -> set[bytes]:
        found = self._numbered(USERS, usn)
        return {first(entry.values, "objectGUID") or b"" for entry in found}

    def _numbered_places(self, usn: int) -> set[bytes]:
        found: set[bytes] = set()
        for entry in self._numbered(_PLACES, usn):
            found |= self._below(entry.dn)
        return found

    def _numbered(self, wanted: str, usn: int, tombs: str | None = None) -> Iterator[Entry]:
        """Yield what has changed after a number: of what is there, or of what was deleted."""
        newer = f"(&{wanted}(uSNChanged>={usn + 1}){'' if tombs is None else '(isDeleted=TRUE)'})"
        for page in self._directory.search(
            tombs or self._domain.context, newer, ("objectGUID",), deleted=tombs is not None
        ):
            yield from page

    def _below(self, dn: str) -> set[bytes]:
        found = (
            entry for page in self._directory.search(dn, USERS, ("objectGUID",)) for entry in page
        )
        return {first(entry.values, "objectGUID") or b"" for entry in found}

    def _people(self, members: set[str]) -> set[bytes]:
        """Return the users among some members of groups, and those in groups among them."""
        found: set[bytes] = set()
        seen: set[str] = set()
        while members:
            seen |= members
            inner: set[str] = set()
            for entry in self._called(members):
                if b"group" in entry.values.get("objectclass", ()):
                    for values in self._directory.values(entry.dn, "member"):
                        inner |= {value.decode() for value in values}
                else:
                    found.add(first(entry.values, "objectGUID") or b"")
            members = inner - seen
        return found

    def _called(self, dns: set[str]) -> Iterator[Entry]:
        """Yield the entries of some names; who is not there any more shows as changed itself."""
        names = sorted(dns)
        for start in range(0, len(names), _NAMES):
            each = "".join(equals("distinguishedName", dn) for dn in names[start : start + _NAMES])
            for page in self._directory.search(
                self._domain.context, f"(|{each})", ("objectGUID", "objectClass")
            ):
                yield from page


NO_TOMBSTONES = (
    "the account may not see CN=Deleted Objects: who is deleted goes with the next full sync."
    " Grant it List Contents and Read Property there"
)


def sees_deleted(directory: Directory, domain: Domain) -> bool:
    """Return whether the account may see what was deleted."""
    found = directory.read(_deleted_objects(domain), ("objectClass",), deleted=True)
    # who may list it alone sees its name, and nothing in it
    return found is not None and bool(found.values.get("objectclass"))


def _deleted_objects(domain: Domain) -> str:
    return f"CN=Deleted Objects,{domain.context}"


def _deleted_group(entry: Entry) -> str:
    guid = guid_text(first(entry.values, "objectGUID") or b"")
    return f"the group {guid} was deleted, and nothing tells who was in it"
