"""Where an incremental read goes on: of one server, one naming context and one scope.

A number of changes, or a cookie of DirSync, means something to the database that gave it alone.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from typing import Literal

Way = Literal["dirsync", "usn"]
_FORM = 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a server's changes.

    Attributes:
        way: what `mark` is.
        mark: a cookie of DirSync in base64, or the number of the last change that was read.
        invocation: the id of the server's database.
        context: the naming context.
        scope: stands for the settings by which the last read chose and mapped.
        sees_deleted: whether the account was shown what was deleted, by the same way.
        groups: objectGUIDs, in hex, of the groups that decided then, since one that is deleted
            tells no members.
    """

    way: Way
    mark: str
    invocation: str
    context: str
    scope: str
    sees_deleted: bool
    groups: tuple[str, ...] = ()

    @property
    def group_ids(self) -> frozenset[bytes]:
        """The objectGUIDs of `groups`."""
        return frozenset(bytes.fromhex(guid) for guid in self.groups)

    def text(self) -> str:
        """Return it as the text that is kept."""
        return json.dumps({"form": _FORM, **asdict(self)}, separators=(",", ":"))

    @property
    def cookie(self) -> bytes:
        """The cookie."""
        return base64.b64decode(self.mark)

    @property
    def usn(self) -> int:
        """The number."""
        return int(self.mark)


def cookie_mark(cookie: bytes) -> str:
    """Return a cookie as a mark."""
    return base64.b64encode(cookie).decode()


def parse(text: str) -> Cursor | None:
    """Return a kept cursor, None where it is of another form."""
    try:
        found = json.loads(text)
        if found.pop("form") != _FORM:
            return None
        cursor = Cursor(**{**found, "groups": tuple(found["groups"])})
        # what is none would fail in the middle of a read
        _ = cursor.group_ids, cursor.usn if cursor.way == "usn" else cursor.cookie
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        return None
    return cursor
