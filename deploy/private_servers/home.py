"""The folder of a server that an unprivileged user runs when we are root."""

from __future__ import annotations

import os
import pwd
import tempfile
from pathlib import Path

from private_servers.errors import ServiceError
from private_servers.processes import run
from private_servers.site import Site, remove_tree


class Home:
    """A server's folder, owned by the user that runs it.

    Args:
        site: the server's.
        name: the server.
        candidates: users who may run it when we are root; the first that exists does.

    Attributes:
        user: the uid to become, None: we stay who we are.
    """

    def __init__(self, site: Site, name: str, candidates: tuple[str, ...]) -> None:
        self._site = site
        self._name = name
        self.user = _first(candidates, name) if os.geteuid() == 0 else None

    @property
    def path(self) -> Path:
        """The folder, which may lie outside the site's."""
        return Path(self._site.places.get(self._name, self._site.folder / self._name))

    def make(self) -> None:
        """Make a folder that the user owns and reaches, in /tmp if need be."""
        self.path.mkdir()
        self.give(self.path)
        if self.user is not None and not self._reaches(self.path):
            self.path.rmdir()
            # Written down first, so that a crash here leaves nothing unknown.
            place = Path(tempfile.gettempdir()) / f"bellringer-{self._site.token}-{self._name}"
            self._site.places[self._name] = str(place)
            self._site.save()
            place.mkdir()
            self.give(place)
        self.path.chmod(0o700)

    def give(self, path: Path) -> None:
        """Let the user own what we have made."""
        if self.user is not None:
            os.chown(path, self.user, pwd.getpwuid(self.user).pw_gid)

    def remove(self) -> None:
        """Remove the folder, wherever it had to be."""
        remove_tree(self.path)
        if self._site.places.pop(self._name, None) is not None:
            self._site.save()

    def _reaches(self, folder: Path) -> bool:
        try:
            run(["test", "-x", str(folder)], user=self.user)
        except ServiceError:
            return False
        return True


def _first(names: tuple[str, ...], server: str) -> int:
    """Return the uid of the first user that exists."""
    for name in names:
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise ServiceError(f"no user {' or '.join(names)} to run {server} as; make one")
