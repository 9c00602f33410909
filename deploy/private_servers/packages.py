"""Installs what is missing with apt, as root on Debian and Ubuntu, without starting any daemon."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from private_servers.errors import ServiceError, UnavailableError
from private_servers.processes import run

#: Maintainer scripts ask this program whether they may start a daemon; 101 means no.
#: Source: Debian Policy 9.3.3, invoke-rc.d(8).
_POLICY = Path("/usr/sbin/policy-rc.d")
_OURS = "#!/bin/sh\n# bellringer-services: no daemon starts during an install\nexit 101\n"
_APT_TIMEOUT_S = 900
#: The units that a package brings, where they are not named after it.
_UNITS = {
    "openssh-server": ("ssh.service", "ssh.socket"),
    "samba-ad-dc": ("smbd.service", "nmbd.service", "winbind.service"),
    "samba-ad-provision": (),
    "python3-samba": (),
    "openssl": (),
    "chromium": (),
}


def can_install() -> bool:
    """Tell whether this machine lets us install Debian packages."""
    return (
        os.geteuid() == 0 and shutil.which("apt-get") is not None and Path("/var/lib/dpkg").is_dir()
    )


def install(packages: Sequence[str], *, or_containers: bool = True) -> None:
    """Install Debian packages; their daemons are neither started now nor at the next boot.

    Args:
        packages: their names.
        or_containers: whether Docker would do instead.

    Raises:
        UnavailableError: apt refused; carries its last lines.
    """
    env = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "DEBIAN_FRONTEND": "noninteractive",
        "LANG": "C.UTF-8",
        **{name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")},
    }
    wait = ["-o", "DPkg::Lock::Timeout=600"]
    with _one_at_a_time(), _no_daemons():
        try:
            run(["apt-get", *wait, "-q", "update"], env=env, timeout_s=_APT_TIMEOUT_S)
            # what is there stays as it is, though it is named
            how = ["-q", "-y", "--no-install-recommends", "--no-upgrade"]
            run(
                ["apt-get", *wait, *how, "install", *packages],
                env=env,
                timeout_s=_APT_TIMEOUT_S,
            )
        except ServiceError as error:
            advised = advice(packages, or_containers=or_containers)
            raise UnavailableError(f"{advised}\n{error}") from error
        _disable(packages)


def advice(packages: Sequence[str], *, or_containers: bool = True) -> str:
    """Return the sentence that says what to install, and whether Docker would do instead."""
    names = " ".join(packages)
    otherwise = ", or start Docker with Compose v2," if or_containers else ""
    return (
        f"Not on this machine: {names}. Install them (Debian, Ubuntu: sudo apt-get install"
        f" --no-install-recommends {names}){otherwise} and try again."
    )


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let one run on this machine install at a time; locks a folder, so no file is left."""
    folder = os.open("/var/lib/dpkg", os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextlib.contextmanager
def _no_daemons() -> Iterator[None]:
    """Forbid maintainer scripts to start daemons; afterwards the machine's own rule is back."""
    aside = _POLICY.with_name(f"{_POLICY.name}.before-bellringer")
    if _POLICY.exists() and _POLICY.read_text(errors="replace") != _OURS:
        _POLICY.replace(aside)
    _POLICY.write_text(_OURS)
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if aside.exists():
            aside.replace(_POLICY)
        else:
            _POLICY.unlink()


def _disable(packages: Sequence[str]) -> None:
    """Keep the freshly installed services from starting at the next boot, where systemd is."""
    if _has_systemd():
        units = [unit for name in packages for unit in _UNITS.get(name, (f"{name}.service",))]
        run(["systemctl", "disable", "--quiet", *units])


def _has_systemd() -> bool:
    return Path("/run/systemd/system").is_dir()
