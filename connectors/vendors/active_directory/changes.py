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
    guid_filter,
)
from connectors.vendors.active_directory.cursor import Cursor, cookie_mark
from connectors.vendors.active_directory.domain import Domain
from connectors.vendors.active_directory.scope import Scope
from connectors.vendors.active_directory.source import NAME
from connectors.vendors.active_directory.values import first, guid_text, is_true
from shared.errors import TransientConnectorError

USERS = "(&(objectCategory=person)(objectClass=user))"
#: Of what was deleted, the category is gone.
_WERE_USERS = "(&(objectClass=user)(!(objectClass=computer)))"
_GROUPS = "(objectClass=group)"
_PLACES = "(|(objectClass=organizationalUnit)(objectClass=container))"
#: Where what was deleted lies; it counts as deleted itself.
_TOMBS = "(&(objectClass=container)(isDeleted=TRUE))"
#: Names that are asked for in one search.
_NAMES = 100
_MEMBERSHIP = ("objectGUID", "member")
_ID = ("objectGUID",)


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


def newest_cookie(directory: Directory, domain: Domain) -> tuple[bytes, bool]:
    """Return a cookie after which come the changes from now on, without reading what is there.

    Beside it, whether what is deleted will be among them: with the right to replicate changes
    alone, Samba does not show it.

    Raises:
        NotAllowedError: the account may not replicate changes.
        RejectedError: the server has no DirSync.
    """
    newest, sees_tombs = b"", False
    for page, cookie in directory.changes(domain.context, _TOMBS, ("isDeleted", "name"), b""):
        newest, sees_tombs = cookie, sees_tombs or bool(page)
    return newest, sees_tombs


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
        before = cursor.group_ids
        deciding = self._scope.circles.guids | before
        self._see_that_none_is_deleted(before - self._scope.circles.guids)
        if cursor.way == "usn":
            return self._by_number(cursor.usn, deciding)
        try:
            delta = self._by_dirsync(cursor.cookie, deciding)
        except RejectedError as error:
            raise NeedsFullError(
                f"the server does not know the cookie any more: {error}"
            ) from error
        except NotAllowedError as error:
            raise NeedsFullError(f"the account may no longer use DirSync: {error}") from error
        if not cursor.sees_deleted:
            delta.notes["deleted"] = NO_TOMBSTONES
        return delta

    def users_since(self, cursor: Cursor) -> set[bytes]:
        """Return the users who have changed or moved, whatever became of groups.

        Raises:
            TransientConnectorError: the server takes a cookie back that it has just given.
        """
        if cursor.way == "usn":
            return self._numbered_users(cursor.usn) | self._numbered_places(cursor.usn)
        delta = Delta("")
        try:
            self._dirsync_users(cursor.cookie, delta)
            return delta.users | self._dirsync_places(cursor.cookie)
        except (RejectedError, NotAllowedError) as error:
            told = f"the server no longer goes on from its own cookie: {error}"
            raise TransientConnectorError(NAME, told) from error

    def _by_dirsync(self, cookie: bytes, deciding: frozenset[bytes]) -> Delta:
        delta = Delta("")
        # the first search's cookie is kept: what changes between it and the others comes again
        delta.mark = cookie_mark(self._dirsync_users(cookie, delta))
        if deciding:
            touched: set[str] = set()
            for entry in self._dirsync(_GROUPS, _MEMBERSHIP, cookie):
                if (first(entry.values, "objectGUID") or b"") not in deciding:
                    continue
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
        if sees_deleted(self._directory, self._domain):
            tombs = self._numbered(_WERE_USERS, usn, _deleted_objects(self._domain))
            delta.deleted = {first(entry.values, "objectGUID") or b"" for entry in tombs}
        else:
            delta.notes["deleted"] = NO_TOMBSTONES
        return delta

    def _see_that_none_is_deleted(self, groups: frozenset[bytes]) -> None:
        """See of groups that decided before, and do not now, that they are there still.

        What was deleted tells no members, and the groups around it do not change.
        """
        wanted = f"(&{_GROUPS}{guid_filter(sorted(groups))})" if groups else None
        pages = self._directory.search(self._domain.context, wanted, _ID) if wanted else ()
        gone = groups - {first(entry.values, "objectGUID") for page in pages for entry in page}
        if gone:
            raise NeedsFullError(
                f"the group {guid_text(min(gone))} was deleted, and nothing tells who was in it"
            )

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
            tombs or self._domain.context, newer, _ID, deleted=tombs is not None
        ):
            yield from page

    def _below(self, dn: str) -> set[bytes]:
        found = (entry for page in self._directory.search(dn, USERS, _ID) for entry in page)
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
