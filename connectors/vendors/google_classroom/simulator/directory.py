"""The simulated Directory API: accounts and organisational units.

Source: the bundled discovery document of the Directory API v1 (`users`, `orgunits`), and its
page on searching for users.
"""

from __future__ import annotations

from connectors.vendors.google_classroom.simulator.answers import GoogleError, Item, page_of
from connectors.vendors.google_classroom.simulator.queries import is_below, is_found, parsed
from connectors.vendors.google_classroom.simulator.requests import Asked
from connectors.vendors.google_classroom.simulator.store import Store

#: What a new account may be given, beside what it must.
USER_FIELDS = (
    *("suspended", "externalIds", "organizations", "relations", "orgUnitPath", "archived"),
    *("changePasswordAtNextLogin", "recoveryEmail", "phones"),
)


class Directory:
    """Accounts and organisational units.

    Args:
        store: what there is.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def users(self, asked: Asked) -> Item:
        """Answer `users.list`."""
        if not asked.one("customer") and not asked.one("domain"):
            raise GoogleError(400, "Bad Request", reason="badRequest")
        deleted = asked.one("showDeleted") == "true"
        kept = self._store.deleted if deleted else self._store.users
        domain, wanted = asked.one("domain").lower(), parsed(asked.one("query"))
        found = [
            dict(user)
            for user in kept.values()
            if domain in ("", user["primaryEmail"].rpartition("@")[2].lower())
            and is_found(user, wanted)
        ]
        order = {
            "": lambda user: user["id"],
            "email": lambda user: user["primaryEmail"].lower(),
            "givenName": lambda user: user["name"]["givenName"],
            "familyName": lambda user: user["name"]["familyName"],
        }.get(asked.one("orderBy"))
        if order is None:
            raise GoogleError(400, "Invalid value for orderBy", reason="invalid")
        found.sort(key=order, reverse=asked.one("sortOrder") == "DESCENDING")
        most = min(500, self._store.limits.page_size)
        return page_of(
            "users", found, asked.one("maxResults"), asked.one("pageToken"), usual=100, most=most
        )

    def get(self, asked: Asked) -> Item:
        """Answer `users.get`."""
        return dict(self._known(asked))

    def insert(self, asked: Asked) -> Item:
        """Answer `users.insert`."""
        given = asked.body()
        email, name = str(given.get("primaryEmail") or ""), given.get("name") or {}
        if not all((given.get("password"), name.get("givenName"), name.get("familyName"))):
            raise GoogleError(400, "Missing required field", reason="required")
        if email.rpartition("@")[2].lower() != self._store.domain:
            raise GoogleError(400, "Domain not found.", reason="invalid")
        if self._store.user(email) is not None:
            raise GoogleError(409, "Entity already exists.", reason="duplicate")
        self._check_unit(given)
        user = self._store.add_user(email, name["givenName"], name["familyName"])
        user |= {field: given[field] for field in USER_FIELDS if field in given}
        self._store.misses[user["id"]] = self._store.limits.new_user_misses
        return dict(user)

    def patch(self, asked: Asked) -> Item:
        """Answer `users.patch` and `users.update`: what is given is merged into what is there."""
        user, given = self._known(asked), asked.body()
        self._check_unit(given)
        if name := given.get("name"):
            told = {**user["name"], **name}
            user["name"] = {**told, "fullName": f"{told['givenName']} {told['familyName']}"}
        if email := given.get("primaryEmail"):
            other = self._store.user(str(email))
            if other is not None and other is not user:
                raise GoogleError(409, "Entity already exists.", reason="duplicate")
            user["primaryEmail"] = email
        user |= {field: given[field] for field in USER_FIELDS if field in given}
        return dict(user)

    def delete(self, asked: Asked) -> Item:
        """Answer `users.delete`."""
        self._store.drop_user(self._known(asked)["id"])
        return {}

    def undelete(self, asked: Asked) -> Item:
        """Answer `users.undelete`, which takes the id alone."""
        key = asked.path["user"]
        if key not in self._store.deleted:
            raise GoogleError(404, "Resource Not Found: userKey", reason="notFound")
        self._store.undelete_user(key)
        return {}

    def units(self, asked: Asked) -> Item:
        """Answer `orgunits.list`; the root is not told of."""
        del asked
        found = [_unit(path) for path in self._store.units if path != "/"]
        return {"kind": "admin#directory#orgUnits", "organizationUnits": found}

    def add_unit(self, asked: Asked) -> Item:
        """Answer `orgunits.insert`."""
        given = asked.body()
        parent = str(given.get("parentOrgUnitPath") or "/")
        path = f"{parent.rstrip('/')}/{given.get('name') or ''}"
        if parent not in self._store.units or not given.get("name"):
            raise GoogleError(400, "Invalid Parent Orgunit Id", reason="invalid")
        if path in self._store.units:
            raise GoogleError(400, "Invalid Ou Id", reason="invalid")
        self._store.units.append(path)
        return _unit(path)

    def unit(self, asked: Asked) -> Item:
        """Answer `orgunits.get`."""
        return _unit(self._known_unit(asked))

    def change_unit(self, asked: Asked) -> Item:
        """Answer `orgunits.patch` and `orgunits.update`: name and parent; what is below moves."""
        path, given = self._known_unit(asked), asked.body()
        parent, _, name = path.rpartition("/")
        parent = str(given.get("parentOrgUnitPath") or parent or "/")
        new = f"{parent.rstrip('/')}/{given.get('name') or name}"
        if parent not in self._store.units or is_below(parent, path):
            raise GoogleError(400, "Invalid Parent Orgunit Id", reason="invalid")
        if new != path and new in self._store.units:
            raise GoogleError(400, "Invalid Ou Id", reason="invalid")
        for place, there in enumerate(self._store.units):
            if is_below(there, path):
                self._store.units[place] = new + there.removeprefix(path)
        for user in self._store.users.values():
            if is_below(user["orgUnitPath"], path):
                user["orgUnitPath"] = new + user["orgUnitPath"].removeprefix(path)
        return _unit(new)

    def remove_unit(self, asked: Asked) -> Item:
        """Answer `orgunits.delete`: it must be empty."""
        path = self._known_unit(asked)
        there = [u for u in self._store.units if u != path and is_below(u, path)]
        people = [u for u in self._store.users.values() if is_below(u["orgUnitPath"], path)]
        if there or people:
            raise GoogleError(400, "Org unit is not empty", reason="invalid")
        self._store.units.remove(path)
        return {}

    def _known_unit(self, asked: Asked) -> str:
        path = f"/{asked.path['unit'].strip('/')}"
        if path == "/" or path not in self._store.units:
            raise GoogleError(404, "Org unit not found", reason="notFound")
        return path

    def _known(self, asked: Asked) -> Item:
        user = self._store.user(asked.path["user"])
        if user is None:
            raise GoogleError(404, "Resource Not Found: userKey", reason="notFound")
        return user

    def _check_unit(self, given: Item) -> None:
        if given.get("orgUnitPath", "/") not in self._store.units:
            raise GoogleError(400, "Invalid Input: INVALID_OU_ID", reason="invalid")


def _unit(path: str) -> Item:
    parent, _, name = path.rpartition("/")
    return {
        "kind": "admin#directory#orgUnit",
        "name": name,
        "orgUnitPath": path,
        "parentOrgUnitPath": parent or "/",
    }
