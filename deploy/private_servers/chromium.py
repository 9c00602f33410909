"""Chromium, for tests in a browser. It is no server: each session of tests starts its own."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from private_servers import packages
from private_servers.errors import UnavailableError

PACKAGES = ("chromium",)
#: What it is called by Debian, by Ubuntu and Fedora, and by Google.
_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def ensure() -> Path:
    """Return the browser's path; it is installed first where it is missing and may be.

    Raises:
        UnavailableError: it cannot be had on this machine.
    """
    found = _found()
    if found is None and packages.can_install():
        sys.stderr.write(f"services: install {' '.join(PACKAGES)}\n")
        packages.install(PACKAGES, or_containers=False)
        found = _found()
    if found is None:
        raise UnavailableError(packages.advice(PACKAGES, or_containers=False))
    return found


def _found() -> Path | None:
    paths = (shutil.which(name) for name in _NAMES)
    return next((Path(path) for path in paths if path is not None), None)
