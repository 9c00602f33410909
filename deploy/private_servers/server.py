"""What every private server offers; one file a server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar, Protocol

from private_servers.processes import MARK
from private_servers.site import Site


class Server(Protocol):
    """A server of a site. All methods hold the folder's lock while they run.

    Attributes:
        name: the word of the command line.
        packages: the Debian packages that bring it.
        purposes: what it needs a port for.
    """

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]
    purposes: ClassVar[tuple[str, ...]]

    @classmethod
    def is_installed(cls) -> bool:
        """Tell whether its binaries are on this machine."""
        ...

    def __init__(self, site: Site) -> None: ...

    def make(self) -> None:
        """Make its data anew, whatever is there; does not start it."""
        ...

    def start(self) -> None:
        """Start it on the data that is there and write its processes down; not awaited."""
        ...

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until it answers in its own protocol.

        Raises:
            ServiceError: it ended, or did not answer in time.
        """
        ...

    def is_running(self) -> bool:
        """Tell whether its main process runs."""
        ...

    def stop(self) -> None:
        """End it in good order, with all its processes; idempotent. Data and ports stay."""
        ...

    def kill(self) -> None:
        """End it by SIGKILL, and wait until its processes are gone. Data and ports stay."""
        ...

    def abandon(self) -> None:
        """End all its processes as fast as it can be done without traces; its data goes next."""
        ...

    def remove(self) -> None:
        """Remove its data; it must not run."""
        ...


def clean_env(site: Site, home: Path) -> dict[str, str]:
    """Return an environment in which nothing of the caller's changes a server, with our mark."""
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "TZ": "UTC", MARK: site.token}
