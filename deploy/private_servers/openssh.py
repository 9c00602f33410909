"""A private OpenSSH server (8.9 or newer) for SFTP alone, run by an unprivileged user.

An sshd that is not root lets in nobody but the user it runs as, and needs neither a privilege
separation user nor /run/sshd. It refuses every password, since it cannot read their hashes. It
cannot change its root either: a session starts in `files`, and goes no further than that user may.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import time
from pathlib import Path
from typing import ClassVar

from private_servers.errors import ServiceError
from private_servers.home import Home
from private_servers.processes import (
    Process,
    descendants,
    end,
    is_alive,
    log_tail,
    run,
    send,
    spawn,
    wait_gone,
)
from private_servers.server import clean_env
from private_servers.site import Site

#: The user inside the container, where the server runs in one.
COMPOSE_USER = "bellringer"

#: Not nobody: where systemd's name service is asked, that account is a locked one.
_UNPRIVILEGED = ("games", "daemon")
_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {home}/host_key
AuthorizedKeysFile {home}/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication yes
KbdInteractiveAuthentication no
AllowTcpForwarding no
AllowAgentForwarding no
X11Forwarding no
PermitTunnel no
PermitTTY no
PermitUserRC no
PrintMotd no
MaxStartups 200
LogLevel VERBOSE
Subsystem sftp internal-sftp
ForceCommand internal-sftp -d {home}/files
"""
#: Since OpenSSH 9.8 an address that fails to sign in is shut out for a while: ours is everybody's.
_NO_PENALTIES = "PerSourcePenalties no\n"


class OpenSSH:
    """One sshd that offers SFTP to the user it runs as, by a key of this site's own."""

    name: ClassVar[str] = "openssh"
    packages: ClassVar[tuple[str, ...]] = ("openssh-server",)
    purposes: ClassVar[tuple[str, ...]] = ("sftp",)

    @classmethod
    def is_installed(cls) -> bool:
        """Tell whether sshd and ssh-keygen are on this machine."""
        return _sshd() is not None and shutil.which("ssh-keygen") is not None

    def __init__(self, site: Site) -> None:
        """Bind to a site."""
        self._site = site
        self._owned = Home(site, self.name, _UNPRIVILEGED)

    @property
    def _home(self) -> Path:
        return self._owned.path

    @property
    def _log(self) -> Path:
        return self._home / "server.log"

    def make(self) -> None:
        """Make the keys, the configuration and the folder that is served."""
        self.remove()
        self._owned.make()
        make_keys(self._home)
        (self._home / "files").mkdir()
        shutil.copyfile(self._home / "client_key.pub", self._home / "authorized_keys")
        config = self._home / "sshd_config"
        text = _CONFIG.format(port=self._site.ports[f"{self.name}.sftp"], home=self._home)
        config.write_text(text + _NO_PENALTIES)
        for path in self._home.iterdir():
            self._owned.give(path)
        try:
            self._test(config)
        except ServiceError:
            config.write_text(text)
            self._test(config)

    def start(self) -> None:
        """Start the daemon in the foreground, as a child of nobody."""
        command = [str(_binary()), "-D", "-e", "-f", str(self._home / "sshd_config")]
        env = clean_env(self._site, self._home)
        process = spawn(command, env=env, log=self._log, user=self._owned.user)
        self._site.record(self.name, process)

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until it says which protocol it speaks."""
        deadline = time.monotonic() + timeout_s
        while not speaks_ssh(self._site.ports[f"{self.name}.sftp"]):
            if not self.is_running():
                raise ServiceError(f"openssh ended while it started:\n{log_tail(self._log)}")
            if time.monotonic() > deadline:
                log = log_tail(self._log)
                raise ServiceError(f"openssh is not ready after {timeout_s:g} s:\n{log}")
            time.sleep(0.05)

    def is_running(self) -> bool:
        """Tell whether the daemon runs."""
        process: Process | None = self._site.processes.get(self.name)
        return process is not None and is_alive(process)

    def stop(self) -> None:
        """End the daemon, and the sessions that it would leave behind."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the daemon and its sessions by SIGKILL, as if the machine were cut off."""
        self._end(signal.SIGKILL)

    def abandon(self) -> None:
        """End the daemon and its sessions by SIGKILL."""
        self.kill()

    def remove(self) -> None:
        """Remove the keys and what was served."""
        self._owned.remove()

    def _test(self, config: Path) -> None:
        env = clean_env(self._site, self._home)
        run([str(_binary()), "-t", "-f", str(config)], env=env, user=self._owned.user)

    def _end(self, signal_number: int) -> None:
        process = self._site.processes.get(self.name)
        if process is None:
            return
        # the daemon first: it would answer another client while its sessions end
        family = [process, *descendants(process)]
        for one in family:
            send(one, signal_number)
        end(wait_gone(family, 5), grace_s=1)
        self._site.record(self.name, None)


def environment(site: Site) -> dict[str, str]:
    """Return the variables that lead to the server: its URL and folder, and the keys of both."""
    port = site.ports[f"{OpenSSH.name}.sftp"]
    if site.backend == "compose":
        home, user, path = site.folder / "compose" / "openssh", COMPOSE_USER, "/files"
    else:
        owned = Home(site, OpenSSH.name, _UNPRIVILEGED)
        home, path = owned.path, str(owned.path / "files")
        uid = os.geteuid() if owned.user is None else owned.user
        user = pwd.getpwuid(uid).pw_name
    return {
        "BELLRINGER_SFTP_URL": f"sftp://{user}@127.0.0.1:{port}{path}",
        "BELLRINGER_SFTP_HOST_KEY": " ".join((home / "host_key.pub").read_text().split()[:2]),
        "BELLRINGER_SFTP_KEY_FILE": str(home / "client_key"),
        "BELLRINGER_SFTP_FOLDER": str(home / "files"),
    }


def make_keys(folder: Path) -> None:
    """Make the server's key, and the one by which a client signs in, with their public halves."""
    for name in ("host_key", "client_key"):
        path = str(folder / name)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"bellringer-{name}", "-f", path])


def speaks_ssh(port: int) -> bool:
    """Tell whether an SSH 2 server answers; it speaks first."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            return connection.recv(8) == b"SSH-2.0-"
    except OSError:
        return False


def _binary() -> Path:
    found = _sshd()
    if found is None:
        raise ServiceError("sshd is no longer installed")
    return found


def _sshd() -> Path | None:
    """Return sshd by its whole path, without which it does not run."""
    path = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin"
    found = shutil.which("sshd", path=path)
    return None if found is None else Path(found).resolve()
